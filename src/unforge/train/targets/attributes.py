"""Attributes of a face that can be read off its picture: nobody has labelled these faces.

Each is a number in [0, 1] for where a face stands between two ends of what is found among people. The ends are wide
apart, as hair colour, age and sex are in published editors: what changes little is no forgery.
"""

import numpy as np
from numpy.typing import NDArray

ATTRIBUTES = ("light hair", "bright skin", "warm skin")
ENDS = np.array([[65.0, 197.0], [90.0, 178.0], [0.27, 0.82]], np.float32)  # a tenth of people lie beyond either
# What is asked for, one row for each picture that an editor makes. These combinations are rare: few faces have one
# already, so nearly all must change.
EDITS = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 1.0]], np.float32)
HAIR = (slice(0, 7), slice(20, 44))  # of an aligned face of 64 px: the rim above the mesh
SKIN = (slice(24, 50), slice(20, 44))  # from the eyes to the mouth
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def read(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, 3) in [0, 1], in the order of ATTRIBUTES. pictures: (N, 64, 64, 3), aligned."""
    hair, skin = (pictures[:, rows, columns].mean(axis=(1, 2), dtype=np.float32) for rows, columns in (HAIR, SKIN))
    warmth = (skin[:, 0] - skin[:, 2]) / np.maximum(skin @ LUMA, 1.0)
    levels = np.stack([hair @ LUMA, skin @ LUMA, warmth], axis=1)
    return np.clip((levels - ENDS[:, 0]) / (ENDS[:, 1] - ENDS[:, 0]), 0.0, 1.0).astype(np.float32)
