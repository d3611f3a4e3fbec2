"""What is written on the pictures: contacts and offers of adverts, and what stands on ordinary things.

Every third phrase is kept for measuring and never trained on; numbers and names are drawn anew each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CALLS = (
    "加微信", "WeChat", "微信号", "VX", "加V", "wx", "QQ", "扣扣", "Telegram", "WhatsApp", "Call", "Tel",
    "手机", "电话", "Line ID", "Phone", "私聊加我", "联系方式", "Contact", "DM me", "Signal", "飞机号",
    "企鹅号", "Text us", "薇信", "Viber", "咨询热线", "Skype", "加卫星", "Order here",
)  # fmt: skip
OFFERS = (
    "SALE 50% OFF", "限时特价", "清仓甩卖", "Free shipping", "厂家直销", "Buy 2 get 1", "全场五折", "HOT DEAL",
    "扫码领红包", "Best price", "点击购买", "New arrivals", "支持货到付款", "Cheapest here", "满百减三十",
    "Visit our shop", "正品保证", "LIMITED OFFER", "加盟热线", "Order now", "兼职日结", "Discount code",
    "代购批发", "Only today", "一件代发", "Wholesale", "高价回收", "Black Friday", "招代理", "Join now",
)  # fmt: skip
THINGS = (
    "MAIN STREET", "公园路", "EXIT", "Bakery", "STATION", "The Sea", "茶", "ORGANIC TEA", "红楼梦", "Café",
    "No parking", "Museum", "出口", "A Winter's Tale", "PARIS", "MILK 1 L", "Poems", "图书馆", "Welcome",
    "STOP", "Olive Oil", "新华书店", "Atlas", "COFFEE", "250 g", "Hotel", "牛奶", "Platform 4", "History",
    "Route 66", "Library", "Soap", "地铁", "Jazz", "School bus", "人民广场",
)  # fmt: skip
NAMES = (
    "Anna Miller",
    "J. Smith",
    "王芳",
    "studio nord",
    "Lee",
    "光影",
    "Ines P.",
    "K. Tanaka",
    "摄影",
    "M. Rossi",
    "Omar",
    "小林",
)
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Words:
    """Phrases to draw from. held_out: those kept for measuring. latin: nothing that needs a Chinese font."""

    held_out: bool = False
    latin: bool = False

    def contact(self, rng: np.random.Generator) -> str:
        """A call and a number, a handle or an address."""
        told = _number(rng) if rng.random() < 0.65 else _handle(rng)
        return f"{self._one(CALLS, rng)}{rng.choice([':', ' ', ': ', '：' if not self.latin else ' - '])}{told}"

    def offer(self, rng: np.random.Generator) -> str:
        return self._one(OFFERS, rng)

    def thing(self, rng: np.random.Generator) -> str:
        return self._one(THINGS, rng)

    def mark(self, rng: np.random.Generator) -> str:
        """A photographer's mark, or a date as cameras print it."""
        if rng.random() < 0.3:
            return f"{rng.integers(2001, 2026)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
        return f"{rng.choice(['©', 'photo', 'by', ''])} {self._one(NAMES, rng)}".strip()

    def address(self, rng: np.random.Generator) -> str:
        """What a code says."""
        return f"https://{_letters(rng, 4, 9)}.{rng.choice(['shop', 'top', 'cn', 'com'])}/{_letters(rng, 3, 12)}"

    def _one(self, phrases: Sequence[str], rng: np.random.Generator) -> str:
        chosen = [phrase for n, phrase in enumerate(phrases) if (n % 3 == 2) == self.held_out]
        return str(rng.choice([phrase for phrase in chosen if not self.latin or phrase.isascii()]))


def _number(rng: np.random.Generator) -> str:
    digits = "".join(map(str, rng.integers(0, 10, int(rng.integers(7, 12)))))
    if rng.random() < 0.4:
        digits = rng.choice([" ", "-"]).join((digits[:3], digits[3:7], digits[7:])).strip(" -")
    return digits if rng.random() < 0.8 else f"+{rng.integers(1, 99)} {digits}"


def _handle(rng: np.random.Generator) -> str:
    name = _letters(rng, 3, 8)
    return str(
        rng.choice([f"@{name}", f"{name}_{rng.integers(10, 9999)}", f"{name}{rng.integers(10, 999)}", f"{name}.shop"])
    )


def _letters(rng: np.random.Generator, fewest: int, most: int) -> str:
    return "".join(rng.choice(list(LETTERS), int(rng.integers(fewest, most + 1))))
