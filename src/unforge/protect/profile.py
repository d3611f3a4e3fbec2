"""What media are protected for: how strong, how smooth and how steady a cloak is, and how fine a film is coded."""

from dataclasses import dataclass

from unforge.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Profile:
    """strength, low_pass_px: of protect/cloak.py. hold: of protect/live.py. crf: of H.264, for films."""

    strength: float
    low_pass_px: float
    hold: float
    crf: int


PROFILES = {
    "photo": Profile(strength=1.0, low_pass_px=0.0, hold=0.8, crf=18),
    "video": Profile(strength=1.0, low_pass_px=0.6, hold=0.8, crf=18),
    "broadcast": Profile(strength=0.8, low_pass_px=1.0, hold=0.9, crf=16),
}


def load(name: str) -> Profile:
    """The profile called `name`; raises UnknownName with the choices."""
    if name not in PROFILES:
        raise UnknownName("profile", name, PROFILES)
    return PROFILES[name]
