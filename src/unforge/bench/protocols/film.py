"""`film`: films of an hour, put together of real clips, with ten forged seconds somewhere in them.

Every real clip of the face collection is brought to 1080p, runs forth and back for ten seconds, and is coded once, with
one key frame; a film is a row of such pieces, over and over, and one forged piece at a random place. A steady tone is
its sound. Each film is examined by a fresh process of `unforge examine`; memory is the highest sum over it and its
decoders, sampled. `named` tells whether the most suspicious span of the film holds at least half of the forged seconds,
`flagged` whether that span would be "manipulated" by itself. There is one film for each method of forging, and one
without a forgery; rates over all methods have Wilson intervals.

The same few people come again and again: a rate of false alarms in films cannot be read off here.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.bench import figures, judge, material
from unforge.bench.protocols import OnProgress
from unforge.bench.protocols.clips import FACE_COLLECTION
from unforge.bench.protocols.speed import together_mb
from unforge.bench.record import Record, Value, of_today
from unforge.errors import UsageError
from unforge.media.video import frames

SIZE_WH = (1920, 1080)
RATE_HZ = 25
PIECE_S = 10
FILM_S = 3600
SOUND_HZ = 16_000
TONE_HZ = 220.0
SEED = 11
POOLED, UNTOUCHED = "all methods", "no forgery"

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Examined:
    """What a process said of a film: the most suspicious span, whether it was flagged by itself, and what it cost."""

    span_s: tuple[float, float] | None
    flagged: bool
    wall_s: float
    peak_mb: float

    def names(self, start_s: float) -> bool:
        """Whether the span holds at least half of the forged piece."""
        if self.span_s is None:
            return False
        return min(self.span_s[1], start_s + PIECE_S) - max(self.span_s[0], start_s) >= PIECE_S / 2


@dataclass(frozen=True, slots=True)
class Tried:
    """One film: where its forged piece begins, None without one, and what was said."""

    forged_at_s: float | None
    examined: Examined

    @property
    def named(self) -> bool | None:
        return None if self.forged_at_s is None else self.examined.names(self.forged_at_s)


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Put films together and examine them. Raises UsageError where there is nothing to make them of."""
    material.no_list("film", listed)
    material.no_peers("film", peers)
    clips = [clip for clip in material.read(data, split, "video") if clip.dataset == FACE_COLLECTION]
    calm = [clip for clip in clips if not clip.fake]
    forged = {clip.method: clip for clip in reversed(clips) if clip.fake}
    if not calm or not forged:
        raise UsageError(f"film: expected real and forged clips of {FACE_COLLECTION!r} in {split!r}")

    def tell(what: str, share: float) -> None:
        if on_progress is not None:
            on_progress(what, share)

    rng, root, count = np.random.default_rng(SEED), data or Path(), FILM_S // PIECE_S
    tried: dict[str, Tried] = {}
    with tempfile.TemporaryDirectory() as folder:
        row = []
        for n, clip in enumerate(calm):
            tell(clip.path, 0.1 * n / len(calm))
            row.append(piece(root / clip.path, Path(folder) / f"calm-{n}.mp4"))
        film, other = Path(folder) / "film.mp4", Path(folder) / "forged.mp4"
        for n, (method, clip) in enumerate(sorted(forged.items())):
            tell(f"an hour with {method}", 0.1 + 0.9 * n / (len(forged) + 1))
            at = int(rng.integers(1, count - 1))
            join(film, row, count, {at: piece(root / clip.path, other)})
            tried[method] = Tried(PIECE_S * at, examined(film, examiners))
        tell("an hour without a forgery", 0.1 + 0.9 * len(forged) / (len(forged) + 1))
        join(film, row, count, {})
        tried[UNTOUCHED] = Tried(None, examined(film, examiners))
    (own,) = judge.contestants(examiners)
    return of_today(
        name="-".join(("film", split, *(examiners or ()))),
        protocol="film",
        split=split,
        rows={POOLED: _pooled(tried)} | {name: _row([one]) for name, one in tried.items()},
        manifest_sha256=material.sha256(data),
        weights=judge.sha256s([own]),
        seed=SEED,
        settings={
            "clips": len(calm),
            "films": len(tried),
            "minutes": FILM_S // 60,
            "forged_s": PIECE_S,
            "key_frames_every_s": PIECE_S,
            "figures": "95 % Wilson intervals of rates; times and memory of single processes",
        },
    )


def _pooled(tried: Mapping[str, Tried]) -> dict[str, Value]:
    return _row([one for name, one in tried.items() if name != UNTOUCHED])


