"""Pictures and videos: the ink is drawn straight on the pixels; `media.copies` carries over the rest."""

from functools import partial
from pathlib import Path

from unforge.errors import OutputError
from unforge.media import copies
from unforge.media.probe import probe
from unforge.trace import mark as mark_
from unforge.trace.hand_out import Ink, Progress, Written, _kept
from unforge.trace.tile import CHIPS

SUFFIXES = copies.suffixes()


def mark(source: Path, target: Path, ink: Ink, on_progress: Progress) -> Written:
    """A marked copy. Raises OutputError for a picture that is smaller than a tile."""
    facts = probe(source)
    chip_px = ink.chip_px_of(facts.size_wh)
    _check_size(facts.size_wh, chip_px, source)
    copied = copies.copy(source, target, _change(ink, chip_px), on_progress, facts=facts)
    return Written(copied.path, copied.kept, chip_px, copied.notes)


def _change(ink: Ink, chip_px: int) -> copies.Change:
    chips = ink.chips(chip_px)
    return copies.Change(
        apply=lambda rgb, _: mark_.picture(rgb, chips, ink.strength),
        kept=partial(_kept.kept, chip_px=chip_px),
        enough=_kept.ENOUGH,
        only_blue=True,
        name="ink",
        remedy="use a greater strength or larger chips",
    )


def _check_size(size_wh: tuple[int, int], chip_px: int, source: Path) -> None:
    side_px = CHIPS * chip_px
    if min(size_wh) < side_px:
        raise OutputError(
            f"{source.name} is too small for a whole mark: "
            f"expected {side_px} x {side_px} px or more, got {size_wh[0]} x {size_wh[1]}"
        )
