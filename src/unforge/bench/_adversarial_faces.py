"""Faces for attacks, as networks see them: forged and untouched stills of equal sizes, and ordinary material beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge.bench import material
from unforge.bench.material import Item
from unforge.bench.network import Network
from unforge.bench.protocols import OnProgress, stills
from unforge.bench.protocols.stills import Still
from unforge.detect import finegrained
from unforge.errors import UsageError
from unforge.train import crops, datasets
from unforge.train.crops import Crop
from unforge.train.sampling import HeldOut

MOST_OF_A_CLASS = 120
LOOKS_PER_CLIP = 3

Views = list[NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Faces:
    """N looks: crops (N, 224, 224, 3), landmarks_px (N, 468, 2) on them, fake (N,), size_px (N,) in the picture."""

    crops: NDArray[np.uint8]
    landmarks_px: NDArray[np.float32]
    fake: NDArray[np.bool_]
    size_px: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.crops)

    def views(self, network: Network) -> Views:
        """What a network sees of each."""
        return [network.view(crop, mesh) for crop, mesh in zip(self.crops, self.landmarks_px, strict=True)]

    def some(self, wanted: NDArray[np.intp]) -> "Faces":
        """Those at the wanted positions."""
        return Faces(self.crops[wanted], self.landmarks_px[wanted], self.fake[wanted], self.size_px[wanted])

    def balanced(self, most: int) -> "Faces":
        """At most so many of each class, evenly over all."""
        kept = [_evenly(np.flatnonzero(self.fake == fake), most) for fake in (False, True)]
        return self.some(np.sort(np.concatenate(kept)))


def matched(data: Path | None, split: str, on_progress: OnProgress | None = None) -> Faces:
    """Forged and untouched stills, as many of each in every bin of face size, as the protocol `stills` draws them.

    Raises UsageError where a split has none of either class.
    """
    partners = {name for pair in stills.PARTNERS.values() for name in pair}
    items = [item for item in _free(data, split, "image") if item.dataset in partners]
    found = {item.path: look for item, look in _looks(items, data, split, on_progress)}
    kept = [Still(item, float(found[item.path][0]["size_px"]), ()) for item in items if item.path in found]
    if len({still.item.fake for still in kept}) < 2:
        raise UsageError(
            f"adversarial: expected forged and untouched stills in the split {split!r}; one class is missing"
        )
    chosen = [found[still.item.path] for still in stills.matched(kept)]
    return _faces(chosen).balanced(MOST_OF_A_CLASS)


def ordinary(data: Path | None, split: str, most: int, on_progress: OnProgress | None = None) -> Faces:
    """Stills and looks of clips that nobody attacked, untouched and forged, evenly over the split."""
    items = [item for kind in ("image", "video") for item in _free(data, split, kind)]
    classes = [[i for i in items if (i.kind, i.fake) == one] for one in dict.fromkeys((i.kind, i.fake) for i in items)]
    chosen = [item for members in classes for item in material.evenly(members, most)]
    return _faces([look for _, look in _looks(chosen, data, split, on_progress)])


def _looks(
    items: Sequence[Item], data: Path | None, split: str, on_progress: OnProgress | None
) -> "list[tuple[Item, Crop]]":
    looks = []
    for n, item in enumerate(items):
        if on_progress is not None:
            on_progress(item.path, n / len(items))
        found = [look for look in crops.faces_of(material.sample(data, item, split)) if _is_judged(look)]
        looks += [(item, look) for look in found[:: max(1, len(found) // LOOKS_PER_CLIP)][:LOOKS_PER_CLIP]]
    return looks


def _free(data: Path | None, split: str, kind: str) -> list[Item]:
    """Of the training split only who was held out from training: of the others a network is surer than of strangers."""
    items = material.read(data, split, kind)
    if split != "train" or data is None:
        return items
    samples = [sample for sample in datasets.index("manifest", data) if sample.split == split]
    held_out = HeldOut(samples)
    kept = {sample.path.relative_to(data).as_posix() for sample in samples if held_out.of(sample)}
    return [item for item in items if item.path in kept]


def _is_judged(look: Crop) -> bool:
    row, _, _ = look
    return float(row["size_px"]) >= finegrained.MIN_FACE_PX and float(row["blur"]) >= finegrained.MIN_SHARPNESS


def _faces(looks: Sequence[Crop]) -> Faces:
    rows, pixels, meshes = zip(*looks, strict=True)
    return Faces(
        np.stack(pixels),
        np.stack(meshes),
        np.array([row["label"] == "fake" for row in rows], np.bool_),
        np.array([float(row["size_px"]) for row in rows]),
    )


def _evenly(positions: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    places = np.linspace(0, len(positions) - 1, min(most, len(positions))).round().astype(int)
    return np.asarray(positions[np.unique(places)])
