"""`clips`: real and forged videos, each forgery method against the untouched clips of its own collection.

What is counted is what a user gets: the verdict, fused over all examiners that were asked for. A clip that nobody
could judge has an llr of 0 (it says nothing either way), so that abstaining cannot raise a figure; it is also counted.
Frame figures take every look at a face that was judged. Intervals resample clips, never frames: the frames of one clip
are not independent. Shares have Wilson intervals, because resampling 0 of 14 gives [0, 0].

Peers look at the same faces in the same run. Their rows carry `auc_lead`, how far our video AUC lies above theirs on
the same clips, with a paired interval. A list (bench/lists.py) names videos that are kept as frames; the llr of such a
video is the mean over its frames. The rows `stated ...` hold, for each bin of stated probability, its mean and how many
were forged, both classes weighed alike: the diagram beside the record is drawn from them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge import metrics
from unforge.bench import figures, judge, material, reliability
from unforge.bench.judge import PRIOR, Contestant, Judgement
from unforge.bench.material import Item
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.exhibit import Exhibit
from unforge.verdict import posterior

FACE_COLLECTION = "ffpp_c23"
POOLED = "all methods"
OTHERS = {"animated": "clips/animated/", "talking": "clips/talking/"}  # row: where its clips lie


@dataclass(frozen=True, slots=True)
class Outcome:
    """A clip and what one contestant says of it."""

    clip: Item
    said: Judgement


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Examine the clips of a split and record how well the verdicts rank and how far they can be believed.

    Raises UsageError for a folder without a manifest, a list that does not fit, or a split without clips.
    """
    clips = material.read(data, split, "video") if listed is None else material.read_list(listed, data, split)
    contestants = judge.contestants(examiners, peers)
    said: list[list[Judgement]] = []
    for n, clip in enumerate(clips):
        if on_progress is not None:
            on_progress(clip.path, n / len(clips))
        said.append(_judged(data or Path(), clip, contestants))
    outcomes = {
        contestant.name: [Outcome(clip, found[n]) for clip, found in zip(clips, said, strict=True)]
        for n, contestant in enumerate(contestants)
    }
    return of_today(
        name="-".join(
            ("clips", *([listed.stem] if listed else []), split, *(examiners or ()), *(["peers"] if peers else []))
        ),
        protocol="clips",
        split=split,
        rows=_rows(outcomes, groups if listed is None else groups_of_list),
        manifest_sha256=material.sha256(data, listed),
        weights=judge.sha256s(contestants),
        seed=figures.SEED,
        settings={
            "prior": PRIOR,
            "bootstrap_rounds": figures.ROUNDS,
            "clips": len(clips),
            "figures": figures.INTERVALS,
        },
    )


def _judged(data: Path, clip: Item, contestants: Sequence[Contestant]) -> list[Judgement]:
    if not clip.frames:
        return judge.judge(Exhibit(data / clip.path), contestants, clip.central_face)
    by_frame = [judge.judge(Exhibit(data / frame), contestants, clip.central_face) for frame in clip.frames]
    return [judge.mean(of_one) for of_one in zip(*by_frame, strict=True)]


def _rows(
    outcomes: dict[str, list[Outcome]], grouped: Callable[[Sequence[Outcome]], dict[str, list[Outcome]]]
) -> dict[str, dict[str, Value]]:
    """Our rows, then those of each peer under its name."""
    own = grouped(outcomes[judge.OWN])
    rows = {row: row_figures(members) for row, members in own.items()}
    rows |= _reliability(own.get(POOLED, outcomes[judge.OWN]))
    for name, found in outcomes.items():
        if name != judge.OWN:
            for row, members in grouped(found).items():
                rows[f"{name}: {row}"] = row_figures(members) | {"auc_lead": _lead(own[row], members)}
    return rows


def _reliability(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Value]]:
    """Bins of what was stated of clips that could be judged."""
    judged = [found for found in outcomes if not found.said.abstained]
    fakes = np.array([found.clip.fake for found in judged], np.bool_)
    chances = np.array([posterior(found.said.llr, PRIOR) for found in judged], np.float64)
    return reliability.rows(chances, fakes, PRIOR) if fakes.any() and not fakes.all() else {}


