"""A file under examination: decoded on demand, each thing at most once."""

import copy
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Self, TypeVar, overload

from unforge import faces
from unforge.faces import FaceTrack, Scan
from unforge.media.frame import Frame
from unforge.media.image import read_image
from unforge.media.probe import MediaFacts, probe
from unforge.media.video import frames

if TYPE_CHECKING:
    from unforge.media.sound import Sound

RATE_HZ = 4.0  # looks per second
MOST_LOOKS = 240  # at one exhibit: bounds time and memory; what lasts longer is looked at less often
LONG_S = 120.0  # a film beyond is not decoded in full for these looks ...
GAP_S = 4.0  # ... but where its key frames are further apart than this
CLOSE_S = 12.0  # are looked at frame by frame ...
SHOULDER_S = 0.5  # before somebody's first look: the face was there, or it was not
CLOSE_PEOPLE = 3  # ... at so many people, the most visible ones
CLOSE_RATE_HZ = 32.0  # a film with more frames a second is thinned to at most this


T = TypeVar("T")


class once(Generic[T]):  # reads like the decorator that it is
    """A property that is worked out when it is first asked for, and only once, whichever threads ask."""

    def __init__(self, work_out: Callable[["Exhibit"], T]) -> None:
        self._work_out, self.__doc__ = work_out, work_out.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, exhibit: None, owner: type) -> Self: ...

    @overload
    def __get__(self, exhibit: "Exhibit", owner: type) -> T: ...

    def __get__(self, exhibit: "Exhibit | None", owner: type) -> Self | T:
        if exhibit is None:
            return self
        with exhibit.__dict__.setdefault(f"_{self._name}_lock", threading.RLock()):
            if self._name not in exhibit.__dict__:
                exhibit.__dict__[self._name] = self._work_out(exhibit)
        found: T = exhibit.__dict__[self._name]
        return found


