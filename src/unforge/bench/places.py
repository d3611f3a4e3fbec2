"""Whether the place that a network shows is what its answer hangs on."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from unforge.bench.network import Network
from unforge.errors import WeightsError

SHARES = tuple(np.linspace(0.0, 1.0, 11).tolist())  # of the picture, most telling first
BLUR = 10  # what is taken away is smoothed by one part in so many of the side
ELLIPSE = (0.30, 0.36)  # half axes of a guess that never looks, in sides of the view

Picture = NDArray[np.uint8]
Heat = NDArray[np.float64]


def ellipse(side: int) -> Heat:
    """(side, side) what marks the same place whatever it is shown: an ellipse where faces are."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side - 0.5
    inside = (x / ELLIPSE[0]) ** 2 + (y / ELLIPSE[1]) ** 2 < 1.0
    return np.asarray(inside, np.float64)


def resized(heat: NDArray[np.floating], side: int) -> Heat:
    """A map (h, w) at another size."""
    return np.asarray(cv2.resize(np.asarray(heat, np.float64), (side, side), interpolation=cv2.INTER_LINEAR))


def random_heat(side: int, rng: np.random.Generator) -> Heat:
    """A smooth map that knows nothing: its most telling share is a random region, not single pixels."""
    return np.asarray(cv2.GaussianBlur(rng.standard_normal((side, side)), (0, 0), side / BLUR), np.float64)


def curve_area(network: Network, view: Picture, other: Picture, heat: Heat) -> float:
    """Mean probability of a forgery while the most telling shares of a view give way to another picture of it.

    Deletion: from the forgery to something without it, low is good: the answer falls with the place. Insertion: the
    other way, high is good. Source: Petsiuk, Das and Saenko, RISE, BMVC 2018, section 3.
    """
    ranks = rankdata(-heat, method="ordinal").reshape(heat.shape)
    steps = []
    for share in SHARES:
        # Soft edges: a hard one is a trace of its own.
        weight = cv2.GaussianBlur((ranks <= share * heat.size).astype(np.float32), (0, 0), 1.0)[..., None]
        steps.append(np.asarray(np.round(other * weight + view * (1.0 - weight)), np.uint8))
    llrs = [network.calibration.llr(float(logit)) for logit in network.ask(steps).logits]
    return float(np.mean(1.0 / (1.0 + np.exp(-np.array(llrs)))))


def blurred(view: Picture) -> Picture:
    """A view without any detail."""
    return np.asarray(cv2.GaussianBlur(view, (0, 0), view.shape[0] / BLUR), np.uint8)


def likeness(first: Heat, second: Heat) -> float:
    """Rank correlation of two maps; nan where one of them is flat.

    Source of the test: Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018, section 3.
    """
    one, two = (rankdata(heat).reshape(-1) for heat in (first, second))
    if one.std() == 0.0 or two.std() == 0.0:
        return float("nan")
    return float(np.corrcoef(one, two)[0, 1])


def scrambled(network: Network, seed: int) -> Network | None:
    """The network with the numbers of every weight shuffled within it; None without the package `onnx`."""
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        return None
    model = onnx.load_from_string(network.content)
    rng = np.random.default_rng(seed)
    changed = 0
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype == np.float32 and values.ndim >= 2:
            shuffled = rng.permutation(values.reshape(-1)).reshape(values.shape)
            weight.CopyFrom(numpy_helper.from_array(shuffled, weight.name))
            changed += 1
    if not changed:
        raise WeightsError(f"weights {network.name!r}: expected weights among the initialisers of its graph; none")
    return Network(network.card, model.SerializeToString())
