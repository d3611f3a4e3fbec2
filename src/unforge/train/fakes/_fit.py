"""One face fitted to another: its shape by a thin plate, its colours, and what of the mismatch is left."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.faces import quality, regions
from unforge.train.fakes import Donors, Face
from unforge.train.fakes._mask import BROWS, Generator, Mask, Mesh, Picture, clipped

# Points that hold the plate: the outline, and every part that a viewer would see in the wrong place.
HOLDING = tuple(
    dict.fromkeys(
        regions.OVAL[::2]
        + regions.LEFT_EYE[::2]
        + regions.RIGHT_EYE[::2]
        + BROWS[::2]
        + regions.NOSE
        + regions.MOUTH[::2]
    )
)
STIFFNESS = 0.02  # of the plate, so that meshes of unlike poses do not fold
GRID_PX = 8  # the plate is evaluated this far apart and interpolated

SOFTEST = 0.5  # sharpness of a donor over that of the target
DRAWS = 3
# From which difference on a mismatch can be seen: grey levels of Lab, ratio of fine detail
SEEN_COLOUR = 4.0
SEEN_DETAIL = 1.35


def donor_for(target: Picture, landmarks_px: Mesh, donors: Donors, rng: Generator) -> Face:
    """A near face that is not much softer than the target: of a few drawn, the first, or else the last."""
    wanted = SOFTEST * quality.sharpness(target)
    for _ in range(DRAWS):
        donor = donors.near(landmarks_px, rng)
        if quality.sharpness(donor[0]) >= wanted:
            break
    return donor


def similarity(source_px: NDArray[np.floating], target_px: NDArray[np.floating]) -> NDArray[np.float64]:
    """The points of `source_px` (N, 2) moved, turned and scaled onto `target_px` as well as that goes."""
    source, target = np.asarray(source_px, np.float64), np.asarray(target_px, np.float64)
    from_middle, to_middle = source - source.mean(axis=0), target - target.mean(axis=0)
    a = (from_middle * to_middle).sum()
    b = (from_middle[:, 0] * to_middle[:, 1] - from_middle[:, 1] * to_middle[:, 0]).sum()
    turn = np.array([[a, -b], [b, a]]) / max((from_middle**2).sum(), 1e-9)
    return np.asarray(from_middle @ turn.T + target.mean(axis=0))


def bent_onto(
    rgb: Picture, source_px: NDArray[np.floating], target_px: NDArray[np.floating], shape: tuple[int, int]
) -> Picture:
    """The picture (h, w, 3) warped so that points `source_px` (N, 2) on it come to lie on `target_px`; (H, W, 3)."""
    maps = _plate(np.asarray(target_px, np.float64), np.asarray(source_px, np.float64), shape)
    warped = cv2.remap(rgb, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(warped, np.uint8)


def _plate(at_px: NDArray[np.float64], to_px: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float32]:
    """(H, W, 2): for every pixel, where a thin plate through at -> to sends it."""
    middle, size = at_px.mean(axis=0), np.ptp(at_px, axis=0).max()
    knots, values = (at_px - middle) / size, (to_px - middle) / size
    n = len(knots)
    system = np.zeros((n + 3, n + 3))
    system[:n, :n] = _bend(knots, knots) + STIFFNESS / n * np.eye(n)
    system[:n, n:] = np.column_stack([np.ones(n), knots])
    system[n:, :n] = system[:n, n:].T
    weights = np.linalg.solve(system, np.vstack([values, np.zeros((3, 2))]))
    rows, columns = shape[0] // GRID_PX + 3, shape[1] // GRID_PX + 3
    y, x = np.mgrid[:rows, :columns].reshape(2, -1) * float(GRID_PX)
    places = (np.column_stack([x, y]) - middle) / size
    sent = _bend(places, knots) @ weights[:n] + np.column_stack([np.ones(len(places)), places]) @ weights[n:]
    coarse = (sent * size + middle).reshape(rows, columns, 2).astype(np.float32)
    across, down = np.meshgrid(np.arange(shape[1]) / GRID_PX, np.arange(shape[0]) / GRID_PX)
    fine = cv2.remap(
        coarse, across.astype(np.float32), down.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(fine, np.float32)


def _bend(places: NDArray[np.float64], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """The thin plate's r^2 log r between (P, 2) and (K, 2)."""
    squared = (places[:, :1] - knots[:, 0]) ** 2 + (places[:, 1:] - knots[:, 1]) ** 2
    return np.asarray(0.5 * squared * np.log(squared + 1e-12))


