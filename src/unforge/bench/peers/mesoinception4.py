"""`mesoinception4`: MesoInception-4 (Afchar et al., WIFS 2018), see nets/mesonet.py."""

from unforge.bench.peers._peer import Peer, trained


def load() -> Peer:
    """The trained peer. Raises WeightsError where there is none yet."""
    return trained("mesoinception4")
