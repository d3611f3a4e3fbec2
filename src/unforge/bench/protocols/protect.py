"""`protect`: what cloaks stop and what they do not, after channels and against attackers, and how much can be seen.

The largest face of untouched stills, one of each picture. Rows are target, channel, attacker; no row pools targets, and
beside each figure stands that of random noise of the same size (protect/judge.py says how figures are counted). Every
channel is measured without an attacker, and every attacker after two channels; `haar` and `mtcnn`, which are slow,
after three channels without an attacker. `fine-tuned generator` is the editor after it was retrained on protected
pictures of the other split. `film` rows are one frame of clips that were cloaked and coded as films.

Channels that leave all pictures as they are have no rows; the settings name them. `quality` and `film` say how much can
be seen, `speed` what a cloak costs: the median, the fastest and the slowest picture.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, TypeVar

import cv2
import numpy as np

from unforge import weights
from unforge.bench import _protect_attacker as attacker
from unforge.bench import _protect_film as film
from unforge.bench import figures, material
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today, sha256_of
from unforge.errors import UsageError
from unforge.media.image import read_image
from unforge.protect import cloak
from unforge.protect.judge import Figure, Judgement, Pair, judge, merged
from unforge.protect.targets import Picture, Points, Target, all_targets
from unforge.protect.ways import ATTACKERS, CHANNELS, FINE_TUNED, NOBODY, Channel

FACES = 120  # published evaluators stop after 20 pictures
LOOKED_AT = 8  # stills for each face that is wanted, at most
TARGETS = Path("runs/targets")
WORKERS = 2  # processes; 0 works in this one
ATTACKED = ("as saved", "JPEG 75")  # channels after which attackers are tried
SLOW = ("haar", "mtcnn")  # targets that would take most of the time
SLOW_AFTER = ("as saved", "JPEG 75", "half size")  # channels after which these are run
RETRAINED = "editor-1"
RETRAINED_ON = 100  # faces of the other split

Draw = Callable[[Picture, Sequence[Points]], Picture]
Given = TypeVar("Given")
Made = TypeVar("Made")
Row = dict[str, Value]


class Over(Protocol):
    """Does the same with many, in order."""

    def __call__(self, work: Callable[[Given], Made], each: Iterable[Given], /) -> Iterator[Made]: ...


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture and the meshes of its faces, the largest first."""

    rgb: Picture
    meshes_px: tuple[Points, ...]


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Measure the cloak of the wheel. Raises UsageError for examiners, peers, lists and missing targets."""
    material.no_list("protect", listed)
    material.no_peers("protect", peers)
    if examiners is not None:
        raise UsageError(f"protect: expected no examiners, because targets are measured; got {', '.join(examiners)}")
    if not TARGETS.is_dir():
        raise UsageError(f"protect: expected targets in {TARGETS}; make them with: unforge train targets --data DIR")
    drawn_by = {cloak.NETWORK: weights.card(cloak.NETWORK).sha256}
    return measured(cloak.Cloak().picture, drawn_by, data, split, on_progress or (lambda what, done: None))


def measured(draw: Draw, drawn_by: Mapping[str, str], data: Path | None, split: str, tell: OnProgress) -> Record:
    """The record of any way to draw cloaks.

    draw: takes a picture and the meshes of its faces. drawn_by: SHA-256 of its networks, by card.
    """
    found = shots(data, split, FACES, tell)
    pairs, times_ms = cloaked(draw, found)
    judgement = _judgement(pairs, tell)
    others, _ = cloaked(draw, shots(data, "train" if split == "val" else "val", RETRAINED_ON, tell))
    tuned, missing = _fine_tuned(pairs, others, tell)
    films = _films(_clips(data, split), tell)
    on_film = merged(one.judgement for one in films if one.judgement is not None)
    rows = {row: values(found) for part in (judgement, tuned, on_film) for row, found in part.rows().items()}
    return of_today(
        name=f"protect-{split}",
        protocol="protect",
        split=split,
        rows=rows | _film_rows(films) | {"speed": _speed(times_ms)},
        manifest_sha256=material.sha256(data),
        weights={**drawn_by, **networks()},
        seed=figures.SEED,
        settings={
            "faces": len(pairs),
            "channels_without_effect": ", ".join(_unreached(judgement)) or "none",
            "missing": ", ".join((*_missing(), *missing)) or "none",
            "processes": WORKERS,
            "figures": "95 % intervals: Wilson score for rates, bootstrap for means; times: median, fastest, slowest",
        },
    )


# Pictures


def shots(data: Path | None, split: str, most: int, tell: OnProgress) -> list[Shot]:
    """Untouched stills with a face that can be cloaked, evenly over the split. Raises UsageError where none has one."""
    untouched = [item for item in material.read(data, split, "image") if not item.fake]
    items = material.evenly(untouched, LOOKED_AT * most)
    found = []
    for n, item in enumerate(items):
        tell("finding faces", n / len(items))
        rgb = read_image((data or Path()) / item.path).rgb
        meshes_px = cloak.faces(rgb).meshes_px
        if meshes_px:
            found.append(Shot(rgb, meshes_px))
    if not found:
        raise UsageError(f"protect: expected stills with a face of 48 px or more in the split {split!r}; found none")
    return found[:: max(1, len(found) // most)][:most]


def cloaked(draw: Draw, shots: Sequence[Shot]) -> tuple[list[Pair], list[float]]:
    """Every picture with all its faces cloaked, to be judged by the largest; and ms of those with one face."""
    pairs, times_ms = [], []
    for shot in shots:
        started = time.perf_counter()
        protected = draw(shot.rgb, shot.meshes_px)
        if len(shot.meshes_px) == 1:
            times_ms.append(1000.0 * (time.perf_counter() - started))
        pairs.append(Pair(shot.rgb, protected, shot.meshes_px[:1]))
    return pairs, times_ms


def _clips(data: Path | None, split: str) -> list[Path]:
    try:
        items = [item for item in material.read(data, split, "video") if not item.fake]
    except UsageError:  # a collection may well have no film
        return []
    return [(data or Path()) / item.path for item in material.evenly(items, film.CLIPS)]


def _films(clips: Sequence[Path], tell: OnProgress) -> list[film.Film]:
    found = []
    for n, path in enumerate(clips):
        tell("films", n / len(clips))
        found += film.films(path, known_targets())
    return found


# Judging


@cache
def known_targets() -> tuple[Target, ...]:
    return all_targets(TARGETS)


def judged(pair: Pair) -> Judgement:
    """One pair in every way that the record holds."""
    nobody = [one for one in ATTACKERS if one.name == NOBODY]
    others = [one for one in ATTACKERS if one.name != NOBODY]
    quick = [one for one in known_targets() if one.name not in SLOW]
    slow = [one for one in known_targets() if one.name in SLOW]
    without = judge([pair], quick, CHANNELS, nobody)
    attacked = judge([pair], quick, _channels(ATTACKED), others)
    slowly = judge([pair], slow, _channels(SLOW_AFTER), nobody)
    return Judgement(without.cells + attacked.cells + slowly.cells, without.quality)


def _channels(names: Sequence[str]) -> list[Channel]:
    return [one for one in CHANNELS if one.name in names]


def _judgement(pairs: Sequence[Pair], tell: OnProgress) -> Judgement:
    found = []
    with spread() as over:
        for one in over(judged, pairs):
            found.append(one)
            tell("judging", len(found) / len(pairs))
    return merged(found)


@contextmanager
def spread() -> Iterator[Over]:
    """Does the same with many pairs, in order and in a few processes of one thread."""
    if not WORKERS:
        yield map
        return
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn"), _one_thread) as pool:
        yield pool.map


def _one_thread() -> None:
    cv2.setNumThreads(1)
    if find_spec("torch") is not None:
        import torch

        torch.set_num_threads(1)


def _fine_tuned(pairs: Sequence[Pair], others: Sequence[Pair], tell: OnProgress) -> tuple[Judgement, tuple[str, ...]]:
    """What the cloak still does against the retrained editor; or why that is not known."""
    target = next((one for one in known_targets() if one.name == RETRAINED), None)
    if target is None or not attacker.can_train():
        return Judgement((), ()), (FINE_TUNED.name,)
    tuned = attacker.fine_tuned(target, others, tell)
    return Judgement(judge(pairs, [tuned], _channels(ATTACKED), [FINE_TUNED], tell).cells, ()), ()


# Rows


def values(found: dict[str, Figure]) -> Row:
    def rounded(number: float | None) -> float | None:
        return None if number is None else round(number, 4)

    return {name: Value(rounded(f.value), rounded(f.low), rounded(f.high), f.n) for name, f in found.items()}


def _film_rows(films: Sequence[film.Film]) -> dict[str, Row]:
    found = {}
    for crf in film.CRFS:
        own = [one.flicker for one in films if one.crf == crf]
        if own:
            found[film.channel(crf)] = {"flicker": figures.mean(own)}
    return found


def _speed(times_ms: Sequence[float]) -> Row:
    if not times_ms:
        return {}
    median, least, most = (round(float(np.quantile(times_ms, share)), 2) for share in (0.5, 0.0, 1.0))
    return {"cloak_ms": Value(median, least, most, len(times_ms))}


def _unreached(judgement: Judgement) -> list[str]:
    return list(dict.fromkeys(cell.channel for cell in judgement.cells if not cell.cloak))


def _missing() -> list[str]:
    """Real targets and trained ones that cannot be measured here."""
    wanted = ("mtcnn", *(f"{kind}-{seed}" for kind in ("editor", "fader", "swap") for seed in (1, 2)), "identity-1")
    return [name for name in wanted if name not in {target.name for target in known_targets()}]


def networks() -> dict[str, str]:
    """SHA-256 of the networks among the targets."""
    return {target.name: sha256_of(target.network) for target in known_targets() if target.network is not None}