def _lead(own: Sequence[Outcome], peer: Sequence[Outcome]) -> Value:
    fakes = np.array([found.clip.fake for found in own])
    ours, theirs = (np.array([found.said.llr for found in side]) for side in (own, peer))
    return figures.auc_difference(ours, theirs, fakes)


def groups(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes by row: each method with the untouched clips of its collection, all, and other clips.

    Other clips that are all forged are ranked against the untouched ones of the collection, too.
    """
    faces = [found for found in outcomes if found.clip.dataset == FACE_COLLECTION]
    rows = _by_method(faces)
    rows[POOLED] = faces
    reals = [found for found in faces if not found.clip.fake]
    for row, folder in OTHERS.items():
        members = [found for found in outcomes if found.clip.path.startswith(folder)]
        rows[row] = [*reals, *members] if members and all(found.clip.fake for found in members) else members
    known = {id(found) for members in rows.values() for found in members}
    rows["other"] = [found for found in outcomes if id(found) not in known]
    return {row: members for row, members in rows.items() if members}


def groups_of_list(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes by row: for each data set of a list its methods and all of them, then everything."""
    rows: dict[str, list[Outcome]] = {}
    names = list(dict.fromkeys(found.clip.dataset for found in outcomes))
    for name in names:
        members = [found for found in outcomes if found.clip.dataset == name]
        methods = _by_method(members)
        rows |= {f"{name} {method}": of_method for method, of_method in methods.items() if len(methods) > 1}
        rows[name] = members
    return rows if len(names) == 1 else rows | {"all sets": list(outcomes)}


def _by_method(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """The fakes of each method with all reals."""
    reals = [found for found in outcomes if not found.clip.fake]
    methods = sorted({found.clip.method for found in outcomes if found.clip.fake})
    return {method: [*reals, *(f for f in outcomes if f.clip.fake and f.clip.method == method)] for method in methods}


def row_figures(outcomes: Sequence[Outcome]) -> dict[str, Value]:
    """All figures of one row with their intervals; a figure that needs both classes is None with one."""
    fakes = np.array([found.clip.fake for found in outcomes])
    llrs = np.array([found.said.llr for found in outcomes])
    chances = np.array([posterior(llr, PRIOR) for llr in llrs])
    flagged = np.array([found.said.flagged for found in outcomes])
    abstained = np.array([found.said.abstained for found in outcomes])
    elapsed_s = np.array([found.said.elapsed_s for found in outcomes])
    frames = [found.said.frame_llrs for found in outcomes]

    def frame_auc(drawn: figures.Indices) -> float:
        labels = np.repeat(fakes[drawn], [len(frames[n]) for n in drawn])
        return metrics.auc(np.concatenate([frames[n] for n in drawn]), labels)

    def balanced(loss: Callable[..., float]) -> Value:
        return figures.bootstrapped(
            lambda drawn: loss(chances[drawn], fakes[drawn], metrics.balance(fakes[drawn], PRIOR)), fakes
        )

    return {
        "frame_auc": figures.bootstrapped(frame_auc, fakes),
        "video_auc": figures.auc(llrs, fakes),
        "log_loss": balanced(metrics.log_loss),
        "ece": balanced(metrics.ece),
        "cllr": figures.bootstrapped(lambda drawn: metrics.cllr(llrs[drawn], fakes[drawn]), fakes),
        "tpr": figures.rate(flagged, fakes),
        "fpr": figures.rate(flagged, ~fakes),
        "abstained_real": figures.rate(abstained, ~fakes),
        "abstained_fake": figures.rate(abstained, fakes),
        "seconds_per_clip": figures.bootstrapped(lambda drawn: float(np.median(elapsed_s[drawn])), fakes),
        "failed": _count(np.array([found.said.failed for found in outcomes])),
    }


def _count(of: NDArray[np.bool_]) -> Value:
    return Value(float(of.sum()), None, None, len(of))
