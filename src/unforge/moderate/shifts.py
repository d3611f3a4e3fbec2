"""What gives away that a picture was made to mislead the picture classifier.

How far what it says moves between the ways of looking (Xu et al., NDSS 2018); noise where ordinary pictures have none:
in their flattest parts, in colour, and in one place far above the rest; and what a small network that knows the pattern
of attacks says. All of it is measured on the reduced picture, where ordinary noise has been averaged away and noise
that is meant for the classifier has not.
"""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from unforge import weights
from unforge.moderate.looks import Answers, Picture

CARD = "evasion"
NAMES = (
    "shift_saved",
    "shift_coarse",
    "shift_blurred",
    "noise_flat",
    "noise_half",
    "colour_noise_flat",
    "colour_noise_half",
    "colour_noise_most",
    "pattern",
)
CELL_PX = 8
FLAT, HALF, MOST = 0.1, 0.5, 0.98  # of the cells, in the order of their noise

Floats = NDArray[np.float64]


def figures(look: Picture, answers: Answers) -> Floats:
    """(len(NAMES),) of a reduced picture and its answers through all views.

    Shifts are in log odds; noise is the mean change by a median filter, in grey levels, of brightness and of colour; of
    both, ln(1 + x) is taken. The pattern is a logit.
    """
    shifts = np.abs(answers.scores[1:] - answers.scores[0])
    brightness, colour = _noise(look)
    found = [*shifts, *np.quantile(brightness, (FLAT, HALF)), *np.quantile(colour, (FLAT, HALF, MOST))]
    return np.array([*np.log1p(found), _pattern(look)], np.float64)


def plain(found: Floats) -> dict[str, float]:
    """Figures (len(NAMES),) by name as readers know them: log odds, grey levels, and a share for the pattern."""
    measured = dict(zip(NAMES[:-1], np.expm1(found[:-1]).tolist(), strict=True))
    return {**measured, "pattern_share": float(expit(found[-1]))}


def score(found: Floats, line: Mapping[str, Any]) -> Floats:
    """(...,) of (..., len(NAMES)) figures: the logistic line's log odds."""
    inputs = (found - np.asarray(line["mean"])) / np.asarray(line["spread"])
    return np.asarray(inputs @ np.asarray(line["slopes"]) + float(line["offset"]), np.float64)


def _pattern(look: Picture) -> float:
    rgb = np.ascontiguousarray(look.astype(np.float32).transpose(2, 0, 1))[None]
    return float(weights.session(CARD).run(["pattern"], {"rgb": rgb})[0][0, 0])


def _noise(look: Picture) -> tuple[Floats, Floats]:
    """(cells,) of brightness and of colour."""
    parts = cv2.cvtColor(look, cv2.COLOR_RGB2YCrCb)
    change = np.abs(parts.astype(np.float64) - cv2.medianBlur(parts, 3))
    side = look.shape[0] // CELL_PX
    cells = change.reshape(side, CELL_PX, side, CELL_PX, 3).mean(axis=(1, 3)).reshape(-1, 3)
    return cells[:, 0], cells[:, 1:].mean(axis=1)
