"""A vote of noisy looks, and how far nothing in the picture can change its outcome.

Randomised smoothing: where a share p of all looks with Gaussian noise of sigma agrees, no change of the reduced picture
smaller than sigma x the normal quantile of p makes them disagree, whoever made it and however. p is not known, only
bounded from below by the looks that were taken (Clopper and Pearson, 1934). Source: Cohen et al. (ICML 2019), theorem 1
and algorithm "Certify"; with two sides, both bounds hold at once and no second draw is needed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm

from unforge.moderate import looks

SIGMA = 0.25  # of the noise, where pictures run from 0 to 1
ALPHA = 0.001  # chance that a certificate is wrong
CERTIFIABLE = 100  # looks from which on a radius is told
BATCH = 64
SEED = 20


@dataclass(frozen=True, slots=True)
class Vote:
    """count: looks; adverts: of those with an advert."""

    count: int
    adverts: int

    @property
    def advert(self) -> bool:
        """What the majority saw."""
        return 2 * self.adverts > self.count

    @property
    def share_low(self) -> float:
        """What share of all looks agrees with the majority, at least."""
        agree = max(self.adverts, self.count - self.adverts)
        return float(beta.ppf(ALPHA / 2.0, agree, self.count - agree + 1))

    @property
    def settled(self) -> bool:
        """Whether the majority of all looks is known, but for ALPHA; with few looks, whether there is a majority."""
        if self.count < CERTIFIABLE:
            return 2 * self.adverts != self.count
        return self.share_low > 0.5

    @property
    def radius(self) -> float:
        """Up to which change of the reduced picture (L2, pictures in 0..1) the majority holds; 0 where unsettled."""
        if self.count < CERTIFIABLE or not self.settled:
            return 0.0
        return float(SIGMA * norm.ppf(self.share_low))


def vote(look: NDArray[np.uint8], count: int) -> Vote:
    """So many noisy looks at a reduced picture (SIDE_PX, SIDE_PX, 3); the same ones every time."""
    rng = np.random.default_rng(SEED)
    adverts = 0
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        noise = rng.standard_normal((size, *look.shape), np.float32)
        adverts += int((looks.read(look + np.float32(255 * SIGMA) * noise).scores > 0).sum())
    return Vote(count, adverts)
