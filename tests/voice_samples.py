"""Voices and moving mouths made by code: nobody is recorded."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from tests.faces_samples import portrait
from unforge.detect._lips import SHAPES, SIDE_PX, Lips
from unforge.detect._voice import BANDS, GRID_HZ, Voice
from unforge.faces import FaceTrack, scan
from unforge.media.frame import Frame
from unforge.media.sound import Sound

RATE_HZ = 16_000
VOWELS_HZ = ((700, 1200, 2600), (300, 2300, 3000), (350, 800, 2300), (500, 1800, 2500), (600, 1000, 2400))
UPPER, LOWER = (13, 82, 312, 81, 311), (14, 87, 317, 178, 402)  # mesh points of the inner lips


def speech(seconds: float, seed: int = 3) -> NDArray[np.float32]:
    """Vowels of a buzzing throat, each with its formants: what a voice detector takes for speech."""
    rng, total = np.random.default_rng(seed), round(seconds * RATE_HZ)
    samples, at = np.zeros(total), 0
    while at < total:
        count = min(round(RATE_HZ * rng.uniform(0.12, 0.25)), total - at)
        along = np.arange(count) / count
        pitch_hz = 120.0 * (1.0 + 0.15 * np.sin(6.0 * np.pi * at / total)) * (1.0 + 0.05 * np.cos(np.pi * along))
        buzz = (2.0 * np.pi * np.cumsum(pitch_hz) / RATE_HZ % (2.0 * np.pi)) / np.pi - 1.0
        sound = np.diff(buzz, prepend=buzz[0]) + 0.002 * rng.standard_normal(count)
        for hz, width_hz in zip(VOWELS_HZ[rng.integers(len(VOWELS_HZ))], (80, 100, 140), strict=True):
            r = np.exp(-np.pi * width_hz / RATE_HZ)
            sound = lfilter([1.0 - r], [1.0, -2.0 * r * np.cos(2.0 * np.pi * hz / RATE_HZ), r * r], sound)
        samples[at : at + count] = sound / max(float(np.abs(sound).max()), 1e-9) * np.sqrt(np.sin(np.pi * along))
        at += count + (round(RATE_HZ * rng.uniform(0.03, 0.1)) if rng.random() < 0.35 else 0)
    return (0.3 * samples).astype(np.float32)


def talking(seconds: float = 4.0, rate_hz: float = 25.0, seed: int = 1, depth: float = 0.3, id: int = 0) -> FaceTrack:
    """The portrait with a mouth that opens and shuts in its mesh; depth: at most, in lengths of the nose."""
    still = scan([Frame(0.0, portrait())]).tracks[0]
    count = round(seconds * rate_hz)
    opening = np.abs(gaussian_filter1d(np.random.default_rng(seed).standard_normal(count), 1.5))
    opening *= depth / max(float(opening.max()), 1e-9)
    many = {name: np.repeat(getattr(still, name), count, axis=0) for name in FaceTrack.__slots__ if name != "id"}
    for name in ("landmarks_px", "crop_landmarks_px"):
        points = many[name]
        nose_px = points[:, 2, 1] - points[:, 168, 1]
        points[:, LOWER, 1] = points[:, UPPER, 1] + (opening * nose_px)[:, None]
    many["times_s"] = np.arange(count) / rate_hz
    return FaceTrack(id=id, **many)


def made_pair(seed: int, rows: int = 150, late_rows: int = 0, shared: float = 1.0) -> tuple[Lips, Voice, Sound]:
    """Lips and a voice that follow the same hidden movement; the voice comes so many rows late."""
    rng = np.random.default_rng(seed)
    reach = 40
    hidden = gaussian_filter1d(rng.standard_normal((rows + 2 * reach, 3)), 3.0, axis=0)
    hidden /= hidden.std(axis=0)
    mixing = np.random.default_rng(99)  # the same in all people: this is what can be learned
    to_lips, to_bands = mixing.standard_normal((3, SHAPES)), mixing.standard_normal((3, BANDS))
    to_pixels = mixing.standard_normal((3, SIDE_PX * SIDE_PX)) * 0.1
    seen = hidden[reach : reach + rows]
    features = np.concatenate([seen @ to_lips, seen @ to_pixels], axis=1)
    features += 0.5 * gaussian_filter1d(rng.standard_normal(features.shape), 2.0, axis=0)
    heard = np.roll(hidden, late_rows, axis=0) * shared
    bands = heard @ to_bands + gaussian_filter1d(rng.standard_normal((len(heard), BANDS)), 2.0, axis=0)
    spoken = np.zeros(len(heard), np.bool_)
    spoken[reach : reach + rows] = True
    lips = Lips(
        reach,
        (features - features.mean(axis=0)).astype(np.float32),
        rng.standard_normal(rows),
        50.0,
        np.arange(rows) / GRID_HZ,
    )
    voice = Voice(0, spoken, spoken, (bands - bands.mean(axis=0)) / bands.std(axis=0), rng.standard_normal(len(heard)))
    return lips, voice, Sound(speech(len(heard) / GRID_HZ, seed), RATE_HZ, 0.0)


def film(path: Path, frames: list[NDArray[np.uint8]], samples: NDArray[np.float32], rate_hz: int = 25) -> Path:
    """A film with pictures and a sound (N,) or (2, N) at 16 kHz."""
    tracks = np.atleast_2d(samples)
    layout = "stereo" if len(tracks) == 2 else "mono"
    with av.open(str(path), "w") as container:
        video, audio = container.add_stream("libx264", rate=rate_hz), container.add_stream("aac", rate=RATE_HZ)
        video.height, video.width, video.pix_fmt = *frames[0].shape[:2], "yuv420p"
        audio.layout = layout
        for index, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, rate_hz)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for start in range(0, tracks.shape[1], 1024):
            piece = av.AudioFrame.from_ndarray(np.ascontiguousarray(tracks[:, start : start + 1024]), "fltp", layout)
            piece.rate, piece.pts, piece.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
            container.mux(audio.encode(piece))
        container.mux(audio.encode(None))
    return path
