"""What stands on pictures, read twice with PP-OCRv6 (Cui et al., 2025), whose networks lie in the wheel of rapidocr.

Each still is looked at as it is and through a filter that takes noise away. Lines that either look finds are read in
both; the surer reading stands in the passage, and where the other is another one, it follows after all lines, so that
whoever wants to hide a line must hide it from both. Places that hardly read are looked at again by themselves, because
tilted lines run together, and what still hardly reads is tried upside down and mirrored.

Of a film only stills are read that differ from the one read before, and at most MOST_READ of those, evenly over it.
Nothing is ever fetched: where the library is not installed, the reading says so.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.moderate.item import Passage, Piece, Reading, Still

MISSING = "Text in pictures was not read, because rapidocr is not installed: pip install 'unforge[moderate]'"
MOST_READ = 20  # stills of a film
FIRST_SIDE_PX = 896  # of the look at a picture as it is
SECOND_SIDE_PX = 512  # of the filtered one: large writing survives more noise
CLOSE_SIDE_PX = 480  # of a place by itself
MOST_ENLARGED = 2.0  # small pictures are looked at larger, but no more than this
MOST_LINES = 64  # of a still, the largest
SURE = 0.90  # readings below are tried upside down and mirrored
LEAST_SCORE = 0.60  # below it is not writing
LEAST_ALONE = 0.90  # of a single character: texture often looks like one
THREADS = 2
CHANGED_LEVELS = 24.0  # grey levels by which some cell of a still must differ to be read again
CELLS = 32  # a side

Picture = NDArray[np.uint8]
Corners = NDArray[np.float32]  # (4, 2) x and y, px, from the upper left of the line clockwise


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of writing on a still: where, and what each of the two readings says, with its score in [0, 1]."""

    corners: Corners
    texts: tuple[str, str]
    scores: tuple[float, float]

    @property
    def best(self) -> str:
        return self.texts[self._surer]

    @property
    def other(self) -> str:
        return self.texts[1 - self._surer]

    @property
    def score(self) -> float:
        return max(self.scores)

    @property
    def is_writing(self) -> bool:
        length = len(self.best.strip())
        return length > 0 and self.score >= (LEAST_ALONE if length == 1 else LEAST_SCORE)

    @property
    def _surer(self) -> int:
        return int(self.scores[1] > self.scores[0])


def read(stills: Sequence[Still]) -> Reading:
    """What stands on the stills. `missing` says what is not installed, where nothing can be read at all."""
    if not stills:
        return Reading()
    try:
        engine = _engine()
    except ImportError:
        return Reading(missing=MISSING)
    passages, alike = [], []
    for still in _worth_reading(stills):
        lines = _lines(engine, still.rgb)
        if lines:
            passages.append(_passage(still, lines))
            alike.append(_alike(lines))
    return Reading(tuple(passages), min(alike, default=None))


@cache
def _engine() -> Any:
    """The library, once in a process. Its networks are named by path, because it would download them otherwise."""
    import rapidocr

    models = Path(rapidocr.__file__).parent / "models"
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": 10 * FIRST_SIDE_PX,
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Det.limit_type": "max",
            "Det.limit_side_len": 10 * FIRST_SIDE_PX,
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
            "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _worth_reading(stills: Sequence[Still]) -> list[Still]:
    """Stills that differ from the one before, evenly over all where there are many."""
    chosen: list[Still] = []
    seen: NDArray[np.float32] | None = None
    for still in stills:
        small = cv2.resize(still.rgb, (CELLS, CELLS), interpolation=cv2.INTER_AREA).astype(np.float32)
        if seen is None or float(np.abs(small - seen).max()) >= CHANGED_LEVELS:
            chosen.append(still)
            seen = small
    picked = np.unique(np.linspace(0, len(chosen) - 1, min(MOST_READ, len(chosen))).round().astype(int))
    return [chosen[n] for n in picked]


def _lines(engine: Any, rgb: Picture) -> list[_Line]:
    """Every line of a still that at least one of the two looks finds and reads, in reading order."""
    plain = np.ascontiguousarray(rgb[..., ::-1])
    filtered = cv2.medianBlur(plain, 3).astype(np.uint8)
    found = _largest(_merged(_found(engine, plain, FIRST_SIDE_PX), _found(engine, filtered, SECOND_SIDE_PX)))
    lines = _read_twice(engine, plain, filtered, found)
    poor = [line for line in lines if line.score < SURE]
    apart = [corners for line in poor for corners in _apart(engine, plain, line.corners)]
    if apart:
        lines = [line for line in lines if line.score >= SURE]
        lines += _read_twice(engine, plain, filtered, _largest(apart))
    return _in_order([line for line in lines if line.is_writing])


def _read_twice(engine: Any, plain: Picture, filtered: Picture, found: Sequence[Corners]) -> list[_Line]:
    firsts, seconds = _read(engine, plain, found), _read(engine, filtered, found)
    return [
        _Line(corners, (first[0], second[0]), (first[1], second[1]))
        for corners, first, second in zip(found, firsts, seconds, strict=True)
    ]


