"""What the quick looks at a long film say, and where to look closer."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from unforge.evidence import Evidence, Region
from unforge.film.pooled import SPAN_S, Answer, from_looks
from unforge.report import Face
from unforge.seen import verdict_of

SCAN_RATE_HZ = 0.5  # a forged ten seconds hold five looks, or three where key frames are far apart
STEP_S = SPAN_S / 2.0  # spans may begin here: whatever lasts ten seconds fills most of one of them
MOST_SPANS = 6  # looked at closely because they are suspicious


class Suspicion:
    """The looks of every examiner of single pictures, in cells of STEP_S; a span begins with a cell and has two.

    answers: by examiner, what it said of each piece of the film.
    """

    def __init__(self, answers: Mapping[str, Sequence[Evidence]], faces: Sequence[Face]) -> None:
        self.answers = {name: _spoken(said) for name, said in answers.items()}
        self._faces = faces
        self._cells: dict[str, dict[int, list[Region]]] = {}
        for name, said in self.answers.items():
            cells = self._cells.setdefault(name, {})
            for region in (region for answer in said for region in answer.regions if region.box_px is not None):
                cells.setdefault(int(region.start_s // STEP_S), []).append(region)

    def of(self, name: str, start_s: float) -> Answer | None:
        """What an examiner's looks say of a span; None where it judged nobody."""
        return from_looks(self._looks(name, start_s), start_s)

    def judged(self) -> list[float]:
        """Where the spans begin in which somebody was judged, one after the other without overlap."""
        return [SPAN_S * n for n in sorted({cell // 2 for cell in self._all_cells()})]

    def closer(self) -> list[float]:
        """Where to look closer: the loudest spans, and the one in which somebody is seen best; none overlap."""
        starts_s = {STEP_S * start for cell in self._all_cells() for start in (max(cell - 1, 0), cell)}
        loudest = _apart(sorted(starts_s, key=lambda start_s: (-self._loudness(start_s), start_s)), [], MOST_SPANS)
        sizes_px = self._visible()
        best = sorted(sizes_px, key=lambda start_s: (-sizes_px[start_s], start_s))
        return _apart(best, loudest, len(loudest) + 1)

    def _looks(self, name: str, start_s: float) -> list[Region]:
        cells, cell = self._cells.get(name, {}), round(start_s / STEP_S)
        return [*cells.get(cell, ()), *cells.get(cell + 1, ())]

    def _all_cells(self) -> set[int]:
        return {cell for cells in self._cells.values() for cell in cells}

    def _loudness(self, start_s: float) -> float:
        """What the looks at the most suspicious person amount to, less where they do not fill the span."""
        looks = {name: self._looks(name, start_s) for name in self._cells}
        tracks = {look.track for mine in looks.values() for look in mine}
        return max((self._of_person(track, looks) for track in tracks), default=-math.inf)

    def _of_person(self, track: int | None, looks: Mapping[str, Sequence[Region]]) -> float:
        llrs = {name: [look.llr for look in mine if look.track == track] for name, mine in looks.items()}
        evidence = [
            replace(self.answers[name][0], llr=math.fsum(mine) / len(mine)) for name, mine in llrs.items() if mine
        ]
        filled = max(map(len, llrs.values())) / (SPAN_S * SCAN_RATE_HZ)
        return (verdict_of(evidence, 0.5).llr or 0.0) * min(1.0, filled)

    def _visible(self) -> dict[float, float]:
        """For each span how much of one person is seen in it: the sizes of all looks, in pixels."""
        seen: dict[float, float] = {}
        for face in self._faces:
            of_face: dict[float, float] = {}
            for frame in face.frames:
                x0, y0, x1, y1 = frame.box_px
                start_s = SPAN_S * (frame.time_s // SPAN_S)
                of_face[start_s] = of_face.get(start_s, 0.0) + max(x1 - x0, y1 - y0)
            for start_s, size_px in of_face.items():
                seen[start_s] = max(size_px, seen.get(start_s, -math.inf))
        return seen


def _spoken(answers: Iterable[Evidence]) -> list[Evidence]:
    return [answer for answer in answers if not answer.abstained]


def _apart(starts_s: Sequence[float], chosen: Sequence[float], most: int) -> list[float]:
    """Those chosen before and the next ones, up to so many in all, of which none overlaps one before it."""
    found = list(chosen)
    for start_s in starts_s:
        if len(found) < most and all(abs(start_s - other) >= SPAN_S for other in found):
            found.append(start_s)
    return found
