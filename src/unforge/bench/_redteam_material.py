"""What a review has to stop, before anybody tries to slip it through; none of it leaves the measurement."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.bench import _contact_pictures as pictures
from unforge.bench import material as manifest
from unforge.bench._contact_pictures import Picture
from unforge.errors import UsageError
from unforge.media.image import read_image
from unforge.moderate import fingerprint
from unforge.moderate.bank import Bank
from unforge.moderate.item import Item
from unforge.train.text import material
from unforge.train.text.disguises import Disguise, disguised
from unforge.train.text.material import Sentence

Kind = Literal["contact text", "toxic text", "contact picture", "code picture", "known picture", "text", "picture"]
TEXTS: tuple[Kind, ...] = ("contact text", "toxic text")
ADVERTS: tuple[Kind, ...] = ("contact picture", "code picture")
PICTURES: tuple[Kind, ...] = (*ADVERTS, "known picture")

LISTING_SIDE_PX = 800
LEAST_KNOWN_PX = 250
CODE_SHARE = 0.25, 0.4  # side of a code by the shorter side of its picture
QUIET_MODULES = 4  # of the margin that the standard asks for

CONTACTS = (
    "东西还在，想要的{term}{handle}，可以便宜",
    "详情请{term} {handle}，随时在线",
    "{term}：{handle}，备注看到的商品",
    "平台上不常回，有事{term}{handle}",
    "诚心要的{term}{handle}聊，送小礼物",
    "Still available, {term} {handle} for a better price",
    "I rarely look here, {term}: {handle}",
)
CALLS = ("加微信", "微信", "加我微信", "加扣扣", "扣扣", "加企微", "电报", "WhatsApp", "Telegram")


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """One thing to slip through.

    text, words: of a text, and those of its words that give it away. rgb: of a picture, (H, W, 3) uint8. box_px: of
    what was laid over it, where an attacker would know.
    """

    kind: Kind
    text: str | None = None
    words: tuple[str, ...] = ()
    rgb: Picture | None = None
    box_px: tuple[int, int, int, int] | None = None

    @property
    def picture(self) -> Picture:
        if self.rgb is None:
            raise TypeError(f"expected a picture; got a {self.kind}")
        return self.rgb

    def item(self, name: str, context: str) -> Item:
        """As it comes in at the gateway."""
        if self.rgb is None:
            return Item(name, text=self.text, context=context)
        return replace(Item.of_picture(self.rgb, name, self.text), context=context)

    def pictured(self, rgb: NDArray[np.uint8]) -> "Material":
        """The same with another picture."""
        return replace(self, rgb=np.ascontiguousarray(rgb))

    def disguised(self, disguise: Disguise, rng: np.random.Generator) -> "Material":
        """The same with its telling words written otherwise."""
        return replace(self, text=disguised(self.text or "", self.words, disguise, rng))

    def is_as(self, other: "Material") -> bool:
        """Whether nothing has changed."""
        same = self.rgb is other.rgb or (
            self.rgb is not None and other.rgb is not None and np.array_equal(self.rgb, other.rgb)
        )
        return same and self.text == other.text


def contact_texts(count: int, seed: int) -> list[Material]:
    """Sentences that lead a buyer elsewhere."""
    made = []
    for n in range(count):
        rng = np.random.default_rng([seed, n])
        term = str(rng.choice(CALLS))
        advert = pictures.advert("English", rng)
        sentence = str(rng.choice(CONTACTS)).format(term=term, handle=advert.handle)
        made.append(Material("contact text", sentence, (term,)))
    return made


def toxic_texts(data: Path | None, count: int) -> list[Material]:
    """Sentences that attack people, of those that nothing learned from, with the words that give them away."""
    return [Material("toxic text", one.text, one.words) for one in _held_out(data, True, count) if one.words]


def ordinary_texts(data: Path | None, count: int) -> list[Material]:
    """Sentences that attack nobody, of those that nothing learned from."""
    return [Material("text", one.text) for one in _held_out(data, False, count)]


def contact_pictures(stills: Sequence[Picture], seed: int) -> list[Material]:
    """Listings with a contact written on them, Chinese and English in turn."""
    made = []
    for n, still in enumerate(stills):
        rng = np.random.default_rng([seed, n])
        advert = pictures.advert(pictures.LANGUAGES[n % 2], rng)
        made.append(Material("contact picture", rgb=pictures.written(still, advert.lines, rng)))
    return made


def code_pictures(stills: Sequence[Picture], seed: int) -> list[Material]:
    """Listings with a QR code laid over them."""
    return [_coded(still, np.random.default_rng([seed, n])) for n, still in enumerate(stills)]


def known_pictures(data: Path | None, most: int) -> list[Picture]:
    """Stills that something can learn from, as a bank may hold them: those that are all one colour have no hash."""
    return [rgb for rgb in stills(data, "train", most) if fingerprint.of_picture(rgb).looks]


def bank(path: Path, known: Sequence[Picture]) -> Path:
    """A bank of known pictures, in a new file."""
    with Bank(path, create=True) as opened, opened.writing():
        for rgb in known:
            opened.add(fingerprint.of_picture(rgb), "seen before", "red team", "red team")
    return path


def stills(data: Path | None, split: str, most: int, side_px: int | None = None) -> list[Picture]:
    """Untouched stills of a split, evenly over its sets, as they lie there or with a longer side of `side_px`.

    Raises UsageError where there are none.
    """
    items = [item for item in manifest.read(data, split, "image") if not item.fake]
    found = []
    for item in manifest.evenly(items, 2 * most):
        rgb = read_image((data or Path()) / item.path).rgb
        if min(rgb.shape[:2]) >= LEAST_KNOWN_PX:
            found.append(rgb if side_px is None else pictures.enlarged(rgb, side_px))
    return _evenly(found, most)


def _evenly(found: Sequence[Picture], most: int) -> list[Picture]:
    """At most so many, evenly over all."""
    return [found[n] for n in np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).astype(int))]


def inside(one: Material, change: Callable[[Picture], Picture]) -> Material:
    """The same with the inside of its box changed."""
    if one.box_px is None:
        return one
    x0, y0, x1, y1 = one.box_px
    rgb = one.picture.copy()
    rgb[y0:y1, x0:x1] = change(rgb[y0:y1, x0:x1])
    return one.pictured(rgb)


def _coded(still: Picture, rng: np.random.Generator) -> Material:
    height, width = still.shape[:2]
    address = "https://" + "".join(rng.choice(list(pictures.LETTERS), 8)) + ".top/" + str(rng.integers(10**6, 10**7))
    drawn = np.asarray(cv2.QRCodeEncoder.create().encode(address), np.uint8)
    drawn = np.pad(drawn, max(0, QUIET_MODULES - 2), constant_values=255)  # the encoder leaves two modules free
    side = int(min(height, width) * rng.uniform(*CODE_SHARE))
    code = cv2.resize(drawn, (side, side), interpolation=cv2.INTER_NEAREST)
    left, top = int(rng.integers(0, width - side)), int(rng.integers(0, height - side))
    rgb = still.copy()
    rgb[top : top + side, left : left + side] = code[..., None]
    return Material("code picture", rgb=rgb, box_px=(left, top, left + side, top + side))


def _held_out(data: Path | None, bad: bool, count: int) -> list[Sentence]:
    """The last in the order of hashes, of which the first ones taught and calibrated. Raises UsageError."""
    if data is None:
        raise UsageError("data: expected a folder with text/cntp in it (--data DIR); got none")
    return material.in_order([one for one in material.cntp(data) if one.bad == bad])[-count:]
