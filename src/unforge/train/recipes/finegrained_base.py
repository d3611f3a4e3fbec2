"""`finegrained-base`: the recipe of `finegrained` for the larger net (3.5 M parameters), which wants a GPU.

On two cores a picture costs twice that of the small net to learn from, and hours show little; where torch finds a GPU
the same words train it there. What comes out is measured and carded like the small one, and is not in the package.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from unforge.nets.finegrained import FineGrained
from unforge.train.recipes import finegrained

BASE = partial(FineGrained, whole=True)


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """As finegrained.main."""
    recipe = finegrained.lasting(finegrained.Recipe(seed=seed, net=BASE), minutes)
    return finegrained.run(data, out, recipe, resume, on_progress)
