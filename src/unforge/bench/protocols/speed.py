"""`speed`: what a face costs each network, and what a film costs the whole program.

Networks take random pictures: the time does not depend on what is shown. They take turns, so that whatever else the
machine does hits all of them alike; a figure is the median over the rounds with their minimum and maximum. The
reference ensemble (bench/reference.py) runs in the same rounds and needs torch; without it it has no rows.

The whole program is a fresh process of `unforge examine --report` on a clip of 10 s at 720p, made from a public-domain
portrait: a camera that pans over a picture with a face in front of noise. Memory is the highest sum over the process
and its decoder, sampled in processes of their own: to be counted costs the counted one time (smaps walks its pages).
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.bench import material, peers, reference
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today, sha256_of
from unforge.errors import UsageError
from unforge.media.write import write_video

if TYPE_CHECKING:
    import onnxruntime

WHOLE = "examine with report, whole process"
FAST = "the same, --profile fast"
STARTS = {"import unforge": ["-c", "import unforge"], "unforge --help": ["-m", "unforge", "--help"]}
SIZE_WH = (1280, 720)
RATE_HZ = 30
DURATION_S = 10
VOICE_HZ = 16_000
PROCESSES = 5
COUNTED_PROCESSES = 3
WATCH_EVERY_S = 0.02
ROUNDS = 30
FEWEST_ROUNDS = 5
BUDGET_S = 40.0  # after so long a network stops taking turns, if it had the fewest rounds
THREADS = (1, 2)
BATCHES = (1, 16)

Turn = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Timed:
    """A network to be timed: its ONNX file, and the side of its input in pixels where the file leaves it open."""

    content: bytes
    size_px: int = 224


def run(
    examiners: Sequence[str] | None,
    data: Path | None = None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Time the networks of the package, those of the peers named, the reference, and the whole program.

    data and split are not used. Raises UnknownName and WeightsError for peers.
    """
    material.no_list("speed", listed)

    def tell(what: str, share: float) -> None:
        if on_progress is not None:
            on_progress(what, share)

    with tempfile.TemporaryDirectory() as folder:
        tell("making the clip", 0.0)
        mute, clip = Path(folder) / "mute.mp4", Path(folder) / "clip.mp4"
        write_video(mute, panned(), [n / RATE_HZ for n in range(RATE_HZ * DURATION_S)])
        voiced(mute, clip)
        rows: dict[str, dict[str, Value]] = {WHOLE: whole_process(clip, examiners, tell)}
        if examiners is None:
            rows[FAST] = whole_process(clip, None, tell, ("--profile", "fast"))
        rows |= {name: {"wall_s": start(arguments)} for name, arguments in STARTS.items()}
        networks, sha256 = _networks(peers)
        tell("making the reference", 0.2)
        made = reference.make(Path(folder))
        references = {name: Timed(one.path.read_bytes(), one.size_px) for name, one in (made or {}).items()}
        rows |= _network_rows(networks, references, tell)
        manifest = sha256_of(clip)
    return of_today(
        name="-".join(("speed", *(examiners or ()))),
        protocol="speed",
        split="10 s, 720p",
        rows=rows,
        manifest_sha256=manifest,
        weights=sha256,
        seed=0,
        settings={
            "processes": PROCESSES,
            "rounds": ROUNDS,
            "budget_s": BUDGET_S,
            "figures": "medians with minimum and maximum over fresh processes and over rounds",
        },
    )


def _networks(names: Sequence[str]) -> tuple[dict[str, Timed], dict[str, str]]:
    """The networks of the package and of the peers, with their SHA-256."""
    names_of_ours = [name for name in weights.available() if weights.card(name).file.endswith(".onnx")]
    found = {name: Timed(weights.verified(name)) for name in names_of_ours}
    sha256 = {name: weights.card(name).sha256 for name in names_of_ours}
    for peer in map(peers.load, dict.fromkeys(names)):
        found[peer.name] = Timed(peer.network.content, peer.network.size_px)
        sha256[peer.name] = peer.network.card.sha256
    return found, sha256


# One network


def _network_rows(
    networks: Mapping[str, Timed], references: Mapping[str, Timed], tell: OnProgress
) -> dict[str, dict[str, Value]]:
    """ms per face, for each number of threads and each size of a batch; the ensemble is the sum of its three.

    Networks that do not look at one picture have no row.
    """
    everyone = {**networks, **references}
    rows: dict[str, dict[str, Value]] = {
        name: {} for name in (*networks, *reference.NAMES, reference.ENSEMBLE, reference.BASE)
    }
    cells = [(threads, batch) for threads in THREADS for batch in BATCHES]
    for n, (threads, batch) in enumerate(cells):
        figure = f"ms_per_face_{threads}_thread{'s' * (threads > 1)}_batch_{batch}"
        tell(figure.replace("_", " "), 0.25 + 0.75 * n / len(cells))
        turns = {name: turn(one, threads, batch) for name, one in everyone.items()}
        taken = timed({name: one for name, one in turns.items() if one is not None})
        per_face = {name: [1000.0 * s / batch for s in seconds] for name, seconds in taken.items()}
        for name in (*networks, *reference.NAMES, reference.BASE):
            rows[name][figure] = spread(per_face.get(name, []))
        together = [per_face.get(name, []) for name in reference.NAMES]
        rows[reference.ENSEMBLE][figure] = spread([sum(times) for times in zip(*together, strict=False)])
    return {name: row for name, row in rows.items() if any(value.n for value in row.values())}