class Exhibit:
    """One picture or video, or a span of a video, read-only.

    path: the file; nothing is opened before it is asked for. Every access may raise MediaError.
    on_progress: is told the share of the frames seen so far, in [0, 1]. rate_hz: looks per second.
    start_s, end_s: the span on the clock of the film; end_s is None where it goes to the end.
    """

    def __init__(
        self, path: str | Path, on_progress: Callable[[float], None] | None = None, *, rate_hz: float = RATE_HZ
    ) -> None:
        self.path = Path(path)
        self.on_progress = on_progress
        self.start_s = 0.0
        self.end_s: float | None = None
        self.next_s: float | None = None  # where the film goes on after a span; known when `scan` has been made
        self._rate_hz, self._first_track = rate_hz, 0
        self._gap_s: float | None = None

    def __repr__(self) -> str:
        return f"Exhibit({str(self.path)!r})"

    @once
    def facts(self) -> MediaFacts:
        """What the file is, with its SHA-256."""
        return probe(self.path)

    @property
    def tracks(self) -> tuple[FaceTrack, ...]:
        """The people in it, in order of appearance; for a still, its faces from large to small."""
        return self.scan.tracks

    def span(
        self,
        start_s: float,
        end_s: float,
        *,
        rate_hz: float = RATE_HZ,
        gap_s: float | None = None,
        first_track: int = 0,
    ) -> "Exhibit":
        """A part of the film as an exhibit of its own; times stay those of the film.

        gap_s: look at key frames only, wherever they are not further apart than this. first_track: id of the first
        person.
        """
        part = Exhibit(self.path, rate_hz=rate_hz)
        part.__dict__["facts"] = self.facts
        part.start_s, part.end_s, part._gap_s, part._first_track = start_s, end_s, gap_s, first_track
        return part

    @once
    def scan(self) -> Scan:
        """The one pass over the pictures: faces, times looked at, cuts."""
        if self.facts.kind == "image":
            return faces.scan([read_image(self.path)], faces.FACES_PER_STILL)
        seen = faces.scan(self._looks())
        tracks = tuple(replace(track, id=track.id + self._first_track) for track in seen.tracks)
        return replace(seen, tracks=tracks)

    @once
    def close_ups(self) -> tuple[FaceTrack, ...]:
        """The people of a film frame by frame: in the CLOSE_S seconds in which most of them is seen; of a still, none.

        Their ids are those of `tracks`.
        """
        if self.facts.kind == "image" or not self.tracks:
            return ()
        start_s = max(self.start_s, _best_start_s(self.tracks))
        end_s = start_s + CLOSE_S
        return self.close_up(start_s, end_s if self.end_s is None else min(end_s, self.end_s))

    def close_up(self, start_s: float, end_s: float) -> tuple[FaceTrack, ...]:
        """The most visible people of a span, frame by frame."""
        people = sorted(self.tracks, key=lambda track: (-_visible(track, start_s, end_s), track.id))
        people = [track for track in people[:CLOSE_PEOPLE] if _visible(track, start_s, end_s) > 0]
        every = max(1, math.ceil((self.facts.rate_hz or 0.0) / CLOSE_RATE_HZ))
        with frames(self.path, every=every, start_s=start_s, end_s=end_s) as source:
            return faces.follow(islice(source, math.ceil(2 * CLOSE_S * CLOSE_RATE_HZ)), people)

    def showing(self, tracks: Sequence[FaceTrack]) -> "Exhibit":
        """The same file with other people in it: for asking what an examiner would say if a face looked otherwise."""
        other = copy.copy(self)
        other.__dict__["scan"] = replace(self.scan, tracks=tuple(tracks))
        return other

    @property
    def is_long(self) -> bool:
        """Whether this is a film that takes too long to be looked at in full."""
        return (self.facts.duration_s or 0.0) > LONG_S

    @property
    def look_rate_hz(self) -> float:
        """Looks per second."""
        return min(self._rate_hz, MOST_LOOKS / max(self._lasts_s, 1e-3))

    @property
    def _lasts_s(self) -> float:
        return (self.facts.duration_s or 0.0) if self.end_s is None else self.end_s - self.start_s

    def _looks(self) -> Iterator[Frame]:
        gap_s = GAP_S if self._gap_s is None and self._lasts_s > LONG_S else self._gap_s
        with frames(
            self.path, rate_hz=self.look_rate_hz, gap_s=gap_s, start_s=self.start_s, end_s=self.end_s
        ) as source:
            for n, frame in enumerate(source):
                # A container may claim a short duration and go on for ever.
                if n >= 2 * MOST_LOOKS:
                    return
                yield frame
                if self.on_progress and self._lasts_s > 0:
                    self.on_progress(min(1.0, (frame.time_s - self.start_s) / self._lasts_s))
            self.next_s = source.next_s

    @once
    def sound(self) -> "Sound":
        """Mono sound at 16 kHz; raises MediaError with code no_sound where there is none."""
        from unforge.media.sound import LONGEST_S, read_sound

        end_s = self.start_s + LONGEST_S if self.end_s is None else self.end_s
        return read_sound(self.path, start_s=self.start_s, end_s=end_s)


def _visible(track: FaceTrack, start_s: float, end_s: float) -> float:
    """How much of a person is seen in a span: the sizes of all looks, in pixels."""
    return float(track.size_px[(track.times_s >= start_s) & (track.times_s < end_s)].sum())


def _best_start_s(tracks: Sequence[FaceTrack]) -> float:
    """Where the span of CLOSE_S seconds begins that shows most of somebody; the earliest of equals."""
    best = max(tracks, key=lambda track: (_visible(track, 0.0, math.inf), -track.id))
    times_s: list[float] = best.times_s.tolist()
    starts_s = [max(0.0, times_s[0] - SHOULDER_S), *(time_s for time_s in times_s if time_s + CLOSE_S <= times_s[-1])]
    return max(starts_s, key=lambda start_s: (_visible(best, start_s, start_s + CLOSE_S), -start_s))
