"""How many pairs per second each pseudo-fake family makes on one thread: a record.

    python bench/fakes_speed.py [--pairs 40] [--rounds 5] [--out results]

Faces and donors are one public-domain portrait in several colours, shapes and sides. Seconds are those of the
processor, so that other work on the machine does not count. The families take turns within each round.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is loaded, which reads it once

import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import __version__, weights
from unforge.bench.record import Record, Value, host, sha256_of
from unforge.cli.sample import portrait
from unforge.faces import scan
from unforge.media.frame import Frame
from unforge.media.write import atomic_write
from unforge.train import fakes
from unforge.train.crops import Store
from unforge.train.donors import NearestDonors

SEED = 0


def pictures() -> list[NDArray[np.uint8]]:
    rgb = portrait()
    wide = cv2.resize(rgb, None, fx=1.12, fy=1.0, interpolation=cv2.INTER_AREA)
    dark = np.clip(rgb * (0.7, 0.8, 0.9), 0, 255).astype(np.uint8)
    return [np.ascontiguousarray(one) for one in (rgb, rgb[:, ::-1], dark, dark[:, ::-1], wide, wide[:, ::-1])]


def faces() -> Store:
    tracks = [scan([Frame(0.0, picture)]).tracks[0] for picture in pictures()]
    rows = [{"path": f"{n}.png", "label": "real"} for n in range(len(tracks))]
    crops = np.stack([track.crops[0] for track in tracks])
    return Store(rows, crops, np.stack([track.crop_landmarks_px[0] for track in tracks]))


def pairs_per_second(name: str, store: Store, donors: NearestDonors, pairs: int, first: int) -> float:
    family = fakes.load(name)
    started = time.process_time()
    for n in range(first, first + pairs):
        row = n % len(store.rows)
        family.make(store.crops[row], store.landmarks_px[row], np.random.default_rng([SEED, n]), donors)
    return pairs / (time.process_time() - started)


def spread(values: list[float]) -> Value:
    return Value(round(float(np.median(values)), 1), round(min(values), 1), round(max(values), 1), len(values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("results"))
    given = parser.parse_args()
    cv2.setNumThreads(1)
    store = faces()
    donors = NearestDonors(store, range(len(store.rows)))
    found: dict[str, list[float]] = {name: [] for name in fakes.available()}
    for name in found:
        pairs_per_second(name, store, donors, 3, first=0)  # loads what the family needs
    for n in range(given.rounds):
        for name, speeds in found.items():
            speeds.append(pairs_per_second(name, store, donors, given.pairs, first=n * given.pairs))
    record = Record(
        name="fakes-speed",
        protocol="fakes speed",
        split="faces of 224 px",
        rows={name: {"pairs_per_second": spread(speeds)} for name, speeds in found.items()},
        manifest_sha256=sha256_of(Path(__file__)),
        weights={"decoder": weights.card("decoder").sha256},
        version=__version__,
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        host=host(),
        seed=SEED,
        settings={
            "pairs": given.pairs,
            "rounds": given.rounds,
            "figures": "medians with minimum and maximum over rounds, per second of the processor, one thread",
        },
    )
    given.out.mkdir(exist_ok=True)
    atomic_write(given.out / "fakes-speed.json", record.to_json().encode())
    print(record.to_json())


if __name__ == "__main__":
    main()
