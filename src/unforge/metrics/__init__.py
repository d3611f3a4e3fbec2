"""How good an answer is: ranking, calibration, intervals, masks. NumPy only.

Scores are float arrays (N,), higher means more likely "yes"; labels are boolean arrays (N,), True means
"yes". A value that the data cannot give (a class is missing) is nan, never 0.
"""

from unforge.metrics.bootstrap import ROUNDS, difference, interval
from unforge.metrics.calibration import balance, brier, cllr, ece, log_loss
from unforge.metrics.masks import energy_inside, iou, points_at
from unforge.metrics.ranking import Roc, auc, average_precision, eer, roc, tpr_at_fpr
from unforge.metrics.rates import wilson

__all__ = [
    "ROUNDS",
    "Roc",
    "auc",
    "average_precision",
    "balance",
    "brier",
    "cllr",
    "difference",
    "ece",
    "eer",
    "energy_inside",
    "interval",
    "iou",
    "log_loss",
    "points_at",
    "roc",
    "tpr_at_fpr",
    "wilson",
]