def _row(films: Sequence[Tried]) -> dict[str, Value]:
    """Time and memory as mean and maximum; an untouched film has nothing to be named."""
    walls_s = [one.examined.wall_s for one in films]
    named = [one.named for one in films if one.named is not None]
    return {
        "wall_s": figures.mean(walls_s),
        "times_real_time": figures.mean([FILM_S / wall_s for wall_s in walls_s]),
        "peak_mb": Value(max(one.examined.peak_mb for one in films), None, None, len(films)),
        "named": _count(named) if named else Value(None, None, None, 0),
        "flagged": _count([one.examined.flagged for one in films]),
    }


def _count(hits: Sequence[bool]) -> Value:
    return figures.rate(np.array(hits, np.bool_), np.ones(len(hits), np.bool_))


def piece(clip: Path, path: Path) -> Path:
    """Writes ten seconds of a clip, forth and back, as one group of pictures: all pieces can be joined."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ)
        stream.width, stream.height = SIZE_WH
        stream.pix_fmt, stream.gop_size = "yuv420p", RATE_HZ * PIECE_S
        stream.options = {"crf": "23", "preset": "veryfast", "x264-params": "scenecut=0:open-gop=0:threads=1"}
        for n, rgb in enumerate(_there_and_back(clip)):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", threads=1)
            frame.pts, frame.time_base = n, Fraction(1, RATE_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _there_and_back(clip: Path) -> Iterator[Picture]:
    """As many frames as a piece has; a clip that lasts longer is cut."""
    wanted = RATE_HZ * PIECE_S
    with frames(clip, rate_hz=float(RATE_HZ), end_s=PIECE_S / 2) as source:
        seen = [frame.rgb for frame in source]
    order = [*range(len(seen)), *range(len(seen) - 2, 0, -1)]
    for n in (order * (wanted // len(order) + 1))[:wanted]:
        yield _filling(seen[n])


def _filling(rgb: Picture) -> Picture:
    """A picture as large as fits the film, in the middle of black."""
    width, height = SIZE_WH
    scale = min(width / rgb.shape[1], height / rgb.shape[0])
    size_wh = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
    filled = np.full((height, width, 3), 16, np.uint8)
    left, top = (width - size_wh[0]) // 2, (height - size_wh[1]) // 2
    filled[top : top + size_wh[1], left : left + size_wh[0]] = cv2.resize(rgb, size_wh, interpolation=cv2.INTER_CUBIC)
    return filled


def join(path: Path, pieces: Sequence[Path], count: int, others: dict[int, Path]) -> None:
    """Writes a film of so many pieces, in turns; others: pieces at places of their own. Nothing is coded again."""
    import av

    with av.open(str(pieces[0])) as first, av.open(str(path), "w") as film:
        stream = film.add_stream_from_template(first.streams.video[0])
        tone = film.add_stream("aac", rate=SOUND_HZ, layout="mono")
        said = 0
        for n in range(count):
            with av.open(str(others.get(n, pieces[n % len(pieces)]))) as source:
                for packet in source.demux(video=0):
                    if packet.size and packet.pts is not None and packet.dts is not None and packet.time_base:
                        shift = round(n * PIECE_S / packet.time_base)
                        packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                        film.mux(packet)
            while said < (n + 1) * PIECE_S * SOUND_HZ:
                samples = 0.2 * np.sin(2 * np.pi * TONE_HZ / SOUND_HZ * np.arange(said, said + 1024))
                sound = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], "fltp", "mono")
                sound.rate, sound.pts, sound.time_base = SOUND_HZ, said, Fraction(1, SOUND_HZ)
                film.mux(tone.encode(sound))
                said += 1024
        film.mux(tone.encode(None))


def examined(film: Path, examiners: Sequence[str] | None) -> Examined:
    """A fresh process that examines a film. Raises UsageError where it fails."""
    chosen = [] if examiners is None else ["--with", ",".join(examiners)]
    command = [sys.executable, "-m", "unforge", "examine", str(film), "--json", *chosen]
    started, peak_mb = time.perf_counter(), 0.0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            peak_mb = max(peak_mb, together_mb(process.pid))
            time.sleep(0.1)
        if process.returncode:
            raise UsageError(f"film: expected `unforge examine` to succeed; it ended with {process.returncode}")
        wall_s = time.perf_counter() - started
        said.seek(0)
        report = json.loads(said.read())
    told = (one["facts"] for one in report["evidence"] if "film_span_start_s" in one["facts"])
    facts: dict[str, Any] = next(told, {})
    span_s = (facts["film_span_start_s"], facts["film_span_end_s"]) if facts else None
    return Examined(span_s, facts.get("film_span_band") == "manipulated", wall_s, peak_mb)
