"""`trace`: what is read off photographs of marked screens, what is wrongly read off others, and what people could see.

Simulated photographs (channel/photograph.py, 12 megapixels unless the row says otherwise) of a screen with documents,
code, interfaces, a web page, pictures and film in turns, by distance, angle, part in view, camera, panel and what was
done to the picture afterwards. `up to 30 degrees` pools the ordinary rows, and the rows of pages are the same
photographs by what was shown. `hybrid` are real photographs of screens with the ink laid over them.

`right` is how often exactly the message came out; `confirmed` how often with a bound of 1e-9 on being wrong;
`coded_errors` the share of coded bits that were seen wrongly, before the code, a half where no screen was found;
`read_ms` the median time of reading, with the fastest and the slowest; `right_by_registry`, for what went through a
messenger, how often the message came out where a registry tells what an office of 50 machines showed within a day.

False readings: every real photograph without a mark, and every hybrid by other key rings; `false_readings` is the share
of readings that named anybody. The bound behind the error probabilities is checked on the same photographs: `observed`
is how often a random message under a random key fits as well as z, `bound` is what is counted with.

Peers (bench/_trace_peers.py) mark the same pages; `rectified` is by the true map, which nobody has in practice.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from statistics import median
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np

from unforge.bench import _trace_pages as pages
from unforge.bench import _trace_peers as marks
from unforge.bench import _trace_shots as shots
from unforge.bench import _trace_tails as tails
from unforge.bench import _trace_visibility as visibility
from unforge.bench import figures, material
from unforge.bench._trace_shots import PHONE, Outcome, Setting
from unforge.bench._trace_tails import Tail
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.channel.photograph import Camera, Screen
from unforge.errors import UsageError
from unforge.media.image import read_image
from unforge.metrics import wilson
from unforge.trace import mark, read

FEW = 6  # photographs of rows that show breadth; the others have every page twice
WORKERS = 2  # processes; 0 works in this one
OTHER_RINGS = (1, 2, 3)
FALSE = ("confirmed", "probable")
PEER_YAWS_DEG = (0.0, 20.0)
PEER_WHITE = (6,)  # one more white document

ORDINARY = (
    Setting("straight on, 45 cm", copies=((shots.MESSENGER, "messenger"), (shots.GREY, "grey copy"))),
    Setting("20 degrees", yaw_deg=20, copies=((shots.MESSENGER, "messenger, 20 degrees"),)),
    Setting("30 degrees", yaw_deg=30),
    Setting("20 cm", 20),
    Setting("30 cm", 30, copies=((shots.MESSENGER, "messenger, 30 cm"),)),
    Setting("60 cm", 60),
)
SETTINGS = (
    *ORDINARY,
    Setting("40 degrees", yaw_deg=40),
    Setting("45 degrees", yaw_deg=45),
    Setting("half in view", 23, aim=(0.35, 0.1)),
    Setting("a quarter in view", 16.5, aim=(0.5, 0.3)),
    Setting("out of focus", camera=replace(PHONE, psf_px=2.0)),
    Setting("old phone", camera=Camera.old_phone(), photographs=FEW),
    Setting("night light", night_light=1.0, photographs=FEW),
    Setting("PenTile", screen=Screen(layout="pentile"), photographs=FEW),
    Setting("BGR", screen=Screen(layout="bgr"), photographs=FEW),
    Setting("strong moire", 50, camera=replace(PHONE, psf_px=0.45, chroma_denoise_px=1.5), photographs=FEW),
    Setting("desktop ink", desktop=True, photographs=FEW),
    Setting("220 ppi", 30, screen=Screen(ppi=220), screen_wh=(2880, 1800), photographs=FEW),
    Setting("phone upright", 60, roll_deg=90, photographs=FEW),
)
POOLED = "up to 30 degrees, 20 to 60 cm"
HYBRID = "hybrid"

Row = dict[str, Value]
T = TypeVar("T")


class Each(Protocol):
    """Work done with each of many arguments; what: as progress calls it."""

    def __call__(self, what: str, work: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> list[T]: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one real photograph: what was read off it marked, whether anybody was named without cause."""

    outcome: Outcome | None
    false_readings: tuple[bool, ...]
    tail: Tail | None


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Measure the mark and its reader. data: a collection with `screens`; without it, only what can be made.

    Raises UsageError for examiners, peers, lists and splits: nothing of this is learned, so there is one set.
    """
    material.no_list("trace", listed)
    material.no_peers("trace", peers)
    if examiners is not None:
        raise UsageError(
            f"trace: expected no examiners, because the reader is the only one; got {', '.join(examiners)}"
        )
    if split not in material.SPLITS:
        raise UsageError(f"split: expected one of {', '.join(material.SPLITS)}; got {split!r}")
    with _workers(on_progress) as each:
        outcomes = _simulated(each, data)
        rows = _simulated_rows(outcomes)
        rows |= _real_rows(each, data)
        rows |= {f"visibility: {name}": visibility.row(rgb) for name, rgb in visibility.surfaces(data).items()}
        rows |= _peer_rows(each, data)
    return of_today(
        name=f"trace-{split}",
        protocol="trace",
        split=split,
        rows=rows,
        manifest_sha256=material.sha256(data),
        weights={},
        seed=shots.SEED,
        settings={
            "strength": mark.STRENGTH,
            "confirmed_at_most": read.CONFIRMED,
            "probable_at_most": read.PROBABLE,
            "processes": WORKERS,
            "missing_peers": ", ".join(marks.missing()) or "none",
            "figures": "95 % intervals: Wilson score for rates, bootstrap for means; times: median, fastest, slowest",
        },
    )


@contextmanager
def _workers(on_progress: OnProgress | None) -> Iterator[Each]:
    """Does a piece of work with many arguments, in order and in a few processes, each of one thread."""
    with ExitStack() as stack:
        spread: Callable[..., Iterator[Any]] = map
        if WORKERS:
            spawned = multiprocessing.get_context("spawn")
            spread = stack.enter_context(ProcessPoolExecutor(WORKERS, spawned, cv2.setNumThreads, (1,))).map

        def each(what: str, work: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> list[T]:
            done: list[T] = []
            for result in spread(work, *zip(*arguments, strict=True)) if arguments else ():
                done.append(result)
                if on_progress is not None:
                    on_progress(what, len(done) / len(arguments))
            return done

        yield each


# Simulated photographs


def _simulated(each: Each, data: Path | None) -> list[Outcome]:
    work = [(setting, n, data) for setting in SETTINGS for n in range(setting.photographs)]
    return [outcome for found in each("simulated photographs", shots.taken, work) for outcome in found]


def _simulated_rows(outcomes: Sequence[Outcome]) -> dict[str, Row]:
    names = [name for setting in SETTINGS for name in (setting.row, *(row for _, row in setting.copies))]
    rows = {name: row([one for one in outcomes if one.row == name]) for name in names}
    ordinary = [one for one in outcomes if one.row in {setting.row for setting in ORDINARY}]
    rows[POOLED] = row(ordinary)
    for name in pages.NAMES:
        rows[f"{POOLED}: {name}"] = row([one for one in ordinary if one.page == name])
    return {name: found for name, found in rows.items() if found}


def row(outcomes: Sequence[Outcome]) -> Row:
    """The figures of some photographs; none for no photographs."""
    if not outcomes:
        return {}
    times_ms = [one.read_ms for one in outcomes]
    by_registry = [one.right_by_registry for one in outcomes if one.right_by_registry is not None]
    return {
        "right": _share([one.right for one in outcomes]),
        "confirmed": _share([one.right and one.grade == "confirmed" for one in outcomes]),
        **({"right_by_registry": _share(by_registry)} if by_registry else {}),
        "coded_errors": figures.mean([one.coded_errors for one in outcomes]),
        "read_ms": Value(round(median(times_ms)), round(min(times_ms)), round(max(times_ms)), len(outcomes)),
    }


# Real photographs


def _real_rows(each: Each, data: Path | None) -> dict[str, Row]:
    screens = _photographs(data, "screen")
    others = [path for folder in ("plain", "moire_pairs") for path in _photographs(data, folder)]
    if not screens:
        return {}
    hybrid = each("hybrid photographs", marked, [(path, n) for n, path in enumerate(screens)])
    unmarked_work = [(path, n) for n, path in enumerate((*screens, *others))]
    plain = each("unmarked photographs", unmarked, unmarked_work)
    rows = {
        HYBRID: row([one.outcome for one in hybrid if one.outcome is not None]),
        "unmarked photographs": _false(plain),
        "hybrid, other key rings": _false(hybrid),
    }
    return rows | tail_rows("unmarked", plain) | tail_rows("hybrid, other keys", hybrid)


def marked(path: Path, n: int) -> Seen:
    """A hybrid photograph read by the right ring and by others."""
    made = shots.hybrid(path, n)
    outcome = shots.heard(made.rgb, made.said, HYBRID, "")
    falsely = tuple(
        one.grade in FALSE for other in OTHER_RINGS for one in read.read_picture(made.rgb, shots.ring(other))
    )
    return Seen(outcome, falsely, tails.marked(made.rgb, np.random.default_rng([shots.SEED, n, 1])))


def unmarked(path: Path, n: int) -> Seen:
    """A photograph without a mark, read as it is."""
    rgb = read_image(path).rgb
    falsely = tuple(one.grade in FALSE for one in read.read_picture(rgb, shots.ring()))
    return Seen(None, falsely, tails.unmarked(rgb, np.random.default_rng([shots.SEED, n, 2])))


def _false(seen: Sequence[Seen]) -> Row:
    return {"false_readings": _share([falsely for one in seen for falsely in one.false_readings])}


def tail_rows(name: str, seen: Sequence[Seen]) -> dict[str, Row]:
    """How often noise fits as well as each z, beside the bound."""
    tail = reduce(add, (one.tail for one in seen if one.tail is not None), Tail.of(np.empty(0)))
    if not tail.drawn:
        return {}
    return {
        f"z of {level:g}, {name}": {
            "observed": _precise(passed / max(1, tail.drawn), wilson(passed, tail.drawn), tail.drawn),
            "bound": _precise(tails.bound(level), None, tail.drawn),
        }
        for level, passed in zip(tails.LEVELS, tail.passed, strict=True)
    }


def _precise(share: float, bounds: tuple[float, float] | None, n: int) -> Value:
    """A small share with three digits, wherever they begin."""
    value, low, high = (float(f"{one:.3g}") for one in (share, *(bounds or (share, share))))
    return Value(value, low, high, n) if bounds else Value(value, None, None, n)


def _photographs(data: Path | None, folder: str) -> list[Path]:
    return [] if data is None else sorted((data / "screens" / folder).glob("*.jpg"))


# Peers


def _peer_rows(each: Each, data: Path | None) -> dict[str, Row]:
    shown = [*((page, n) for n, page in enumerate(pages.NAMES)), *((pages.WHITE, n) for n in PEER_WHITE)]
    work = [(name, *one, PEER_YAWS_DEG, PHONE, data) for name in marks.available() for one in shown]
    found = [one for result in each("peers", marks.taken, work) for one in result]
    rows = {}
    for way in (marks.AS_TAKEN, marks.RECTIFIED):
        for name in marks.available():
            own = [one for one in found if one.way == way and one.name == name]
            for yaw_deg in PEER_YAWS_DEG:
                rows[f"{way}, {yaw_deg:.0f} degrees: {name}"] = _peer_row([o for o in own if o.yaw_deg == yaw_deg])
            rows[f"{way}, white document: {name}"] = _peer_row([o for o in own if o.page == pages.WHITE])
    return rows


def _peer_row(found: Sequence[marks.Read]) -> Row:
    return {
        "messages_right": _share([one.right for one in found]),
        "bit_accuracy": figures.mean([one.bit_accuracy for one in found]),
    }


# Shares


def _share(hits: Sequence[bool]) -> Value:
    return figures.rate(np.array(hits, np.bool_), np.ones(len(hits), np.bool_))
