"""Ways to write a text so that a filter misses it: each takes stretches of the text and writes them otherwise.

They make training texts and measurements; the views of `moderate` undo them. `DISGUISES` holds them by name.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from unforge.moderate import tables, views
from unforge.moderate.views import bodies
from unforge.moderate.views.base import is_chinese

Disguise = Callable[[str, np.random.Generator], str]
COMMON = 3755  # characters of the first level of GB 2312, in use everywhere
NEAR = 0.3  # share of homophones that sound only nearly alike
HIDDEN = "\u200b\u200c\u200d\u2060\ufe0f"
_PARTS = re.compile(r"[\u3400-\u9fff]|[^\u3400-\u9fff]+")
STREWN = "·.*-_/|~ "


def homophone(word: str, rng: np.random.Generator) -> str:
    """Every character as another that sounds alike, now and then only nearly."""
    return _each(word, lambda one: _by_sound().get(_sound(one, "sounds" if rng.random() < NEAR else "pinyin"), ()), rng)


def split(word: str, rng: np.random.Generator) -> str:
    """Every character as its parts, where it has some."""
    return _each(word, lambda one: _parts().get(one, ()), rng)


def look_alike(word: str, rng: np.random.Generator) -> str:
    """Every character as another that looks alike: another radical to the same body."""
    return _each(word, lambda one: _alike().get(one, ()), rng)


def traditional(word: str, rng: np.random.Generator) -> str:
    """In traditional characters."""
    return _traditional(word)


def pinyin(word: str, rng: np.random.Generator) -> str:
    """In pinyin without tones, a blank between syllables."""
    return " ".join(_sound(part, "pinyin") for part in _PARTS.findall(word))


def initials(word: str, rng: np.random.Generator) -> str:
    """Every character as the first letter of its pinyin."""
    return "".join(_sound(one, "pinyin")[:1] for one in word)


def emoji(word: str, rng: np.random.Generator) -> str:
    """Every character as an emoji that is read so or sounds so, where there is one."""
    return _each(word, lambda one: _shown().get(_sound(one, "pinyin"), ()), rng)


def shuffle(word: str, rng: np.random.Generator) -> str:
    """The characters in another order."""
    return "".join(rng.permutation(list(word)))


def hidden(word: str, rng: np.random.Generator) -> str:
    """Characters that are not seen between those that are."""
    return "".join(one + HIDDEN[rng.integers(len(HIDDEN))] for one in word)


def strewn(word: str, rng: np.random.Generator) -> str:
    """The same sign between all characters."""
    return STREWN[rng.integers(len(STREWN))].join(word)


def full_width(word: str, rng: np.random.Generator) -> str:
    """Letters and digits as wide as characters."""
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in word)


DISGUISES: Mapping[str, Disguise] = {
    "homophone": homophone,
    "split": split,
    "look_alike": look_alike,
    "traditional": traditional,
    "pinyin": pinyin,
    "initials": initials,
    "emoji": emoji,
    "shuffle": shuffle,
    "hidden": hidden,
    "strewn": strewn,
    "full_width": full_width,
}


def disguised(text: str, words: Sequence[str], disguise: Disguise, rng: np.random.Generator) -> str:
    """The text with every occurrence of the words written otherwise, longer words first."""
    for word in sorted(dict.fromkeys(words), key=len, reverse=True):
        if word:
            text = text.replace(word, disguise(word, rng))
    return text


def _each(word: str, choices: Callable[[str], Sequence[str]], rng: np.random.Generator) -> str:
    """Every Chinese character as one of its choices, itself where there is none."""
    written = []
    for one in word:
        others = [other for other in choices(one) if other != one] if is_chinese(one) else []
        written.append(others[rng.integers(len(others))] if others else one)
    return "".join(written)


@cache
def _sound(character: str, view: str) -> str:
    """How a character sounds, as that view writes it; what is not Chinese is what it is."""
    if not is_chinese(character[0]):
        return character
    return views.of(character, (view,))[view].text.strip()


@cache
def _common() -> tuple[str, ...]:
    return tuple(row[0] for row in tables.rows("parts")[:COMMON])


@cache
def _by_sound() -> Mapping[str, tuple[str, ...]]:
    """Common characters by how they sound, in pinyin and as `sounds` writes it."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in _common():
        for sound in {_sound(one, "pinyin"), _sound(one, "sounds")}:
            found[sound].append(one)
    return {sound: tuple(ones) for sound, ones in found.items()}


@cache
def _parts() -> Mapping[str, tuple[str, ...]]:
    return {whole: tuple(ways) for whole, *ways in tables.rows("parts")}


@cache
def _alike() -> Mapping[str, tuple[str, ...]]:
    """Common characters by those that have the same body with another radical."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in _common():
        found[bodies.body()[one]].append(one)
    return {one: tuple(ones) for ones in found.values() for one in ones if len(ones) > 1}


@cache
def _shown() -> Mapping[str, tuple[str, ...]]:
    """Emoji by how they are read, in pinyin; those that are read as one character."""
    found: dict[str, list[str]] = defaultdict(list)
    for sign, reading in tables.rows("emoji"):
        if len(reading) == 1:
            found[_sound(reading, "pinyin")].append(sign)
    return {sound: tuple(signs) for sound, signs in found.items()}


@cache
def _traditional(word: str) -> str:
    from opencc import OpenCC

    return str(OpenCC("s2t").convert(word))
