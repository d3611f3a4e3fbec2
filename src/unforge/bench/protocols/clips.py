"""`clips`: real and forged videos, each forgery method against the untouched clips of its own collection.

What is counted is what a user gets: the verdict of `examine`, fused over all examiners that were asked for. A
clip that nobody could judge has an llr of 0 (it says nothing either way), so that abstaining cannot raise a
figure; it is also counted. Frame figures take every look at a face that was judged. Intervals resample clips,
never frames: the frames of one clip are not independent.
"""

import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge import __version__, examination, metrics
from unforge.bench.record import Record, Value, host, measured, sha256_of
from unforge.errors import UsageError
from unforge.report import Report
from unforge.verdict import posterior

PRIOR = 0.5
SEED = 0
ROUNDS = metrics.ROUNDS
SPLITS = ("train", "val")
FACE_COLLECTION = "ffpp_c23"
POOLED = "all methods"
OTHERS = {"animated": "clips/animated/", "talking": "clips/talking/"}  # row: where its clips lie

_COLUMNS = ("path", "label", "kind", "dataset", "method", "split")

Indices = NDArray[np.intp]
OnProgress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Clip:
    """A line of the manifest."""

    path: str
    fake: bool
    dataset: str
    method: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What examining one clip gave.

    llr: fused, 0.0 where nobody could judge; frame_llrs: (F,) of all faces; flagged: the band is
    `manipulated`.
    """

    clip: Clip
    llr: float
    frame_llrs: NDArray[np.float64]
    flagged: bool
    abstained: bool
    failed: bool
    elapsed_s: float


def run(
    examiners: Sequence[str] | None, data: Path, split: str = "val", on_progress: OnProgress | None = None
) -> Record:
    """Examine the clips of a split and record how well the verdicts rank and how far they can be believed.

    Raises UsageError for a folder without a manifest, or a split without clips.
    """
    clips = read_manifest(data, split)
    outcomes, models = [], dict[str, str]()
    for n, clip in enumerate(clips):
        if on_progress is not None:
            on_progress(clip.path, n / len(clips))
        started = time.perf_counter()
        report = examination.examine(data / clip.path, examiners=examiners, prior=PRIOR)
        outcomes.append(outcome(clip, report, time.perf_counter() - started))
        models |= {model.name: model.sha256 for model in report.run.models}
    asked = "" if examiners is None else "-" + "-".join(examiners)
    return Record(
        name=f"clips-{split}{asked}",
        protocol="clips",
        split=split,
        rows={row: figures(members) for row, members in groups(outcomes).items()},
        manifest_sha256=sha256_of(data / "manifest.csv"),
        weights=models,
        version=__version__,
        date=datetime.now(UTC).date().isoformat(),
        host=host(),
        seed=SEED,
        settings={"prior": PRIOR, "bootstrap_rounds": ROUNDS, "clips": len(clips)},
    )


def read_manifest(data: Path, split: str) -> list[Clip]:
    """The videos of one split, in the order of the manifest. Raises UsageError."""
    if split not in SPLITS:
        raise UsageError(f"split: expected one of {', '.join(SPLITS)}; got {split!r}")
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        raise UsageError(f"data: expected a folder with a manifest.csv; {data} has none")
    with manifest.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        missing = sorted(set(_COLUMNS) - set(table.fieldnames or ()))
        if missing:
            raise UsageError(f"{manifest}: expected the columns {', '.join(_COLUMNS)}; missing: {', '.join(missing)}")
        clips = [
            Clip(row["path"], row["label"] == "fake", row["dataset"], row["method"])
            for row in table
            if row["kind"] == "video" and row["split"] == split
        ]
    if not clips:
        raise UsageError(f"{manifest}: no videos in the split {split!r}")
    return clips


def outcome(clip: Clip, report: Report, elapsed_s: float) -> Outcome:
    """The numbers of a report that count here."""
    verdict = report.verdict
    llr = None if verdict is None else verdict.llr
    frames = [frame.llr for face in report.faces for frame in face.frames if frame.llr is not None]
    return Outcome(
        clip=clip,
        llr=0.0 if llr is None else llr,
        frame_llrs=np.array(frames, np.float64),
        flagged=verdict is not None and verdict.band == "manipulated",
        abstained=llr is None,
        failed=report.error is not None,
        elapsed_s=elapsed_s,
    )


def groups(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes by row: each method with the untouched clips of its collection, all, and other clips."""
    faces = [found for found in outcomes if found.clip.dataset == FACE_COLLECTION]
    reals = [found for found in faces if not found.clip.fake]
    methods = sorted({found.clip.method for found in faces if found.clip.fake})
    rows = {method: [*reals, *(f for f in faces if f.clip.method == method)] for method in methods}
    rows[POOLED] = faces
    for row, folder in OTHERS.items():
        rows[row] = [found for found in outcomes if found.clip.path.startswith(folder)]
    known = {id(found) for members in rows.values() for found in members}
    rows["other"] = [found for found in outcomes if id(found) not in known]
    return {row: members for row, members in rows.items() if members}


def figures(outcomes: Sequence[Outcome]) -> dict[str, Value]:
    """All figures of one row with their intervals; a figure that needs both classes is None with one."""
    fakes = np.array([found.clip.fake for found in outcomes])
    llrs = np.array([found.llr for found in outcomes])
    chances = np.array([posterior(llr, PRIOR) for llr in llrs])
    flagged = np.array([found.flagged for found in outcomes])
    abstained = np.array([found.abstained for found in outcomes])
    elapsed_s = np.array([found.elapsed_s for found in outcomes])
    frames = [found.frame_llrs for found in outcomes]

    def frame_auc(drawn: Indices) -> float:
        labels = np.repeat(fakes[drawn], [len(frames[n]) for n in drawn])
        return metrics.auc(np.concatenate([frames[n] for n in drawn]), labels)

    def balanced(loss: Callable[..., float]) -> Callable[[Indices], float]:
        return lambda drawn: loss(chances[drawn], fakes[drawn], metrics.balance(fakes[drawn], PRIOR))

    def share(of: NDArray[np.bool_], among: NDArray[np.bool_]) -> Callable[[Indices], float]:
        return lambda drawn: float(of[drawn][among[drawn]].mean()) if among[drawn].any() else float("nan")

    statistics: dict[str, Callable[[Indices], float]] = {
        "frame_auc": frame_auc,
        "video_auc": lambda drawn: metrics.auc(llrs[drawn], fakes[drawn]),
        "log_loss": balanced(metrics.log_loss),
        "ece": balanced(metrics.ece),
        "cllr": lambda drawn: metrics.cllr(llrs[drawn], fakes[drawn]),
        "tpr": share(flagged, fakes),
        "fpr": share(flagged, ~fakes),
        "abstained_real": share(abstained, ~fakes),
        "abstained_fake": share(abstained, fakes),
        "seconds_per_clip": lambda drawn: float(np.median(elapsed_s[drawn])),
    }
    whole = np.arange(len(outcomes))
    return {
        name: measured(statistic(whole), metrics.interval(statistic, fakes, rounds=ROUNDS, seed=SEED), len(outcomes))
        for name, statistic in statistics.items()
    } | {"failed": Value(float(sum(found.failed for found in outcomes)), None, None, len(outcomes))}
