"""Other people for pseudo-fakes: faces whose pose and shape are nearest, found in a millisecond."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from unforge.errors import UsageError
from unforge.train.crops import Store, arrived, travelling
from unforge.train.fakes import Face

DIMENSIONS = 16  # in which shapes of faces are compared: turn, nod, mouth, the large differences of build
FITTED_ON = 3000  # meshes, at most
CHOICES = 24
EYES = (33, 263)
SAME = 1e-4  # nearer than this is the asked mesh itself


class NearestDonors:
    """Donors from a store of crops.

    Shapes are compared without place, size and turn in the picture. A face never gets itself, nor another frame of
    the file that it comes from, and no two choices come from one file.
    """

    def __init__(self, store: Store, rows: Iterable[int]) -> None:
        """rows: positions of the store that may be used, all real faces; raises UsageError for fewer than two files."""
        self._rows = np.asarray(list(rows), np.int64)
        names = [store.rows[n]["path"] for n in self._rows.tolist()]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        if len(numbers) < 2:
            raise UsageError(f"donors: expected faces of two files or more; got {len(numbers)}")
        self._files = np.array([numbers[name] for name in names])
        self._crops, self._meshes = store.crops, store.landmarks_px
        shapes = np.stack([_shape(self._meshes[n]) for n in self._rows.tolist()])
        self._mean = shapes.mean(axis=0)
        self._axes = _main_axes(shapes - self._mean)
        self._tree = cKDTree((shapes - self._mean) @ self._axes)
        # A clip's own frames are all near: look beyond the largest number of them.
        self._asked = min(len(self._rows), CHOICES * 3 + int(np.bincount(self._files).max()))

    def again(self, landmarks_px: NDArray[np.float32], rng: np.random.Generator) -> Face | None:
        """Another frame of the clip that a mesh (468, 2) is of; None for a still and for a mesh that is not here."""
        far, found = self._tree.query((_shape(landmarks_px) - self._mean) @ self._axes, 1)
        if far >= SAME:
            return None
        others = np.flatnonzero(self._files == self._files[found])
        others = others[others != found]
        if not len(others):
            return None
        row = self._rows[others[rng.integers(len(others))]]
        return self._crops[row], self._meshes[row]

    def near(self, landmarks_px: NDArray[np.float32], rng: np.random.Generator) -> Face:
        """A random one of the CHOICES other people nearest to a mesh (468, 2): crop of 224 px, mesh on it."""
        far, found = self._tree.query((_shape(landmarks_px) - self._mean) @ self._axes, self._asked)
        own = self._files[found[0]] if far[0] < SAME else -1
        files = self._files[found]
        first = np.sort(np.unique(files, return_index=True)[1])
        others = found[first[files[first] != own]][:CHOICES]
        n = int(self._rows[others[rng.integers(len(others))]])
        return np.array(self._crops[n], np.uint8), np.array(self._meshes[n], np.float32)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_crops": travelling(self._crops)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "_crops": arrived(state["_crops"])})


def _shape(landmarks_px: NDArray[np.float32]) -> NDArray[np.float64]:
    """A mesh (468, 2) level, around 0 and of unit size, flat: (936,)."""
    points = np.asarray(landmarks_px, np.float64) - landmarks_px.mean(axis=0)
    across = points[EYES[1]] - points[EYES[0]]
    cos, sin = across / max(float(np.hypot(*across)), 1e-9)
    level = points @ np.array([[cos, -sin], [sin, cos]])
    return np.asarray(level.ravel() / max(float(np.sqrt((level**2).mean())), 1e-9))


def _main_axes(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """(936, D): the directions in which shapes differ most, from evenly picked rows."""
    picked = centred[:: max(1, len(centred) // FITTED_ON)]
    _, directions = np.linalg.eigh(picked.T @ picked)
    return np.ascontiguousarray(directions[:, -DIMENSIONS:])
