"""`lanes`: what each examiner adds to the verdict, and whether any part of them can be believed.

Clips of a split as in `clips`; beside them the untouched ones once more, forged over time (train/temporal_fakes) and
coded, against the same stretches coded alike. Every clip is examined once by all examiners; then the verdict is taken
again from every part of them. Rows of clips hold the AUC of the whole verdict, of the frame detectors alone, and leads
with paired intervals: over the frame detectors, over `finegrained` alone, and over the verdict without each examiner in
turn. Rows `only ...` hold, for each set of examiners that is heard, how good its probabilities are on all clips of the
face collection. Clips of which a set can say nothing count with an llr of 0.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge import examination, metrics, weights
from unforge.bench import figures, judge, material
from unforge.bench.judge import PRIOR
from unforge.bench.material import Item
from unforge.bench.protocols import OnProgress
from unforge.bench.protocols.clips import FACE_COLLECTION, OTHERS, POOLED
from unforge.bench.record import Record, Value, of_today
from unforge.errors import MediaError
from unforge.evidence import Evidence
from unforge.examiner import Examiner
from unforge.exhibit import Exhibit
from unforge.media.write import write_video
from unforge.train import clips as film
from unforge.train import hard_clips, temporal_fakes
from unforge.verdict import posterior, votes, weigh

FRAME_DETECTORS = ("finegrained", "seam")
MOVING = ("flicker", "kinematic", "mouth", "animate")
STRETCHES = 2  # of each untouched clip, by family
SEED = 23

Part = frozenset[str]  # examiners by name


@dataclass(frozen=True, slots=True)
class Outcome:
    """A clip and what each examiner said of it, by name."""

    row: str
    fake: bool
    said: Mapping[str, Evidence]

    def llr(self, part: Iterable[str]) -> float:
        """The fused llr of a part of the examiners; 0.0 where none of them could judge."""
        answers = [self.said[name] for name in part if name in self.said]
        return weigh(answers, examination.QUESTION, PRIOR, weights.trust()).llr or 0.0


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Examine the clips of a split, and stretches of the untouched ones forged over time, and take verdicts apart.

    Raises UsageError for a folder without a manifest or a split without clips.
    """
    material.no_list("lanes", listed)
    material.no_peers("lanes", peers)
    items = material.read(data, split, "video")
    (own,) = judge.contestants(examiners)
    outcomes = list(_outcomes(data or Path(), items, own.examiners, on_progress))
    names = [examiner.name for examiner in own.examiners]
    return of_today(
        name="-".join(("lanes", split, *(examiners or ()))),
        protocol="lanes",
        split=split,
        rows={**_rows(outcomes, names), **_parts(outcomes, names)},
        manifest_sha256=material.sha256(data),
        weights=judge.sha256s([own]),
        seed=SEED,
        settings={"prior": PRIOR, "clips": len(items), "stretches": STRETCHES, "figures": figures.INTERVALS},
    )


def _outcomes(
    data: Path, items: Sequence[Item], examiners: Sequence[Examiner], on_progress: OnProgress | None
) -> Iterator[Outcome]:
    for n, item in enumerate(items):
        if on_progress is not None:
            on_progress(item.path, n / len(items))
        yield Outcome(_row(item), item.fake, _said(Exhibit(data / item.path), examiners))
        if item.dataset == FACE_COLLECTION and not item.fake:
            yield from _moving(data / item.path, n, examiners)


def _row(item: Item) -> str:
    if item.dataset == FACE_COLLECTION:
        return item.method or "untouched"
    return next((row for row, folder in OTHERS.items() if item.path.startswith(folder)), "other")


def _said(exhibit: Exhibit, examiners: Sequence[Examiner]) -> dict[str, Evidence]:
    """What each says; nothing of a file that cannot be read."""
    try:
        return {examiner.name: examiner.examine(exhibit) for examiner in examiners}
    except MediaError:
        return {}