def turn(one: Timed, threads: int, batch: int) -> Turn | None:
    """A run of the network on a random batch; None where its file takes one face at a time, or no pictures."""
    session = _session(one.content, threads)
    fed, *more = session.get_inputs()
    if more or len(fed.shape) != 4:
        return None
    shape = [size if isinstance(size, int) and size > 0 else None for size in fed.shape]
    if shape[0] not in (None, batch):
        return None
    sides = [one.size_px if size is None else size for size in shape[1:]]
    picture = np.random.default_rng(0).random((batch, *sides), np.float32)
    return lambda: session.run(None, {fed.name: picture}) and None


def _session(content: bytes, threads: int) -> "onnxruntime.InferenceSession":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def timed(turns: Mapping[str, Turn]) -> dict[str, list[float]]:
    """Seconds of each round by name; who has used up its budget waits for the others."""
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for one in turns.values():
        one()  # the first run allocates
    for _ in range(ROUNDS):
        for name, one in turns.items():
            if sum(taken[name]) < BUDGET_S or len(taken[name]) < FEWEST_ROUNDS:
                started = time.perf_counter()
                one()
                taken[name].append(time.perf_counter() - started)
    return taken


def spread(values: Sequence[float]) -> Value:
    """Median, minimum, maximum and number of the rounds; no value without any."""
    if not values:
        return Value(None, None, None, 0)
    return Value(round(float(np.median(values)), 2), round(min(values), 2), round(max(values), 2), len(values))


# The whole program


def panned() -> Iterator[NDArray[np.uint8]]:
    """Frames of a camera that pans over a picture with a face in front of noise."""
    from skimage import data

    rng = np.random.default_rng(3)
    scene = rng.integers(90, 150, (800, 1400, 3), dtype=np.uint8)
    portrait = np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    scene[100:740, 400:1040] = cv2.resize(portrait, (640, 640), interpolation=cv2.INTER_CUBIC)
    for n in range(RATE_HZ * DURATION_S):
        x, y = round(60 + 55 * np.sin(n / 40)), round(40 + 35 * np.cos(n / 55))
        yield np.ascontiguousarray(scene[y : y + SIZE_WH[1], x : x + SIZE_WH[0]])


def voiced(mute: Path, clip: Path) -> None:
    """The same film with a sound like talking: a buzz in syllables through two moving resonances."""
    times_s = np.arange(VOICE_HZ * DURATION_S) / VOICE_HZ
    syllables = np.clip(np.sin(2 * np.pi * 3.5 * times_s), 0.0, 1.0)
    buzz = np.sign(np.sin(2 * np.pi * 120.0 * times_s)) * syllables
    for resonance_hz in (500.0, 1500.0):
        moving = np.cos(2 * np.pi * resonance_hz * times_s + 2.0 * np.sin(2 * np.pi * 2.0 * times_s))
        buzz = 0.6 * buzz + 0.4 * syllables * moving
    samples = (0.3 * buzz).astype(np.float32)
    with av.open(str(mute)) as source, av.open(str(clip), "w") as target:
        picture = source.streams.video[0]
        video, sound = target.add_stream_from_template(picture), target.add_stream("aac", rate=VOICE_HZ, layout="mono")
        for packet in source.demux(picture):
            if packet.dts is not None:
                packet.stream = video
                target.mux(packet)
        for start in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = VOICE_HZ, start
            target.mux(sound.encode(frame))
        target.mux(sound.encode(None))


def whole_process(
    clip: Path, examiners: Sequence[str] | None, tell: OnProgress, options: Sequence[str] = ()
) -> dict[str, Value]:
    """Wall seconds, and the peak memory in MB of others, of fresh processes that examine a clip."""
    walls_s, peaks_mb = [], []
    for n in range(PROCESSES):
        tell(WHOLE, 0.15 * n / PROCESSES)
        started = time.perf_counter()
        _examine(clip, examiners, options, None)
        walls_s.append(time.perf_counter() - started)
    for n in range(COUNTED_PROCESSES):
        tell(WHOLE, 0.15 + 0.05 * n / COUNTED_PROCESSES)
        peaks_mb.append(_peak_mb(clip, examiners, options))
    return {"wall_s": spread(walls_s), "peak_mb": spread(peaks_mb)}


def start(arguments: Sequence[str]) -> Value:
    """Wall seconds of fresh interpreters that do what users wait for before anything else happens."""
    taken = []
    for _ in range(PROCESSES):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
    return spread(taken)


def _peak_mb(clip: Path, examiners: Sequence[str] | None, options: Sequence[str]) -> float:
    held_mb: list[float] = []
    _examine(clip, examiners, options, lambda pid: held_mb.append(together_mb(pid)))
    return max(held_mb)


def _examine(
    clip: Path, examiners: Sequence[str] | None, options: Sequence[str], watch: Callable[[int], None] | None
) -> None:
    """A fresh process that examines a clip with a report; watch: is called with its pid. Raises UsageError."""
    chosen = [] if examiners is None else ["--with", ",".join(examiners)]
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "unforge", "examine", str(clip), "--report", out, *chosen, *options]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while watch is not None and process.poll() is None:
            watch(process.pid)
            time.sleep(WATCH_EVERY_S)
        if process.wait():
            raise UsageError(f"speed: expected `unforge examine` to succeed; it ended with {process.returncode}")


def together_mb(pid: int) -> float:
    """Resident memory of a process and all that it started, in MB; 0 where the system does not tell."""
    return sum(_resident_mb(one) for one in _family(pid))


def _family(pid: int) -> list[int]:
    """A process and all that it started, as far as Linux tells."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(one for child in children for one in _family(int(child)))]


def _resident_mb(pid: int) -> float:
    """What a process holds in memory; pages that several hold count in shares: a child that is just being started is
    a second view of its parent.
    """
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6