# Colour


def coloured_like(source: Picture, target: Picture, where: Mask, strength: float, light: float = 0.0) -> Picture:
    """`source` with mean and spread of Lab of `target`, both taken where the mask is above one half.

    strength: 0 leaves the colours, 1 takes the target's. light: the same for slow changes of light across the face.
    """
    inside = where > 0.5
    if not inside.any() or (strength <= 0 and light <= 0):
        return source
    mine, wanted = _lab(source), _lab(target)
    mean, spread = mine[inside].mean(axis=0), mine[inside].std(axis=0) + 1.0
    new_mean, new_spread = wanted[inside].mean(axis=0), wanted[inside].std(axis=0) + 1.0
    moved = (mine - mean) * np.clip(new_spread / spread, 0.25, 1.6) + new_mean
    mine = mine + strength * (moved - mine)
    if light > 0:
        mine = mine + light * _slow(wanted - mine, inside)
    return np.asarray(cv2.cvtColor(clipped(mine), cv2.COLOR_LAB2RGB), np.uint8)


def _lab(rgb: Picture) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), np.float32)


def _slow(values: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(H, W, 3) without detail, from what is inside alone; hair and background must not leak in.

    Computed on a quarter of the size: what is left is slower than that.
    """
    size_wh = (inside.shape[1], inside.shape[0])
    small_wh = (max(1, size_wh[0] // 4), max(1, size_wh[1] // 4))
    weight = inside.astype(np.float32)
    sigma_px = max(small_wh[1] / 12.0, 0.8)
    near = cv2.GaussianBlur(cv2.resize(weight, small_wh, interpolation=cv2.INTER_AREA), (0, 0), sigma_px)
    small = cv2.resize(values * weight[..., None], small_wh, interpolation=cv2.INTER_AREA)
    slow = cv2.GaussianBlur(small, (0, 0), sigma_px) / (near + 1e-3)[..., None]
    return np.asarray(cv2.resize(slow, size_wh, interpolation=cv2.INTER_LINEAR), np.float32)


def detail(rgb: Picture, inside: NDArray[np.bool_]) -> float:
    """How much fine detail there is inside: spread of the Laplacian in grey levels."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F)[inside].std())


def as_sharp_as(source: Picture, target: Picture, where: Mask) -> Picture:
    """`source` blurred until it has no more detail than `target`; a softer one stays as it is."""
    inside = where > 0.5
    if not inside.any():
        return source
    wanted = detail(target, inside)
    for sigma_px in (0.5, 0.7, 1.0, 1.4, 2.0):
        if detail(source, inside) <= 1.1 * wanted:
            break
        source = np.asarray(cv2.GaussianBlur(source, (0, 0), sigma_px), np.uint8)
    return source


def mismatch(source: Picture, target: Picture, where: Mask) -> tuple[str, ...]:
    """Which artefacts pasting would bring, measured: a step of colour, a step of sharpness."""
    inside = where > 0.5
    if not inside.any():
        return ()
    found = []
    if np.abs(_lab(source)[inside].mean(axis=0) - _lab(target)[inside].mean(axis=0)).max() > SEEN_COLOUR:
        found.append("colour")
    ratio = (detail(source, inside) + 0.5) / (detail(target, inside) + 0.5)
    if max(ratio, 1.0 / ratio) > SEEN_DETAIL:
        found.append("sharpness")
    return tuple(found)


def cloned(source: Picture, target: Picture, mask: Mask) -> Picture | None:
    """`source` set into `target` by its gradients, None where that cannot be done (mask at the border, or empty).

    The result is blended by the mask once more: gradients alone would leave no soft rim.
    """
    hard = np.asarray((mask > 0.1) * 255, np.uint8)
    hard[:2], hard[-2:], hard[:, :2], hard[:, -2:] = 0, 0, 0, 0
    x, y, width, height = cv2.boundingRect(hard)
    if width < 8 or height < 8:
        return None
    middle = (x + width // 2, y + height // 2)
    try:
        joined = cv2.seamlessClone(source, target, hard, middle, cv2.NORMAL_CLONE)
    except cv2.error:
        return None
    return np.asarray(joined, np.uint8)


def outline(mesh_px: Mesh, shape: tuple[int, int]) -> Mask:
    """(H, W), 1 on the face without its rim: where colours of two faces compare."""
    return regions.hull_mask(mesh_px[list(BROWS + regions.MOUTH + regions.NOSE)], shape)
