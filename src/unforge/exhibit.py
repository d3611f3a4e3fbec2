"""A file under examination: decoded on demand, each thing at most once."""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from unforge import faces
from unforge.faces import FaceTrack, Scan
from unforge.media.frame import Frame
from unforge.media.image import read_image
from unforge.media.probe import MediaFacts, probe
from unforge.media.video import frames

if TYPE_CHECKING:
    from unforge.media.sound import Sound

RATE_HZ = 4.0  # looks per second at a short film
MOST_LOOKS = 240  # at any film: bounds time and memory; longer films are looked at less often
LONG_S = 120.0  # beyond, only key frames are decoded
CLOSE_S = 12.0  # of a film are looked at frame by frame ...
CLOSE_PEOPLE = 3  # ... at so many people, the most visible ones
CLOSE_RATE_HZ = 32.0  # a film with more frames a second is thinned to at most this
FEW_LOOKS = 8  # a long film with fewer key frames than this is decoded in full after all


class Exhibit:
    """One picture or video, read-only.

    path: the file; nothing is opened before it is asked for. Every access may raise MediaError.
    on_progress: is told the share of the frames seen so far, in [0, 1].
    """

    def __init__(self, path: str | Path, on_progress: Callable[[float], None] | None = None) -> None:
        self.path = Path(path)
        self._on_progress = on_progress

    def __repr__(self) -> str:
        return f"Exhibit({str(self.path)!r})"

    @cached_property
    def facts(self) -> MediaFacts:
        """What the file is, with its SHA-256."""
        return probe(self.path)

    @property
    def tracks(self) -> tuple[FaceTrack, ...]:
        """The people in it, in order of appearance; for a still, its faces from large to small."""
        return self.scan.tracks

    @cached_property
    def scan(self) -> Scan:
        """The one pass over the pictures: faces, times looked at, cuts."""
        if self.facts.kind == "image":
            return faces.scan([read_image(self.path)], faces.FACES_PER_STILL)
        seen = faces.scan(self._looks(key_frames_only=self.key_frames_only))
        if self.key_frames_only and len(seen.times_s) < FEW_LOOKS:
            return faces.scan(self._looks(key_frames_only=False))
        return seen

    @cached_property
    def close_ups(self) -> tuple[FaceTrack, ...]:
        """The people of a film frame by frame: in the CLOSE_S seconds in which most of them is seen; of a still, none.

        Their ids are those of `tracks`.
        """
        if self.facts.kind == "image" or not self.tracks:
            return ()
        start_s = _best_start_s(self.tracks)
        return self.close_up(start_s, start_s + CLOSE_S)

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
        other.scan = replace(self.scan, tracks=tuple(tracks))
        return other

    @property
    def key_frames_only(self) -> bool:
        """Whether the film is so long that only its key frames are looked at."""
        return (self.facts.duration_s or 0.0) > LONG_S

    @property
    def look_rate_hz(self) -> float:
        """Looks per second at a film."""
        return min(RATE_HZ, MOST_LOOKS / max(self.facts.duration_s or 0.0, 1e-3))

    def _looks(self, key_frames_only: bool) -> Iterator[Frame]:
        duration_s = self.facts.duration_s or 0.0
        with frames(self.path, rate_hz=self.look_rate_hz, gap_s=math.inf if key_frames_only else None) as source:
            for n, frame in enumerate(source):
                # A container may claim a short duration and go on for ever.
                if n >= 2 * MOST_LOOKS:
                    return
                yield frame
                if self._on_progress and duration_s > 0:
                    self._on_progress(min(1.0, frame.time_s / duration_s))

    @cached_property
    def sound(self) -> "Sound":
        """Mono sound at 16 kHz; raises MediaError with code no_sound where there is none."""
        from unforge.media.sound import read_sound

        return read_sound(self.path)


def _visible(track: FaceTrack, start_s: float, end_s: float) -> float:
    """How much of a person is seen in a span: the sizes of all looks, in pixels."""
    return float(track.size_px[(track.times_s >= start_s) & (track.times_s < end_s)].sum())


def _best_start_s(tracks: Sequence[FaceTrack]) -> float:
    """Where the span of CLOSE_S seconds begins that shows most of somebody; the earliest of equals."""
    best = max(tracks, key=lambda track: (_visible(track, 0.0, math.inf), -track.id))
    starts_s = [0.0, *(float(time_s) for time_s in best.times_s if time_s + CLOSE_S <= best.times_s[-1])]
    return max(starts_s, key=lambda start_s: (_visible(best, start_s, start_s + CLOSE_S), -start_s))
