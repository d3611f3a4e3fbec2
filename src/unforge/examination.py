"""The spine: exhibit -> evidence -> verdict -> report."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from unforge import __version__, detect, weights
from unforge.errors import MediaError
from unforge.evidence import Evidence, Region
from unforge.examiner import Examiner
from unforge.exhibit import Exhibit
from unforge.explain import words
from unforge.explain.findings import findings
from unforge.faces import FaceTrack
from unforge.report import ErrorFacts, ExhibitFacts, Face, FaceFrame, FaceImage, Model, Report, Run
from unforge.verdict import posterior, weigh

QUESTION = "manipulated"
FACE_MODELS = ("face_detection_full_range", "face_detection_short_range", "face_landmark")

OnProgress = Callable[[str, float], None]


def examine(
    path: str | Path,
    *,
    examiners: Sequence[str] | None = None,
    prior: float = 0.5,
    on_progress: OnProgress | None = None,
) -> Report:
    """Examine one picture or video and report.

    examiners: names as `detect.available()` lists them; all by default. prior: probability of manipulation before
    looking. on_progress: is told the stage and its share done.
    A file that cannot be read gives a report with `error`. Raises UnknownName and UsageError for wrong settings.
    """
    chosen = [detect.load(name) for name in (detect.available() if examiners is None else examiners)]
    weigh((), QUESTION, prior)  # a wrong prior is told before the work
    started, clock = datetime.now(UTC), time.monotonic()
    exhibit = Exhibit(path, None if on_progress is None else lambda share: on_progress("faces", share))

    def run() -> Run:
        names = (*FACE_MODELS, *(model for examiner in chosen for model in examiner.models))
        models = tuple(Model(name, weights.card(name).sha256) for name in dict.fromkeys(names))
        return Run(__version__, models, started.isoformat(timespec="seconds"), round(time.monotonic() - clock, 3))

    try:
        facts = _facts(exhibit)
        evidence = _evidence(exhibit, chosen, on_progress)
    except MediaError as error:
        return Report(ExhibitFacts(str(path)), run(), error=ErrorFacts(error.code, error.message))
    verdict = weigh(evidence, QUESTION, prior, weights.trust())
    faces = tuple(_face(track, evidence, prior) for track in exhibit.tracks)
    found = findings(exhibit, chosen, evidence)
    return Report(
        exhibit=facts,
        run=run(),
        verdict=verdict,
        evidence=evidence,
        faces=faces,
        findings=found,
        explanation=words.explain(facts, verdict, evidence, faces, found),
        limits=words.limits(facts, verdict, evidence, faces),
    )


def _facts(exhibit: Exhibit) -> ExhibitFacts:
    facts = exhibit.facts
    return ExhibitFacts(
        path=str(exhibit.path),
        sha256=facts.sha256,
        bytes=facts.bytes,
        media=facts.kind,
        duration_s=facts.duration_s,
        size_wh=facts.size_wh,
        rate_hz=facts.rate_hz,
        has_sound=facts.has_sound,
    )


def _evidence(exhibit: Exhibit, examiners: Sequence[Examiner], on_progress: OnProgress | None) -> tuple[Evidence, ...]:
    answers = []
    for n, examiner in enumerate(examiners):
        answers.append(examiner.examine(exhibit))
        if on_progress is not None:
            on_progress(examiner.name, (n + 1) / len(examiners))
    return tuple(answers)


def _face(track: FaceTrack, evidence: Sequence[Evidence], prior: float) -> Face:
    """What was said about one person: regions without a box speak for the whole track, those with one for a look."""
    regions = [r for answer in evidence if not answer.abstained for r in answer.regions if r.track == track.id]
    whole = [region.llr for region in regions if region.box_px is None]
    llr = sum(whole) / len(whole) if whole else None
    by_time: dict[float, list[float]] = {}
    for region in regions:
        if region.box_px is not None:
            by_time.setdefault(region.start_s, []).append(region.llr)
    return Face(
        track=track.id,
        start_s=float(track.times_s[0]),
        end_s=float(track.times_s[-1]),
        probability=None if llr is None else posterior(llr, prior),
        llr=llr,
        frames=_frames(track, {time_s: sum(llrs) / len(llrs) for time_s, llrs in by_time.items()}),
        images=_images(track, regions),
    )


def _frames(track: FaceTrack, llr_by_time: Mapping[float, float]) -> tuple[FaceFrame, ...]:
    frames = []
    for time_s, box_px in zip(track.times_s.tolist(), np.round(track.boxes_px).astype(int).tolist(), strict=True):
        frames.append(FaceFrame(time_s, tuple(box_px), llr_by_time.get(time_s)))
    return tuple(frames)


def _images(track: FaceTrack, regions: Sequence[Region]) -> tuple[FaceImage, ...]:
    """The most telling looks with their heat, or the largest look without any where nothing was said."""
    positions = {time_s: n for n, time_s in enumerate(track.times_s.tolist())}
    shown = [
        FaceImage(region.start_s, region.llr, track.crops[positions[region.start_s]], region.heat)
        for region in regions
        if region.heat is not None
    ]
    if not shown:
        n = int(np.argmax(track.size_px))
        shown = [FaceImage(float(track.times_s[n]), 0.0, track.crops[n], np.zeros((1, 1), np.float32))]
    return tuple(shown)
