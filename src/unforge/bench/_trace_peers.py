"""Marks of others on the same screens: three of two published libraries, and a tiled one after a paper.

All of them mark one picture and need it back in its place before they read it. So each is read twice: from the
photograph as it is, only resized to the picture's size; and rectified by the true map, which nobody has in practice.
Ours is read from the same two pictures. The picture is small, so that it fills a photograph from nearby at three sensor
pixels for each of its own; that is easier than a whole screen.

The libraries ask for builds of OpenCV and for torch, which would take the place of the package's own; INSTALL has them
beside it. Where one is missing it has no rows.
"""

import contextlib
import importlib
import importlib.util
import io
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from unforge.bench import _trace_pages as pages
from unforge.bench import _trace_shots as shots
from unforge.channel.photograph import Camera, Pose, Screen, photograph, rectified
from unforge.trace import mark, tile

Picture = NDArray[np.uint8]
Bits = NDArray[np.uint8]

SCREEN_WH = (1024, 576)
DISTANCE_CM = 25.0
INSTALL = "pip install --no-deps blind-watermark==0.4.4 invisible-watermark==0.2.0 PyWavelets"
OURS = "unforge"
AS_TAKEN, RECTIFIED = "as taken", "rectified"


@dataclass(frozen=True, slots=True)
class Peer:
    """A mark of somebody else. n_bits: of its message; embed: picture and bits to a marked picture; extract: back."""

    n_bits: int
    embed: Callable[[Picture, Bits], Picture]
    extract: Callable[[Picture], Bits]


@dataclass(frozen=True, slots=True)
class Read:
    """What one mark said on one photograph. way: AS_TAKEN or RECTIFIED; bit_accuracy: share of the bits."""

    name: str
    way: str
    page: str
    yaw_deg: float
    right: bool
    bit_accuracy: float


def missing() -> tuple[str, ...]:
    """Peers whose libraries are not installed."""
    return tuple(name for name, (library, _) in _PEERS.items() if library and not importlib.util.find_spec(library))


def available() -> tuple[str, ...]:
    """Ours and all peers at hand."""
    absent = missing()
    return (OURS, *(name for name in _PEERS if name not in absent))


def taken(name: str, page: str, n: int, yaws_deg: tuple[float, ...], camera: Camera, data: Path | None) -> list[Read]:
    """One page under one mark, photographed from each side and read both ways."""
    rng = np.random.default_rng([shots.SEED, n])
    embed, score = _own(rng) if name == OURS else _peer(name, rng)
    marked = embed(pages.page(page, SCREEN_WH, n, data))
    found = []
    for yaw_deg in yaws_deg:
        pose = Pose(DISTANCE_CM, yaw_deg, float(rng.uniform(-4, 4)), float(rng.uniform(-2, 2)))
        shot = photograph(marked, Screen(), pose, camera, rng)
        resized = np.asarray(cv2.resize(shot.rgb, SCREEN_WH, interpolation=cv2.INTER_AREA), np.uint8)
        ways = {AS_TAKEN: shot.rgb if name == OURS else resized, RECTIFIED: rectified(shot, SCREEN_WH)}
        found += [Read(name, way, page, yaw_deg, *score(rgb)) for way, rgb in ways.items()]
    return found


Embed = Callable[[Picture], Picture]
Score = Callable[[Picture], tuple[bool, float]]


def _peer(name: str, rng: np.random.Generator) -> tuple[Embed, Score]:
    peer = _PEERS[name][1]()
    bits = np.asarray(rng.integers(0, 2, peer.n_bits), np.uint8)

    def score(rgb: Picture) -> tuple[bool, float]:
        same = peer.extract(rgb) == bits
        return bool(same.all()), float(same.mean())

    return lambda rgb: peer.embed(rgb, bits), score


def _own(rng: np.random.Generator) -> tuple[Embed, Score]:
    """Ours. Bits are those before the code, so that they compare with bits of marks that have none."""
    said = shots.message(rng)
    chips = mark.tile_of(said, shots.ring(), shots.ring().keys[0], tile.chip_px(Screen().ppi))

    def score(rgb: Picture) -> tuple[bool, float]:
        outcome = shots.heard(rgb, said, "", "")
        return outcome.right, 1.0 - outcome.coded_errors

    return lambda rgb: mark.picture(rgb, chips), score


# Published libraries, which want BGR


@lru_cache(maxsize=1)
def _blind_watermark() -> Peer:
    library = _imported_quietly("blind_watermark")
    n_bits = 64

    def embed(rgb: Picture, bits: Bits) -> Picture:
        marker = library.WaterMark(password_wm=1, password_img=1)
        marker.read_img(img=_swapped(rgb))
        marker.read_wm(bits.astype(bool), mode="bit")
        return _swapped(np.asarray(np.rint(marker.embed()), np.uint8))

    def extract(rgb: Picture) -> Bits:
        reader = library.WaterMark(password_wm=1, password_img=1)
        return np.asarray(reader.extract(embed_img=_swapped(rgb), wm_shape=n_bits, mode="bit") > 0.5, np.uint8)

    return Peer(n_bits, embed, extract)


@lru_cache(maxsize=1)
def _dwt_dct() -> Peer:
    """The file of the method by itself: the library as a whole cannot be imported without torch."""
    method = _file_of("imwatermark", "maxDct.py").EmbedMaxDct
    n_bits = 64

    def embed(rgb: Picture, bits: Bits) -> Picture:
        return np.asarray(_swapped(method(bits.tolist(), n_bits).encode(_swapped(rgb))), np.uint8)

    def extract(rgb: Picture) -> Bits:
        return np.asarray(method([], n_bits).decode(_swapped(rgb)), np.uint8)

    return Peer(n_bits, embed, extract)


