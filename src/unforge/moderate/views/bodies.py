"""`bodies`: characters without their radical, so that those that look alike are alike. Undoes 妈 for 吗, 徽 for 微.

A character of two parts is its second; one that is such a part stays as it is. Source: kaifangcidian.com, CC BY 3.0,
and a few of our own.
"""

from collections.abc import Mapping
from functools import cache

from unforge.moderate import tables
from unforge.moderate.views import Change

OF = "joined"
_OURS = {"徽": "微", "薇": "微", "溦": "微", "嶶": "微", "巳": "己", "已": "己", "末": "未", "曰": "日", "土": "士"}


def load() -> Change:
    known = body()
    return lambda seen: seen.each(lambda character: known.get(character, character))


@cache
def body() -> Mapping[str, str]:
    """Characters of two parts with their second."""
    found = {}
    for whole, *ways in tables.rows("parts"):
        second = next((way[1] for way in ways if len(way) == 2), whole)
        found[whole] = second
    return found | _OURS