def _apart(engine: Any, bgr: Picture, corners: Corners) -> list[Corners]:
    """The lines of a place, found in it alone and upright, in px of the picture; itself where there are none."""
    wide, high = (max(1, round(float(np.hypot(*(corners[n] - corners[0]))))) for n in (1, 3))
    upright = np.array([(0, 0), (wide, 0), (wide, high), (0, high)], np.float32)
    turn = cv2.getPerspectiveTransform(corners, upright)
    place = cv2.warpPerspective(bgr, turn, (wide, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    found = _found(engine, place.astype(np.uint8), CLOSE_SIDE_PX)
    back = np.linalg.inv(turn)
    return [cv2.perspectiveTransform(one[None], back)[0].astype(np.float32) for one in found] or [corners]


def _found(engine: Any, bgr: Picture, side_px: int) -> list[Corners]:
    """Where writing may stand, looked for at `side_px`, in px of the picture."""
    height, width = bgr.shape[:2]
    scale = min(MOST_ENLARGED, side_px / max(height, width))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    size_wh = max(32, round(width * scale)), max(32, round(height * scale))
    found = engine(cv2.resize(bgr, size_wh, interpolation=how), use_det=True, use_cls=False, use_rec=False)
    if found.boxes is None:
        return []
    per_px = np.array([width / size_wh[0], height / size_wh[1]], np.float32)
    return [corners.astype(np.float32) * per_px for corners in found.boxes]


def _merged(first: Sequence[Corners], second: Sequence[Corners]) -> list[Corners]:
    """All of the first, and those of the second that lie on none of them for the most part."""
    return [*first, *(one for one in second if all(_overlap(one, other) < 0.5 for other in first))]


def _overlap(first: Corners, second: Corners) -> float:
    """The area that two quadrangles share, as a share of the smaller one."""
    shared, _ = cv2.intersectConvexConvex(first, second)
    return shared / max(1.0, min(cv2.contourArea(first), cv2.contourArea(second)))


def _largest(found: list[Corners]) -> list[Corners]:
    return sorted(found, key=cv2.contourArea, reverse=True)[:MOST_LINES]


def _read(engine: Any, bgr: Picture, found: Sequence[Corners]) -> list[tuple[str, float]]:
    """Text and score of each line; of badly read ones the surest of upright, upside down and mirrored."""
    crops = engine.crop_text_regions(bgr, found)
    read = _recognised(engine, crops)
    poor = [n for n, (_, score) in enumerate(read) if score < SURE]
    for turn in (_upside_down, _mirrored):
        again = _recognised(engine, [turn(crops[n]) for n in poor])
        for n, other in zip(poor, again, strict=True):
            read[n] = max(read[n], other, key=lambda one: one[1])
    return read


def _recognised(engine: Any, crops: Sequence[Picture]) -> list[tuple[str, float]]:
    if not crops:
        return []
    said = engine.recognize_txt(list(crops))
    return [(text, float(score)) for text, score in zip(said.txts, said.scores, strict=True)]


def _upside_down(crop: Picture) -> Picture:
    return np.ascontiguousarray(crop[::-1, ::-1])


def _mirrored(crop: Picture) -> Picture:
    return np.ascontiguousarray(crop[:, ::-1])


def _in_order(lines: Sequence[_Line]) -> list[_Line]:
    """From above to below and from left to right along the direction in which most of the lines run."""
    if not lines:
        return []
    runs = np.array([line.corners[1] - line.corners[0] for line in lines], np.float64).sum(axis=0)
    along = runs / max(1e-6, float(np.hypot(*runs)))
    across = np.array([-along[1], along[0]])
    height_px = float(np.median([np.hypot(*(line.corners[3] - line.corners[0])) for line in lines]))
    places = [(line, line.corners.mean(axis=0)) for line in lines]
    places.sort(key=lambda one: float(one[1] @ across))
    rows: list[list[tuple[_Line, Corners]]] = []
    for place in places:
        if rows and float((place[1] - rows[-1][0][1]) @ across) < 0.5 * height_px:
            rows[-1].append(place)
        else:
            rows.append([place])
    return [line for row in rows for line, _ in sorted(row, key=lambda one: float(one[1] @ along))]


def _passage(still: Still, lines: Sequence[_Line]) -> Passage:
    """Every line as it reads best, then what the other reading makes of those on which they differ."""
    said = [(line.best, line) for line in lines]
    said += [(line.other, line) for line in lines if line.other and line.other != line.best]
    starts = itertools.accumulate((len(text) + 1 for text, _ in said), initial=0)
    pieces = tuple(
        Piece(start, start + len(text), still.box_px(*_box(line.corners)))
        for start, (text, line) in zip(starts, said, strict=False)
    )
    return Passage("\n".join(text for text, _ in said), "ocr", still.time_s, pieces)


def _box(corners: Corners) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _alike(lines: Sequence[_Line]) -> float:
    """How alike the two readings of a still are: 1 less the edits between them (Levenshtein, 1966) per character."""
    edits = sum(_edits(*line.texts) for line in lines)
    return 1.0 - edits / max(1, sum(max(map(len, line.texts)) for line in lines))


def _edits(first: str, second: str) -> int:
    """How many characters to add, take away or change."""
    before = list(range(len(second) + 1))
    for n, letter in enumerate(first, 1):
        now = [n]
        for k, other in enumerate(second, 1):
            now.append(min(before[k] + 1, now[-1] + 1, before[k - 1] + (letter != other)))
        before = now
    return before[-1]
