"""What QR and bar codes on a picture say.

Each still is looked at in several ways, always all of them: a harmless code that is easily read must not keep another
one from being looked for. Doubled, small codes are read; sharpened, blurred ones; in one colour alone, those that are
as bright as their ground. Kinds without a check digit are left out: stripes in a photograph would be read as them.
A film, of which there are many stills, is looked at in the first two ways.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.moderate.item import Passage, Piece, Still

if TYPE_CHECKING:
    import zxingcpp

KINDS = (
    "QRCode",
    "MicroQRCode",
    "RMQRCode",
    "Aztec",
    "DataMatrix",
    "PDF417",
    "MaxiCode",
    "EAN13",
    "EAN8",
    "UPCA",
    "UPCE",
    "Code93",
    "Code128",
    "DataBar",
)
MISSING = "codes cannot be read because zxing-cpp is not installed: pip install 'unforge[moderate]'"
MISSING_ZH = "未安装 zxing-cpp，无法读取二维码与条形码：pip install 'unforge[moderate]'"

LONGEST_PX = 2048  # of a doubled picture
FEW_STILLS = 4

_Grey = NDArray[np.uint8]


def missing() -> bool:
    """Whether there is nothing here to read codes with."""
    return find_spec("zxingcpp") is None


def read(stills: Sequence[Still]) -> tuple[Passage, ...]:
    """One passage for each code, with its box; one that stands on several stills is told once, where it comes first.

    Empty where nothing is found, and where `missing()`.
    """
    if missing():
        return ()
    ways = list(WAYS.values())[: None if len(stills) <= FEW_STILLS else 2]
    found: dict[str, Passage] = {}
    for still in stills:
        for text, box_px in _on(still, ways):
            piece = Piece(0, len(text), box_px)
            found.setdefault(text, Passage(text, "code", still.time_s, (piece,)))
    return tuple(found.values())


def doubled(grey: _Grey) -> _Grey:
    """Twice as large, or as large as LONGEST_PX allows."""
    scale = min(2.0, LONGEST_PX / max(grey.shape))
    return np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)


def sharpened(grey: _Grey) -> _Grey:
    """Its edges steeper, by what a blur of 2 px takes away."""
    return np.asarray(cv2.addWeighted(grey, 2.5, cv2.GaussianBlur(grey, (0, 0), 2.0), -1.5, 0.0), np.uint8)


def _grey(rgb: NDArray[np.uint8]) -> _Grey:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


WAYS: Mapping[str, Callable[[NDArray[np.uint8]], _Grey]] = {
    "grey": _grey,
    "doubled": lambda rgb: doubled(_grey(rgb)),
    "doubled and sharpened": lambda rgb: sharpened(doubled(_grey(rgb))),
    "red": lambda rgb: np.ascontiguousarray(rgb[..., 0]),
    "blue": lambda rgb: np.ascontiguousarray(rgb[..., 2]),
}


def _on(
    still: Still, ways: Sequence[Callable[[NDArray[np.uint8]], _Grey]]
) -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    import zxingcpp

    kinds = [getattr(zxingcpp.BarcodeFormat, name) for name in KINDS if hasattr(zxingcpp.BarcodeFormat, name)]
    for way in ways:
        seen = way(still.rgb)
        scale = still.rgb.shape[1] / seen.shape[1]
        for code in zxingcpp.read_barcodes(seen, formats=kinds):
            yield code.text or code.bytes.hex(), _box_px(still, code.position, scale)


def _box_px(still: Still, position: "zxingcpp.Position", scale: float) -> tuple[int, int, int, int]:
    corners = [position.top_left, position.top_right, position.bottom_right, position.bottom_left]
    xs, ys = [corner.x * scale for corner in corners], [corner.y * scale for corner in corners]
    return still.box_px(max(0.0, min(xs)), max(0.0, min(ys)), max(xs), max(ys))
