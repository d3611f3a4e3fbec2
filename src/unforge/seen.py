"""What examiners saw in one stretch of pictures: a still, a short film, a span of a long one."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from unforge import weights
from unforge.evidence import Evidence, Region
from unforge.examiner import Examiner
from unforge.exhibit import Exhibit
from unforge.explain.findings import MOST_TESTED, findings
from unforge.explain.roles import of_role
from unforge.faces import FaceTrack
from unforge.report import Face, FaceFrame, FaceImage, Finding
from unforge.verdict import Verdict, any_of, posterior, weigh

QUESTION = "manipulated"
THREADS = 2  # examiners at work at once: each runs on one thread, and the smallest machine meant has two cores
FACES_SHARE, EXAMINERS_SHARE = 0.4, 0.95  # of the work that is done when faces are found, when examiners have answered

OnProgress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Seen:
    """evidence: one answer per examiner, in the order in which they were asked; faces in order of appearance."""

    evidence: tuple[Evidence, ...]
    faces: tuple[Face, ...]
    findings: tuple[Finding, ...] = ()


def look(
    exhibit: Exhibit,
    examiners: Sequence[Examiner],
    prior: float,
    on_progress: OnProgress,
    *,
    pictures: bool = True,
    most_tested: int = MOST_TESTED,
) -> Seen:
    """Ask examiners about an exhibit. Raises MediaError where it cannot be read.

    pictures: whether faces and findings are wanted with their pictures. most_tested: findings whose mark is tested by
    hiding it. on_progress: is told what is being done and the share of the work, in [0, 1].
    """
    exhibit.on_progress = lambda share: on_progress("faces", FACES_SHARE * share)
    tracks = exhibit.tracks
    exhibit.on_progress = None
    evidence = _asked(exhibit, examiners, on_progress)
    faces = tuple(_face(track, evidence, prior, pictures) for track in tracks)
    found = findings(exhibit, examiners, evidence, most_tested) if pictures else ()
    on_progress("findings", 1.0)
    return Seen(evidence, faces, found)


def _asked(exhibit: Exhibit, examiners: Sequence[Examiner], on_progress: OnProgress) -> tuple[Evidence, ...]:
    """All answers. Each examiner is deterministic by itself, so it does not matter how they share the threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(examiner.examine, exhibit) for examiner in examiners]
        answers = []
        try:
            for n, (examiner, answer) in enumerate(zip(examiners, asked, strict=True)):
                answers.append(answer.result())
                share = (n + 1) / len(examiners)
                on_progress(examiner.name, FACES_SHARE + (EXAMINERS_SHARE - FACES_SHARE) * share)
        finally:
            pool.shutdown(cancel_futures=True)
    return tuple(answers)


def _face(track: FaceTrack, evidence: Sequence[Evidence], prior: float, pictures: bool) -> Face:
    """What was said about one person: regions without a box speak for the whole track, those with one for a look."""
    counted = of_role(evidence, "counted")
    regions = [region for answer in counted for region in answer.regions if region.track == track.id]
    llr = llr_of(counted, track.id)
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
        images=_images(track, regions) if pictures else (),
    )


def llr_of(answers: Sequence[Evidence], track: int) -> float | None:
    """What all examiners together say of one person, from what each says of the whole track; None where none does."""
    whole: dict[str, list[float]] = {}
    for answer in answers:
        for region in answer.regions:
            if region.track == track and region.box_px is None:
                whole.setdefault(answer.source, []).append(region.llr)
    return weights.trust().llr({source: any_of(llrs) for source, llrs in whole.items()})


def _frames(track: FaceTrack, llr_by_time: Mapping[float, float]) -> tuple[FaceFrame, ...]:
    frames = []
    for time_s, box_px in zip(track.times_s.tolist(), np.round(track.boxes_px).astype(int).tolist(), strict=True):
        frames.append(FaceFrame(time_s, tuple(box_px), llr_by_time.get(time_s)))
    return tuple(frames)


def _images(track: FaceTrack, regions: Sequence[Region]) -> tuple[FaceImage, ...]:
    """The most telling looks with their heat, or the largest look without any where nothing was said."""
    positions = {time_s: n for n, time_s in enumerate(track.times_s.tolist())}
    shown = [
        FaceImage(region.start_s, region.llr, track.crops[positions[region.start_s]].copy(), region.heat)
        for region in regions
        if region.heat is not None and region.start_s in positions
    ]
    if not shown:
        n = int(np.argmax(track.size_px))
        shown = [FaceImage(float(track.times_s[n]), 0.0, track.crops[n].copy(), np.zeros((1, 1), np.float32))]
    return tuple(shown)


def verdict_of(evidence: Sequence[Evidence], prior: float) -> Verdict:
    """The evidence weighed, as everywhere: by what was learned about the examiners."""
    return weigh(evidence, QUESTION, prior, weights.trust())
