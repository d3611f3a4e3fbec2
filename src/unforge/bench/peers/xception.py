"""`xception`: a narrow Xception (Chollet, CVPR 2017), see nets/xception.py."""

from unforge.bench.peers._peer import Peer, trained


def load() -> Peer:
    """The trained peer. Raises WeightsError where there is none yet."""
    return trained("xception")