def _moving(path: Path, n: int, examiners: Sequence[Examiner]) -> Iterator[Outcome]:
    """Stretches of an untouched clip, and each of them forged over time by one family after the other."""
    try:
        stretches = film.cut(path, STRETCHES)
    except MediaError:
        return
    for number, clip in enumerate(stretches):
        for f, family in enumerate(MOVING):
            rng = np.random.default_rng([SEED, n, number, f])
            layer, crf = hard_clips.draw(len(clip), rng), int(rng.integers(*hard_clips.CRF))
            forged = temporal_fakes.load(family).make(clip, rng)
            for fake, shown in ((False, clip), (True, forged)):
                with tempfile.TemporaryDirectory() as folder:
                    made = Path(folder) / "clip.mp4"
                    write_video(made, layer(shown).rgb, clip.times_s, crf)
                    yield Outcome(family, fake, _said(Exhibit(made), examiners))


# What comes out


def _rows(outcomes: Sequence[Outcome], names: Sequence[str]) -> dict[str, dict[str, Value]]:
    untouched = [one for one in outcomes if one.row == "untouched"]
    faces = [one for one in outcomes if one.row not in (*MOVING, *OTHERS, "other")]
    rows = {}
    for row in sorted({one.row for one in faces if one.fake}):
        rows[row] = [*untouched, *(one for one in faces if one.row == row)]
    rows[POOLED] = faces
    for row in (*OTHERS, "other", *MOVING):
        members = [one for one in outcomes if one.row == row]
        rows[row] = [*untouched, *members] if members and all(one.fake for one in members) else members
    return {row: _figures(members, names) for row, members in rows.items() if members}


def _figures(members: Sequence[Outcome], names: Sequence[str]) -> dict[str, Value]:
    fakes = np.array([one.fake for one in members])

    def llrs(part: Iterable[str]) -> NDArray[np.float64]:
        return np.array([one.llr(part) for one in members])

    frame = [name for name in FRAME_DETECTORS if name in names]
    whole, of_frames = llrs(names), llrs(frame)
    found = {
        "auc": figures.auc(whole, fakes),
        "frame_detectors_auc": figures.auc(of_frames, fakes),
        "lead_over_frame_detectors": figures.auc_difference(whole, of_frames, fakes),
    }
    if "finegrained" in names:
        found["lead_over_finegrained"] = figures.auc_difference(whole, llrs(["finegrained"]), fakes)
    for name in names:
        others = [other for other in names if other != name]
        found[f"added_by_{name}"] = figures.auc_difference(whole, llrs(others), fakes)
        spoke = np.array([name in one.said and not one.said[name].abstained for one in members])
        found[f"{name}_spoke"] = figures.rate(spoke, np.ones(len(members), np.bool_))
    return found


def _parts(outcomes: Sequence[Outcome], names: Sequence[str]) -> dict[str, dict[str, Value]]:
    """How good the probabilities are of every set of examiners that is heard, on the clips of the face collection."""
    faces = [one for one in outcomes if one.row not in (*MOVING, *OTHERS, "other")]
    heard = [name for name in names if any(_heard(one, name) for one in faces)]
    parts = [frozenset(part) for size in range(1, len(heard) + 1) for part in combinations(heard, size)]
    return {f"only {' + '.join(sorted(part))}": _believed(faces, part) for part in parts}


def _heard(one: Outcome, name: str) -> bool:
    answer = one.said.get(name)
    return answer is not None and votes(answer) and answer.source not in weights.trust().silent


def _believed(faces: Sequence[Outcome], part: Part) -> dict[str, Value]:
    fakes = np.array([one.fake for one in faces])
    llrs = np.array([one.llr(sorted(part)) for one in faces])
    chances = np.array([posterior(llr, PRIOR) for llr in llrs])

    def balanced(drawn: figures.Indices) -> NDArray[np.float64]:
        return metrics.balance(fakes[drawn], PRIOR)

    return {
        "auc": figures.auc(llrs, fakes),
        "ece": figures.bootstrapped(lambda drawn: metrics.ece(chances[drawn], fakes[drawn], balanced(drawn)), fakes),
        "log_loss": figures.bootstrapped(
            lambda drawn: metrics.log_loss(chances[drawn], fakes[drawn], balanced(drawn)), fakes
        ),
    }
