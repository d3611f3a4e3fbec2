"""What a cloak does to one face before one target, in figures. nan stands where a face does not count.

Pictures that editors and swaps make are compared in [-1, 1] after section 3 of the CMUA-Watermark paper (AAAI 2022) and
Ruiz et al., Disrupting Deepfakes (CVPR workshops 2020), without the slips of published evaluators: each picture has a
mask of its own, and an edit that changed nothing does not count instead of counting as withstood.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from unforge.faces.find import OVERLAP, overlap
from unforge.faces.mesh import OUTER_EYES
from unforge.protect.targets import Kind, Points

CHANGED = 0.5  # sum over colours of |made - seen| above which a pixel was edited
BROKEN = 0.05  # mean square above which what is made counts as broken
MOVED = 0.1  # mean shift of landmarks above which they are of no use, over the distance of the eyes
ALIKE = 0.7  # identity cosine below which the person has changed by as much as the aim asks, 0.3

Figures = Mapping[str, float]
Made = NDArray[np.float32]
NAN = float("nan")

RATES = ("success", "l2_success", "found_clean", "still_found", "seen_clean", "lost", "broken", "unlike")
OF_CLEAN = ("no_change", "found_clean", "seen_clean")  # do not depend on what was added
_STOPPED: Mapping[Kind, str] = {
    "editor": "success",
    "swap": "success",
    "landmarks": "broken",
    "identity": "unlike",
}


def stopped(kind: Kind, face: Figures) -> float:
    """How far a target fails on one face, in [0, 1]: what editors and swaps make is broken, detectors miss the face."""
    return 1.0 - face["still_found"] if kind == "detector" else face[_STOPPED[kind]]


def made(seen: Made, clean: Made, disturbed: Made) -> Figures:
    """Of an editor or a swap.

    seen: the clean face (3, S, S) as the target sees it; clean, disturbed: (A, 3, S, S), what it makes of the clean
    and of the cloaked face. `l2_mask` is the mean square over what the target edits, `success` the share of edits where
    that is above 0.05; `l2` and `l2_success` the same over the whole picture; `no_change` the share of edits that
    change nothing, which the first two leave out.
    """
    squares = np.square(disturbed.astype(np.float64) - clean)
    edited = np.abs(clean - seen).sum(axis=1) > CHANGED
    sizes = edited.sum(axis=(1, 2))
    changing = sizes > 0
    masked = (squares.sum(axis=1) * edited).sum(axis=(1, 2))[changing] / (3 * sizes[changing])
    l2 = squares.mean(axis=(1, 2, 3))
    return {
        "success": float(np.mean(masked > BROKEN)) if changing.any() else NAN,
        "l2_mask": float(masked.mean()) if changing.any() else NAN,
        "l2_success": float(np.mean(l2 >= BROKEN)),
        "l2": float(l2.mean()),
        "no_change": float(np.mean(~changing)),
    }


def found(mesh_px: Points, clean: NDArray[np.float32], disturbed: NDArray[np.float32]) -> Figures:
    """Of a detector. clean, disturbed: its boxes (N, 5); mesh_px (468, 2): of the face in question.

    `found_clean` tells whether it found the face without a cloak, `still_found` with it; faces that it never found do
    not count there.
    """
    if not _is_among(mesh_px, clean):
        return {"found_clean": 0.0, "still_found": NAN}
    return {"found_clean": 1.0, "still_found": float(_is_among(mesh_px, disturbed))}


def _is_among(mesh_px: Points, boxes: NDArray[np.float32]) -> bool:
    box_px = np.concatenate([mesh_px.min(axis=0), mesh_px.max(axis=0)])
    return bool((overlap(box_px, boxes[:, :4]) > OVERLAP).any())


def located(mesh_px: Points, clean: Points, disturbed: Points) -> Figures:
    """Of landmarks (P, 2), or (0, 2) where no face was seen.

    `lost`: not seen any more; `shift`: how far the points lie from where they were, over the distance of the eyes,
    where they are still seen; `broken`: lost or moved by more than 0.1. Faces that were not seen without a cloak do not
    count.
    """
    if not len(clean):
        return {"seen_clean": 0.0, "lost": NAN, "shift": NAN, "broken": NAN}
    if not len(disturbed):
        return {"seen_clean": 1.0, "lost": 1.0, "shift": NAN, "broken": 1.0}
    left, right = mesh_px[list(OUTER_EYES)]
    shift = float(np.hypot(*(disturbed - clean).T).mean() / max(float(np.hypot(*(right - left))), 1e-6))
    return {"seen_clean": 1.0, "lost": 0.0, "shift": shift, "broken": float(shift > MOVED)}


def alike(clean: NDArray[np.float32], disturbed: NDArray[np.float32]) -> Figures:
    """Of vectors (D,) of length 1, or (A, D), of which the mean counts: their cosine, and whether it is under 0.7."""
    cosine = float(np.mean(np.sum(clean.astype(np.float64) * disturbed, axis=-1)))
    return {"cosine": cosine, "unlike": float(cosine < ALIKE)}
