"""How `known` and `code` were calibrated: `python -m unforge.bench._hashes_learning DATA` writes weights/matching.toml.

From stills of the training split alone. `known`: half of them lie in a bank; asked are the others, and edited copies
of those in it. Of the others, photographs that are in the data twice are left out. `code`: the stills as they are, and
with a code on them.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.bench import _hashes_material as material
from unforge.bench._hashes_edits import EDITS, jpeg
from unforge.bench._hashes_material import Picture, Rgb
from unforge.moderate import codes, index, variants
from unforge.moderate.checks.known import FAR
from unforge.moderate.index import Found, Index
from unforge.moderate.item import Still
from unforge.train import calibrate, card
from unforge.train.calibrate import Scored
from unforge.weights import matching
from unforge.weights.calibration import Calibration

MOST = 2400  # stills, half of them in the bank
MOST_WITH_CODES = 800  # half of them with a code
MATCH = 1.01  # limits away: between a match, 1 at most, and the next bit
NEAR = 1.4  # limits away: no longer near
SEED = 1


def learn(data: Path) -> dict[str, Any]:
    """Everything that matching.toml holds. Raises UsageError for a folder without a manifest."""
    stills = material.stills(data, "train")
    return {
        "written": datetime.now(UTC).date().isoformat(),
        "data": "stills of the training split (bench/_hashes_learning.py)",
        "calibrations": {
            "known": asdict(known(data, stills[:MOST])),
            "code": asdict(code(data, stills[:MOST_WITH_CODES])),
        },
    }


def known(data: Path, stills: list[Picture]) -> Calibration:
    """Of the nearest distance in shares of its limit, with a minus; found is 1, and a little more is near."""
    kept, others = stills[0::2], stills[1::2]
    bank = index.gathered([variants.stored(variants.reduced(material.read(data, one))) for one in kept])
    rng = np.random.default_rng(SEED)
    unrelated = []
    for one in others:
        rgb = material.read(data, one)
        found = _nearest(bank, rgb)
        if found is None or not found.matches or not _is_there_twice(data, rgb, kept[found.picture]):
            unrelated.append(_score(found))
    edits = list(EDITS.values())
    edited = [
        _score(_nearest(bank, edits[n % len(edits)](material.read(data, one), rng))) for n, one in enumerate(kept)
    ]
    fitted = calibrate.fit([Scored("unrelated", False, np.array(unrelated)), Scored("edited", True, np.array(edited))])
    return replace(fitted, llr_manipulated=fitted.llr(-MATCH), llr_no_evidence=min(fitted.llr(-NEAR), 0.0))


def code(data: Path, stills: list[Picture]) -> Calibration:
    """Of 1 where a code was read, 0 where none was."""
    rng = np.random.default_rng(SEED)
    without = [_reads(material.read(data, one)) for one in stills[0::2]]
    with_one = [_reads(with_code(material.read(data, one), rng)) for one in stills[1::2]]
    fitted = calibrate.fit([Scored("without", False, np.array(without)), Scored("with", True, np.array(with_one))])
    return replace(fitted, llr_manipulated=fitted.llr(0.75), llr_no_evidence=fitted.llr(0.25))


def with_code(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    """A QR code somewhere on a picture, a fifth to a third of its shorter side, tilted, in some colours, saved."""
    import zxingcpp

    text = f"https://example.org/{rng.integers(10**9)}"
    drawn = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_image(scale=8, add_quiet_zones=True)
    side = int(rng.uniform(0.2, 0.34) * min(rgb.shape[:2]))
    modules = cv2.resize(np.array(drawn), (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), rng.uniform(-15, 15), 1.0)
    place = rng.uniform(0.15 * side, [width - 1.15 * side, height - 1.15 * side])
    matrix = np.column_stack([matrix[:, :2], matrix[:, 2] + place])
    light, lies = (cv2.warpAffine(one, matrix, (width, height))[..., None] for one in (modules, np.ones_like(modules)))
    dark, ground = rng.uniform(0, 80, 3), rng.uniform(190, 255, 3)
    shown = rgb * (1 - lies) + (light * ground + (1 - light) * dark) * lies
    return jpeg(np.clip(shown, 0, 255).astype(np.uint8), rng)


def main(arguments: Sequence[str]) -> int:
    """Learn and write. arguments: the data folder."""
    if len(arguments) != 1:
        print("usage: python -m unforge.bench._hashes_learning DATA", file=sys.stderr)
        return 2
    card.write(matching.FILE, learn(Path(arguments[0])))
    return 0


def _is_there_twice(data: Path, rgb: Rgb, other: Picture) -> bool:
    return material.one_photograph(rgb, material.read(data, other))


def _nearest(bank: Index, rgb: NDArray[np.uint8]) -> Found | None:
    found = [one for seen in variants.reduced(rgb) for one in bank.near(seen)]
    return min(found, key=lambda one: one.share, default=None)


def _score(found: Found | None) -> float:
    return -FAR if found is None else -min(found.share, FAR)


def _reads(rgb: Rgb) -> float:
    return float(bool(codes.read([Still(0.0, rgb)])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
