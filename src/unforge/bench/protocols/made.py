"""`made`: clips put together of real ones, in which only a part is forged.

Two people: a forged clip of the face collection beside an untouched one of somebody else, in one picture. `louder` is
how often the forged person is the more suspected one, `flagged` how often the verdict is "manipulated", `found` how
often both hold. One second: an untouched clip, forth and back until it has lasted ten seconds, with one second of its
own forgery in it. `named` is how often the most telling moment lies in that second, `found` how often the verdict is
"manipulated" besides. `calm_flagged` are the same clips without anything forged in them.

Frames are handed over as they were decoded: putting clips together costs no further coding. Figures are rates with
Wilson intervals; clips in which not both people, or nobody, could be judged count as not found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import examination, faces, seen, weights
from unforge.bench import figures, judge, material
from unforge.bench.judge import PRIOR, Stored
from unforge.bench.protocols import OnProgress
from unforge.bench.protocols.clips import FACE_COLLECTION
from unforge.bench.record import Record, Value, of_today
from unforge.errors import MediaError, UsageError
from unforge.examiner import Examiner
from unforge.exhibit import RATE_HZ, Exhibit
from unforge.explain import locate
from unforge.explain.roles import of_role
from unforge.media.frame import Frame
from unforge.media.video import frames
from unforge.train.changed import fitted
from unforge.verdict import weigh

HEIGHT_PX = 480
LASTS_S, FORGED_S = 10.0, 1.0
SEED = 3
PEOPLE, SECOND = "two people", "one second"

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a clip: whether it was flagged, whose llr was highest, and the most telling moment.

    middle_x: of the most suspected face, over the width of the picture. None where nobody spoke.
    """

    flagged: bool
    middle_x: float | None
    telling_s: float | None