@lru_cache(maxsize=1)
def _rivagan() -> Peer:
    """RivaGAN (Zhang et al., arXiv 1909.01285) as the library's two ONNX files, fed as the library feeds them."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    encoder, decoder = (
        onnxruntime.InferenceSession(_path_of("imwatermark", f"rivagan_{part}.onnx"), options)
        for part in ("encoder", "decoder")
    )

    def frame(rgb: Picture) -> NDArray[np.float32]:
        return np.ascontiguousarray(_swapped(rgb).transpose(2, 0, 1)[None, :, None] / np.float32(127.5) - np.float32(1))

    def embed(rgb: Picture, bits: Bits) -> Picture:
        (marked,) = encoder.run(None, {"frame": frame(rgb), "data": bits[None].astype(np.float32)})
        bgr = (np.clip(marked[0, :, 0], -1.0, 1.0).transpose(1, 2, 0) + 1.0) * 127.5
        return _swapped(bgr.astype(np.uint8))

    def extract(rgb: Picture) -> Bits:
        return np.asarray(decoder.run(None, {"frame": frame(rgb)})[0][0] > 0.52, np.uint8)

    return Peer(32, embed, extract)


def _imported_quietly(library: str) -> ModuleType:
    """A library that greets on import and sets how processes start, without either."""
    method = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method(None, force=True)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            imported = importlib.import_module(library)
        imported.bw_notes.close()
    finally:
        multiprocessing.set_start_method(method, force=True)
    return imported


def _file_of(library: str, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"_{library}_{Path(name).stem}", _path_of(library, name))
    if spec is None or spec.loader is None:
        raise ImportError(f"{library}: expected a file {name}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _path_of(library: str, name: str) -> str:
    spec = importlib.util.find_spec(library)
    if spec is None or spec.origin is None:
        raise ImportError(f"{library} is not installed; {INSTALL}")
    return str(Path(spec.origin).with_name(name))


def _swapped(rgb: Picture) -> Picture:
    return np.ascontiguousarray(rgb[..., ::-1])


# A tiled mark in the frequency domain

BLOCK_PX = 16
TILE_BLOCKS = 8  # 64 bits, one a block
PAIR = ((3, 4), (4, 3))  # coefficients of a block whose order is the bit
MARGIN = 20.0


def _tiled_dct() -> Peer:
    """After the idea of Fang et al., IEEE Transactions on Information Forensics and Security 14, 2019.

    Of two symmetric middle coefficients of a block's luma, the larger one tells the bit: they are swapped where they
    tell the other one, and pushed apart. 64 blocks of 16 px are a tile, repeated over the picture, read by a vote.
    """
    return Peer(TILE_BLOCKS**2, _embed_dct, _extract_dct)


def _embed_dct(rgb: Picture, bits: Bits) -> Picture:
    spectra = _spectra(rgb)
    first, second = (spectra[:, :, row, column].copy() for row, column in PAIR)
    sign = _spread_out(bits, first.shape)
    middle = (first + second) / 2.0
    half = np.maximum(np.abs(first - second), MARGIN) / 2.0
    for (row, column), direction in zip(PAIR, (1.0, -1.0), strict=True):
        spectra[:, :, row, column] = middle + direction * sign * half
    luma = scipy.fft.idctn(spectra, axes=(2, 3), norm="ortho").swapaxes(1, 2)
    height, width = luma.shape[0] * BLOCK_PX, luma.shape[2] * BLOCK_PX
    ycrcb = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
    ycrcb[:height, :width, 0] = np.clip(np.rint(luma.reshape(height, width)), 0, 255)
    return np.asarray(cv2.cvtColor(ycrcb, cv2.COLOR_YCrCb2RGB), np.uint8)


def _extract_dct(rgb: Picture) -> Bits:
    spectra = _spectra(rgb)
    first, second = (spectra[:, :, row, column] for row, column in PAIR)
    votes = np.clip(first - second, -MARGIN, MARGIN)
    place = _spread_out(np.arange(TILE_BLOCKS**2), votes.shape, signed=False)
    return np.asarray(np.bincount(place.astype(int).ravel(), votes.ravel(), TILE_BLOCKS**2) > 0, np.uint8)


def _spectra(rgb: Picture) -> NDArray[np.float64]:
    """(R, C, 16, 16) cosine transforms of the whole blocks of a picture's luma."""
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)[..., 0].astype(np.float64)
    rows, columns = (side // BLOCK_PX for side in luma.shape)
    blocks = luma[: rows * BLOCK_PX, : columns * BLOCK_PX].reshape(rows, BLOCK_PX, columns, BLOCK_PX).swapaxes(1, 2)
    return np.asarray(scipy.fft.dctn(blocks, axes=(2, 3), norm="ortho"), np.float64)


def _spread_out(values: NDArray[np.integer], shape: tuple[int, ...], *, signed: bool = True) -> NDArray[np.float64]:
    """64 values tiled over a grid of blocks, bits as +1 and -1 where signed."""
    tiled = np.tile(
        values.reshape(TILE_BLOCKS, TILE_BLOCKS), (shape[0] // TILE_BLOCKS + 1, shape[1] // TILE_BLOCKS + 1)
    )
    grid = tiled[: shape[0], : shape[1]].astype(np.float64)
    return 2.0 * grid - 1.0 if signed else grid


_PEERS: dict[str, tuple[str, Callable[[], Peer]]] = {
    "blind-watermark": ("blind_watermark", _blind_watermark),
    "dwtDct": ("imwatermark", _dwt_dct),
    "RivaGAN": ("imwatermark", _rivagan),
    "tiled DCT": ("", _tiled_dct),
}
