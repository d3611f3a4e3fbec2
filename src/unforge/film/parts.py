"""The parts of a long film, one after the other: pieces that are scanned, spans that are looked at closely."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from unforge import detect
from unforge.errors import MediaError
from unforge.evidence import Evidence
from unforge.examiner import Examiner
from unforge.exhibit import GAP_S, RATE_HZ, Exhibit
from unforge.explain.findings import MOST_TESTED
from unforge.explain.vocabulary import clock
from unforge.film.pooled import SPAN_S
from unforge.film.suspicion import MOST_SPANS, SCAN_RATE_HZ
from unforge.film.unfinished import Facts, Unfinished
from unforge.seen import OnProgress, Seen, look

PIECE_S = 120.0  # scanned at a time: bounds memory, and what a stop loses
MOST_PIECES = 240  # eight hours; what comes later is not examined, and the report says so
PIECE_WORK, SPAN_WORK = 1.0, 0.8  # how long they take, one against the other, on 1080p by all examiners
GOING_ON = "going on where it stopped"

Made = tuple[Seen, Facts]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece or a span that is done.

    next_s: where the film goes on after a piece, None where it does not; tracks: people seen up to its end.
    """

    start_s: float
    seen: Seen
    next_s: float | None
    tracks: int


@dataclass
class Parts:
    """The work on one long film; whatever is finished is kept in `unfinished`.

    unread_s: where the parts begin that could not be decoded.
    """

    exhibit: Exhibit
    examiners: Sequence[Examiner]
    prior: float
    unfinished: Unfinished
    on_progress: OnProgress
    rate_hz: float = RATE_HZ
    most_tested: int = MOST_TESTED
    unread_s: list[float] = field(default_factory=list)
    _done: float = 0.0
    _goes_on: bool = False

    @property
    def scanning(self) -> list[Examiner]:
        """Examiners who judge single pictures, however few."""
        return [one for one in self.examiners if one.name in detect.OF_PICTURES]

    @property
    def looking(self) -> list[Examiner]:
        """Examiners who judge a span of a film."""
        return [one for one in self.examiners if one.name not in detect.OF_FILES]

    def pieces(self) -> list[Part]:
        """The whole film, scanned. Raises MediaError where not even its first piece can be read."""
        pieces: list[Part] = []
        start_s: float | None = 0.0
        while start_s is not None and len(pieces) < MOST_PIECES:
            pieces.append(self._piece(start_s, pieces))
            next_s = pieces[-1].next_s
            start_s = None if next_s is None else PIECE_S * max(next_s // PIECE_S, start_s // PIECE_S + 1)
        return pieces

    def spans(self, starts_s: Sequence[float], tracks: int) -> list[Part]:
        """Spans, each examined as if it was a film of its own. tracks: people seen before."""
        spans: list[Part] = []
        for start_s in starts_s:
            try:
                spans.append(self._span(start_s, spans[-1].tracks if spans else tracks))
            except MediaError:
                self.unread_s.append(start_s)
        return spans

    def _piece(self, start_s: float, before: Sequence[Part]) -> Part:
        tracks = before[-1].tracks if before else 0
        end_s = start_s + PIECE_S
        piece = self.exhibit.span(start_s, end_s, rate_hz=SCAN_RATE_HZ, gap_s=GAP_S, first_track=tracks)

        def made(tell: OnProgress) -> Made:
            seen = look(piece, self.scanning, self.prior, tell, pictures=False)
            seen = replace(seen, evidence=tuple(map(_without_maps, seen.evidence)))
            return seen, {"next_s": piece.next_s, "tracks": tracks + len(piece.tracks)}

        try:
            return self._part("piece", start_s, PIECE_WORK, made)
        except MediaError:
            if not before:
                raise
            self.unread_s.append(start_s)
            goes_on = end_s < (self.exhibit.facts.duration_s or 0.0)
            return Part(start_s, Seen((), ()), end_s if goes_on else None, tracks)

    def _span(self, start_s: float, tracks: int) -> Part:
        span = self.exhibit.span(start_s, start_s + SPAN_S, rate_hz=self.rate_hz, first_track=tracks)

        def made(tell: OnProgress) -> Made:
            seen = look(span, self.looking, self.prior, tell, most_tested=self.most_tested)
            return seen, {"next_s": None, "tracks": tracks + len(span.tracks)}

        return self._part("span", start_s, SPAN_WORK, made)

    def _part(self, kind: str, start_s: float, work: float, made: Callable[[OnProgress], Made]) -> Part:
        """A part as it was kept, or made now and kept."""
        name, stage = f"{kind}-{start_s:.0f}", f"{kind} {clock(start_s)}"
        kept = self.unfinished.get(name)
        if kept is None and self._goes_on:
            self._tell(GOING_ON, 0.0)
        self._goes_on = kept is not None
        if kept is None:
            kept = self.unfinished.put(name, *made(lambda what, share: self._tell(f"{stage}, {what}", work * share)))
        self._done += work
        seen, facts = kept
        next_s, tracks = facts["next_s"], facts["tracks"]
        return Part(start_s, seen, None if next_s is None else float(next_s), int(tracks or 0))

    def _tell(self, what: str, more: float) -> None:
        pieces = math.ceil((self.exhibit.facts.duration_s or 0.0) / PIECE_S)
        whole = pieces * PIECE_WORK + (MOST_SPANS + 1) * SPAN_WORK
        self.on_progress(what, (self._done + more) / whole)


def _without_maps(answer: Evidence) -> Evidence:
    regions = tuple(replace(region, heat=None, attention=None) for region in answer.regions)
    return replace(answer, regions=regions, curves=())