@dataclass(frozen=True, slots=True)
class Case:
    """One clip put together: of which kind, by which method a part of it was forged, and what came out.

    told: the forged person or second was the most suspected; flagged: the verdict, and calm_flagged that of the same
    clip without a forgery.
    """

    kind: str
    method: str
    told: bool
    flagged: bool
    calm_flagged: bool


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Put clips of the face collection together and examine them.

    Raises UsageError for a folder without a manifest, or without forged clips of that collection and their originals.
    """
    material.no_list("made", listed)
    material.no_peers("made", peers)
    clips = [clip for clip in material.read(data, split, "video") if clip.dataset == FACE_COLLECTION]
    originals = {Path(clip.path).stem: clip.path for clip in clips if not clip.fake}
    forged = [clip for clip in clips if clip.fake and Path(clip.path).stem.split("_")[0] in originals]
    if not forged or len(originals) < 2:
        raise UsageError(f"made: expected forged clips of {FACE_COLLECTION!r} with two originals or more in {split!r}")
    (own,) = judge.contestants(examiners)
    root = data or Path()
    cases: list[Case] = []
    for n, clip in enumerate(forged):
        if on_progress is not None:
            on_progress(clip.path, n / len(forged))
        people = Path(clip.path).stem.split("_")
        others = sorted(name for name in originals if name not in people)
        if not others:
            continue
        paths = (root / clip.path, root / originals[people[0]], root / originals[others[n % len(others)]])
        rng = np.random.default_rng([SEED, n])
        cases += cases_of(*paths, method=clip.method, examiners=own.examiners, rng=rng)
    return of_today(
        name="-".join(("made", split, *(examiners or ()))),
        protocol="made",
        split=split,
        rows=_rows(cases),
        manifest_sha256=material.sha256(data),
        weights=judge.sha256s([own]),
        seed=SEED,
        settings={"clips": len(forged), "lasts_s": LASTS_S, "forged_s": FORGED_S, "figures": "95 % Wilson intervals"},
    )


def _rows(cases: Sequence[Case]) -> dict[str, dict[str, Value]]:
    rows = {}
    for kind, told in ((PEOPLE, "louder"), (SECOND, "named")):
        of_kind = [case for case in cases if case.kind == kind]
        if of_kind:
            rows[f"{kind}: all methods"] = _figures(of_kind, told)
        for method in dict.fromkeys(case.method for case in of_kind):
            rows[f"{kind}: {method}"] = _figures([case for case in of_kind if case.method == method], told)
    return rows


def _figures(cases: Sequence[Case], told: str) -> dict[str, Value]:
    def rate(hits: list[bool]) -> Value:
        return figures.rate(np.array(hits, np.bool_), np.ones(len(hits), np.bool_))

    return {
        told: rate([case.told for case in cases]),
        "flagged": rate([case.flagged for case in cases]),
        "found": rate([case.told and case.flagged for case in cases]),
        "calm_flagged": rate([case.calm_flagged for case in cases]),
    }


def cases_of(
    forged: Path, original: Path, other: Path, *, method: str, examiners: Sequence[Examiner], rng: np.random.Generator
) -> Iterator[Case]:
    """Both kinds of clips of one forgery; none of a kind whose files do not decode or fit."""
    try:
        exhibit = Exhibit(original)
        fake, calm, beside = ([frame.rgb for frame in _looks(path)] for path in (forged, original, other))
        _ = exhibit.facts
    except MediaError:
        return

    def said(pictures: Sequence[Picture]) -> Said:
        return _said(exhibit, pictures, examiners)

    on_the_left = bool(rng.random() < 0.5)
    seen, untouched = (said(_side_by_side(pictures, beside, on_the_left)) for pictures in (fake, calm))
    louder = seen.middle_x is not None and (seen.middle_x < 0.5) == on_the_left
    yield Case(PEOPLE, method, louder, seen.flagged, untouched.flagged)
    partners = [fitted(one, another) for one, another in zip(calm, fake, strict=False)]
    kept = [(one, another) for one, another in zip(partners, fake, strict=False) if one is not None]
    if len(kept) < 2 * RATE_HZ * FORGED_S:
        return
    there_and_back = _there_and_back(len(kept))
    long = [kept[n][0] for n in there_and_back]
    width = round(FORGED_S * RATE_HZ)
    at = int(rng.integers(width, len(long) - 2 * width))
    short = [kept[n][int(at <= k < at + width)] for k, n in enumerate(there_and_back)]
    seen, untouched = said(short), said(long)
    named = seen.telling_s is not None and at / RATE_HZ <= seen.telling_s < at / RATE_HZ + FORGED_S
    yield Case(SECOND, method, named, seen.flagged, untouched.flagged)


def _looks(path: Path) -> list[Frame]:
    with frames(path, rate_hz=RATE_HZ) as source:
        return list(source)


def _there_and_back(count: int) -> list[int]:
    """Positions of so many looks, forth and back, until they have lasted long enough."""
    once = [*range(count), *range(count - 2, 0, -1)]
    wanted = round(LASTS_S * RATE_HZ)
    return (once * (wanted // len(once) + 1))[:wanted]


def _side_by_side(first: Sequence[Picture], second: Sequence[Picture], on_the_left: bool) -> list[Picture]:
    pairs = [(_as_high(one), _as_high(another)) for one, another in zip(first, second, strict=False)]
    return [np.hstack(pair if on_the_left else pair[::-1]) for pair in pairs]


def _as_high(rgb: Picture) -> Picture:
    """The middle of a picture, as wide as high: people stand in the middle, and twice a wide picture shrinks faces."""
    height, width = rgb.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = rgb[top : top + side, left : left + side]
    return np.asarray(cv2.resize(middle, (HEIGHT_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _said(exhibit: Exhibit, pictures: Sequence[Picture], examiners: Sequence[Examiner]) -> Said:
    scan = faces.scan([Frame(n / RATE_HZ, rgb) for n, rgb in enumerate(pictures)])
    answers = [examiner.examine(Stored(exhibit.path, exhibit.facts, scan)) for examiner in examiners]
    flagged = weigh(answers, examination.QUESTION, PRIOR, weights.trust()).band == "manipulated"
    counted = of_role(answers, "counted")
    people = [(llr, track) for track in scan.tracks if (llr := seen.llr_of(counted, track.id)) is not None]
    if not people:
        return Said(flagged, None, None)
    _, worst = max(people, key=lambda one: one[0])
    peak = locate.peak(locate.of_track(counted, worst.id))
    middle_x = float(worst.boxes_px[:, [0, 2]].mean() / pictures[0].shape[1])
    return Said(flagged, middle_x, None if peak is None else peak.start_s)
