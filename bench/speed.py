"""How long a whole `unforge examine` with a report takes on a 10 s, 720p clip, and how much memory: a record.

    python bench/speed.py [--clip FILE] [--rounds 5] [--out results]

Without --clip, a clip is made from a public-domain portrait: 300 frames of a camera that pans over a picture with
a face in front of noise. Each round is a fresh process; memory is the highest sum over the process and its
decoder, sampled.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import __version__, weights
from unforge.bench.record import Record, Value, host, sha256_of
from unforge.cli.sample import portrait
from unforge.media.write import atomic_write, write_video

SIZE_WH = (1280, 720)
RATE_HZ = 30
DURATION_S = 10


def panned() -> Iterator[NDArray[np.uint8]]:
    rng = np.random.default_rng(3)
    scene = rng.integers(90, 150, (800, 1400, 3), dtype=np.uint8)
    scene[100:740, 400:1040] = cv2.resize(portrait(), (640, 640), interpolation=cv2.INTER_CUBIC)
    for n in range(RATE_HZ * DURATION_S):
        x, y = round(60 + 55 * np.sin(n / 40)), round(40 + 35 * np.cos(n / 55))
        yield np.ascontiguousarray(scene[y : y + SIZE_WH[1], x : x + SIZE_WH[0]])


def measured(clip: Path) -> dict[str, float]:
    """One fresh process: wall seconds and the peak of resident memory over it and its children, in MB."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "unforge", "examine", str(clip), "--report", out]
        started, peak_mb = time.perf_counter(), 0.0
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            peak_mb = max(peak_mb, sum(resident_mb(pid) for pid in family(process.pid)))
            time.sleep(0.02)
        return {"wall_s": time.perf_counter() - started, "peak_mb": peak_mb}


def family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(one for child in children for one in family(int(child)))]


def resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def spread(values: list[float]) -> Value:
    return Value(round(float(np.median(values)), 2), round(min(values), 2), round(max(values), 2), len(values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("results"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = given.clip or Path(folder) / "clip.mp4"
        if given.clip is None:
            write_video(clip, panned(), [n / RATE_HZ for n in range(RATE_HZ * DURATION_S)])
        rounds = [measured(clip) for _ in range(given.rounds)]
        figures = {name: spread([one[name] for one in rounds]) for name in rounds[0]}
        record = Record(
            name="speed",
            protocol="speed",
            split="10 s, 720p",
            rows={"examine with report, whole process": figures},
            manifest_sha256=sha256_of(clip),
            weights={name: weights.card(name).sha256 for name in weights.available()},
            version=__version__,
            date=time.strftime("%Y-%m-%d", time.gmtime()),
            host=host(),
            seed=0,
            settings={"rounds": given.rounds, "figures": "medians with minimum and maximum over fresh processes"},
        )
    given.out.mkdir(exist_ok=True)
    atomic_write(given.out / "speed.json", record.to_json().encode())
    print(record.to_json())


if __name__ == "__main__":
    main()
