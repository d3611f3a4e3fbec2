"""Face crops on disk: found once, then memory-mapped by every epoch."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge.errors import MediaError
from unforge.faces import align, quality
from unforge.faces.find import find, tiles
from unforge.faces.mesh import mesh
from unforge.media.image import read_image
from unforge.media.video import frames
from unforge.train.sample import Sample

FRAMES_PER_CLIP = 16
MIN_FACE_PX = 40.0
COLUMNS = ("path", "label", "kind", "dataset", "method", "split", "time_s", "size_px", "blur")

Row = dict[str, str]
Crop = tuple[Row, NDArray[np.uint8], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Store:
    """Parallel arrays: rows of the index, crops (N, 224, 224, 3) uint8, landmarks_px (N, 468, 2) on the crop."""

    rows: list[Row]
    crops: NDArray[np.uint8]
    landmarks_px: NDArray[np.float32]

    def __getstate__(self) -> tuple[list[Row], "Travelling", NDArray[np.float32]]:
        return self.rows, travelling(self.crops), self.landmarks_px

    def __setstate__(self, state: tuple[list[Row], "Travelling", NDArray[np.float32]]) -> None:
        for name, value in zip(("rows", "crops", "landmarks_px"), (state[0], arrived(state[1]), state[2]), strict=True):
            object.__setattr__(self, name, value)

    def where(self, **wanted: str) -> NDArray[np.int64]:
        """Positions of all rows whose columns have the wanted values."""
        hits = [i for i, row in enumerate(self.rows) if all(row[key] == value for key, value in wanted.items())]
        return np.asarray(hits, np.int64)


Travelling = NDArray[np.uint8] | tuple[str, tuple[int, ...], int]


def travelling(crops: NDArray[np.uint8]) -> Travelling:
    """Crops on their way to another process: a mapped file as its name, instead of gigabytes through a pipe."""
    if isinstance(crops, np.memmap) and crops.filename is not None:
        return str(Path(crops.filename)), crops.shape, crops.offset
    return crops


def arrived(crops: Travelling) -> NDArray[np.uint8]:
    """Crops as they were."""
    if isinstance(crops, tuple):
        name, shape, offset = crops
        return np.memmap(name, np.uint8, "r", offset=offset, shape=shape)
    return crops


def build(
    samples: Sequence[Sample],
    folder: Path,
    on_progress: Callable[[float], None] | None = None,
    processes: int = 2,
) -> Store:
    """Find the labelled face of every sample and keep its crop; files without a face are left out.

    An existing store of the same samples is opened as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = json.dumps([str(sample.path) for sample in samples])
    done = folder / "samples.json"
    if not (done.is_file() and done.read_text("utf-8") == names):
        _write(samples, folder, on_progress, processes)
        done.write_text(names, "utf-8")
    return load(folder)


def load(folder: Path) -> Store:
    """Open a store that `build` has made."""
    with (folder / "index.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    shape = (len(rows), align.CROP_PX, align.CROP_PX, 3)
    crops = np.memmap(folder / "crops.u8", np.uint8, "r", shape=shape)
    return Store(rows, crops, np.load(folder / "landmarks.npy"))


def _write(
    samples: Sequence[Sample], folder: Path, on_progress: Callable[[float], None] | None, processes: int
) -> None:
    landmarks = []
    with (
        get_context("spawn").Pool(processes) as pool,
        (folder / "crops.u8").open("wb") as pixels,
        (folder / "index.csv").open("w", newline="", encoding="utf-8") as lines,
    ):
        index = csv.DictWriter(lines, COLUMNS)
        index.writeheader()
        for n, found in enumerate(pool.imap(faces_of, samples, chunksize=8)):
            for row, crop, points in found:
                index.writerow(row)
                pixels.write(crop.tobytes())
                landmarks.append(points)
            if on_progress:
                on_progress((n + 1) / len(samples))
    np.save(folder / "landmarks.npy", np.asarray(landmarks, np.float32))


def faces_of(sample: Sample) -> list[Crop]:
    """The crops of one file: one of a still, up to 16 of a clip, none where no face is found or nothing decodes."""
    try:
        return [_crop(sample, *seen) for seen in _seen(sample)]
    except MediaError:
        return []


def _seen(sample: Sample) -> Iterator[tuple[NDArray[np.uint8], float, NDArray[np.float32]]]:
    if sample.kind == "image":
        rgb = read_image(sample.path).rgb
        points = _face(rgb, sample.central_face)
        if points is not None:
            yield rgb, 0.0, points
        return
    for n, frame in enumerate(frames(sample.path, rate_hz=4.0)):
        if n >= FRAMES_PER_CLIP:
            return
        points = _face(frame.rgb, sample.central_face)
        if points is not None:
            yield frame.rgb, frame.time_s, points


def _face(rgb: NDArray[np.uint8], central: bool) -> NDArray[np.float32] | None:
    """Mesh (468, 2) of the central or the largest face that is large enough, or None."""
    found = find(rgb)
    if not len(found):
        found = find(rgb, tiles((rgb.shape[1], rgb.shape[0]), 2))
    middle = np.array([rgb.shape[1], rgb.shape[0]]) / 2.0
    centres = (found.boxes_px[:, :2] + found.boxes_px[:, 2:]) / 2.0
    sizes = found.boxes_px[:, 2] - found.boxes_px[:, 0]
    order = np.argsort(np.hypot(*(centres - middle).T) if central else -sizes, kind="stable")
    for n in order:
        points = mesh(rgb, found.boxes_px[n], found.eyes_px[n])
        if points is not None:
            return points[:, :2] if quality.size_px(points[:, :2]) >= MIN_FACE_PX else None
    return None


def _crop(sample: Sample, rgb: NDArray[np.uint8], time_s: float, points_px: NDArray[np.float32]) -> Crop:
    matrix = align.face_square(points_px, align.CROP_MARGIN, align.CROP_PX)
    crop = align.warp(rgb, matrix, align.CROP_PX)
    on_crop = (points_px @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    row = {
        "path": str(sample.path),
        "label": sample.label,
        "kind": sample.kind,
        "dataset": sample.dataset,
        "method": sample.method,
        "split": sample.split,
        "time_s": f"{time_s:.3f}",
        "size_px": f"{quality.size_px(points_px):.1f}",
        "blur": f"{quality.sharpness(crop):.2f}",
    }
    return row, crop, on_crop
