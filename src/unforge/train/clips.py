"""Stretches of film around one face: what temporal forgeries are made of, and how they come back from a codec."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import faces
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack
from unforge.media.frame import Frame
from unforge.media.video import frames

LENGTH = 32  # frames
ROOM = 0.45  # kept around a face on each side, in its own sizes
MOST_PX = 288  # side of a stretch; larger faces are reduced by areas
PER_CLIP = 3


@dataclass(frozen=True, slots=True)
class Clip:
    """LENGTH frames around one face, from a camera that does not follow it.

    rgb: (T, S, S, 3) uint8; times_s: (T,) from 0; landmarks_px: (T, 468, 2) float32 on the pictures.
    """

    rgb: NDArray[np.uint8]
    times_s: NDArray[np.float64]
    landmarks_px: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.times_s)

    def showing(self, rgb: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> "Clip":
        """The same moments with other pictures."""
        return replace(self, rgb=np.asarray(rgb, np.uint8))


def cut(path: Path, most: int = PER_CLIP) -> list[Clip]:
    """Up to `most` stretches of a film's main face, evenly over it; none where it shows no face for long enough.

    Raises MediaError for a file that cannot be read.
    """
    tracks = Exhibit(path).close_ups
    if not tracks:
        return []
    track = max(tracks, key=lambda one: (float(one.size_px.sum()), -one.id))
    last = len(track) - LENGTH
    if last < 0:
        return []
    starts = sorted({round(start) for start in np.linspace(0, last, max(1, min(most, 1 + last // LENGTH)))})
    return [clip for start in starts if (clip := _cut(path, track, start)) is not None]


def _cut(path: Path, track: FaceTrack, start: int) -> Clip | None:
    """None where frames are missing: a stretch is a piece of film without holes."""
    span = slice(start, start + LENGTH)
    times_s, points = track.times_s[span], np.asarray(track.landmarks_px[span], np.float32)
    if np.diff(times_s).max() > 2.5 * np.median(np.diff(times_s)):
        return None
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    side = round(float(np.max(high - low)) + 2.0 * ROOM * float(np.median(track.size_px[span])))
    corner = np.round((low + high) / 2.0 - side / 2.0).astype(int)
    scale = min(1.0, MOST_PX / side)
    matrix = np.array([[scale, 0.0, -scale * corner[0]], [0.0, scale, -scale * corner[1]]])
    wanted = set(np.round(times_s, 4).tolist())
    pictures = [
        _square(frame, corner, side, round(side * scale))
        for frame in _between(path, float(times_s[0]), float(times_s[-1]))
        if round(frame.time_s, 4) in wanted
    ]
    if len(pictures) != len(times_s):
        return None
    placed = points @ matrix[:, :2].T + matrix[:, 2]
    return Clip(np.stack(pictures), times_s - times_s[0], placed.astype(np.float32))


def _between(path: Path, start_s: float, end_s: float) -> Iterator[Frame]:
    with frames(path, start_s=start_s, end_s=end_s + 1e-3) as source:
        yield from source


def _square(frame: Frame, corner: NDArray[np.int64], side: int, out_px: int) -> NDArray[np.uint8]:
    """A square of the displayed frame; beyond its edges stands its mirror image."""
    rgb = frame.rgb
    if frame.scale > 1.0:
        height, width = rgb.shape[:2]
        rgb = np.asarray(cv2.resize(rgb, (round(width * frame.scale), round(height * frame.scale))), np.uint8)
    height, width = rgb.shape[:2]
    x0, y0 = corner
    before, after = (max(0, -y0), max(0, -x0)), (max(0, y0 + side - height), max(0, x0 + side - width))
    wide = cv2.copyMakeBorder(rgb, before[0], after[0], before[1], after[1], cv2.BORDER_REFLECT_101)
    part = wide[y0 + before[0] : y0 + before[0] + side, x0 + before[1] : x0 + before[1] + side]
    return np.asarray(cv2.resize(part, (out_px, out_px), interpolation=cv2.INTER_AREA), np.uint8)


def coded(clip: Clip, crf: int) -> Clip:
    """The stretch after H.264 at a constant rate factor."""
    import av

    even = np.pad(clip.rgb, ((0, 0), (0, clip.rgb.shape[1] % 2), (0, clip.rgb.shape[2] % 2), (0, 0)), mode="edge")
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = even.shape[2], even.shape[1], "yuv420p"
    encoder.time_base = Fraction(1, len(clip))
    encoder.options = {"crf": str(crf), "x264-params": "threads=1:lookahead-threads=1"}
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    packets = []
    for n, rgb in enumerate(even):
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame.pts, frame.time_base = n, encoder.time_base
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    shown = [out for packet in packets for out in decoder.decode(packet)] + decoder.decode(None)
    side = clip.rgb.shape[1]
    return clip.showing([np.asarray(frame.to_ndarray(format="rgb24")[:side, :side], np.uint8) for frame in shown])


def seen(clip: Clip) -> FaceTrack | None:
    """The face as an examiner would see it frame by frame; None where it gets lost."""
    nothing = np.zeros(0, np.float32)
    known = FaceTrack(
        id=0,
        times_s=clip.times_s,
        boxes_px=nothing,
        landmarks_px=clip.landmarks_px,
        size_px=nothing,
        sharpness=nothing,
        yaw_deg=nothing,
        blockiness=nothing,
        crops=np.zeros(0, np.uint8),
        crop_landmarks_px=nothing,
    )
    pictures = (Frame(float(time_s), rgb) for time_s, rgb in zip(clip.times_s, clip.rgb, strict=True))
    tracks = faces.follow(pictures, [known])
    return tracks[0] if tracks and len(tracks[0]) == len(clip) else None
