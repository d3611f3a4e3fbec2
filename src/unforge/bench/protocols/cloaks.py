"""`cloaks`: what louder and what optimised cloaks stop, on the same faces in the same run as the ordinary one.

Rows are target, channel and way of cloaking: drawn by the network in one look, or found for each picture by gradients
(`--optimise`, against the real targets that have a network), at strength 1 and at 2, which uses up the 6.4 grey levels
that published cloaks are compared at. Beside each figure stands that of random noise of the same
size. `quality` says how much can be seen. `protect` has every channel and every attacker, for the ordinary cloak alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from unforge import weights
from unforge.bench import figures, material
from unforge.bench.protocols import OnProgress
from unforge.bench.protocols.protect import TARGETS, WORKERS, Row, Shot, known_targets, networks, shots, spread, values
from unforge.bench.record import Record, of_today
from unforge.errors import UsageError
from unforge.protect import cloak
from unforge.protect.judge import Judgement, Pair, judge, merged
from unforge.protect.targets import Picture
from unforge.protect.ways import ATTACKERS, CHANNELS, NOBODY

FACES = 12
AFTER = ("as saved", "JPEG 95", "JPEG 75", "half size", "H.264 CRF 23")
LEFT_OUT = ("haar",)  # slow, and no part of what is asked here
STRENGTHS = (1.0, 2.0)
DRAWN, OPTIMISED = "drawn", "optimised"


class Way(NamedTuple):
    """One way of cloaking."""

    how: str
    strength: float

    def __str__(self) -> str:
        return f"{self.how} at {self.strength:g}"


@dataclass(frozen=True, slots=True)
class _Told:
    way: str
    judgement: Judgement


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Measure the ways of cloaking. Raises UsageError for examiners, peers, lists and missing targets."""
    material.no_list("cloaks", listed)
    material.no_peers("cloaks", peers)
    if examiners is not None:
        raise UsageError(f"cloaks: expected no examiners, because targets are measured; got {', '.join(examiners)}")
    if not TARGETS.is_dir():
        raise UsageError(f"cloaks: expected targets in {TARGETS}; make them with: unforge train targets --data DIR")
    tell = on_progress or (lambda what, done: None)
    found = shots(data, split, FACES, tell)
    by_way = _judged(found, tell)
    return of_today(
        name=f"cloaks-{split}",
        protocol="cloaks",
        split=split,
        rows=_rows(by_way),
        manifest_sha256=material.sha256(data),
        weights={cloak.NETWORK: weights.card(cloak.NETWORK).sha256, **networks()},
        seed=figures.SEED,
        settings={
            "faces": len(found),
            "processes": WORKERS,
            "missing": "none" if _can_optimise() else "optimised (needs the extra train)",
            "figures": "95 % intervals: Wilson score for rates, bootstrap for means",
        },
    )


def ways() -> tuple[Way, ...]:
    """What can be measured here."""
    how = (DRAWN, OPTIMISED) if _can_optimise() else (DRAWN,)
    return tuple(Way(one, strength) for one in how for strength in STRENGTHS)


def _can_optimise() -> bool:
    return find_spec("torch") is not None


def _judged(found: Sequence[Shot], tell: OnProgress) -> Mapping[str, Judgement]:
    by_way: dict[str, list[Judgement]] = {str(way): [] for way in ways()}
    with spread() as over:
        for n, told in enumerate(over(judged, found)):
            for one in told:
                by_way[one.way].append(one.judgement)
            tell("cloaking and judging", (n + 1) / len(found))
    return {way: merged(judgements) for way, judgements in by_way.items()}


def judged(shot: Shot) -> list[_Told]:
    """The largest face of one picture, cloaked in every way."""
    channels = [one for one in CHANNELS if one.name in AFTER]
    nobody = [one for one in ATTACKERS if one.name == NOBODY]
    targets = [one for one in known_targets() if one.name not in LEFT_OUT]
    told = []
    for way in ways():
        pair = Pair(shot.rgb, _draw(way)(shot), shot.meshes_px[:1])
        told.append(_Told(str(way), judge([pair], targets, channels, nobody)))
    return told


def _draw(way: Way) -> Callable[[Shot], Picture]:
    drawn = cloak.Cloak(way.strength)
    return partial(_optimised, drawn) if way.how == OPTIMISED else partial(_one_look, drawn)


def _one_look(drawn: cloak.Cloak, shot: Shot) -> Picture:
    return drawn.picture(shot.rgb, shot.meshes_px[:1])


def _optimised(drawn: cloak.Cloak, shot: Shot) -> Picture:
    from unforge.protect import optimise

    against = [one for one in known_targets() if one.may_train and one.network is not None and not one.is_trained_here]
    return optimise.picture(shot.rgb, shot.meshes_px[:1], drawn, against)


def _rows(by_way: Mapping[str, Judgement]) -> dict[str, Row]:
    rows = {}
    for way, judgement in by_way.items():
        for row, found in judgement.rows().items():
            rows[f"{row.replace(f', {NOBODY}', '')}, {way}"] = values(found)
    return rows
