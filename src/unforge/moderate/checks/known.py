"""`known`: does it show something that is in the bank of hashes.

The answer hangs on how near the nearest hash lies, in shares of what two hashes of one picture may differ by: 1 is the
limit of a match. A film is known where one of its looks is; how many are, and when, stands in the facts and regions.
"""

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from unforge.evidence import Evidence, Region, abstention
from unforge.moderate import bank
from unforge.moderate.bank import Answer, Bank, Hit, Match
from unforge.moderate.checks import Setup
from unforge.moderate.item import Item
from unforge.weights import matching
from unforge.weights.calibration import Calibration

COST_MS = 40.0
QUESTION = "known"
SOURCE = "known-1"
FAR = 3.0  # limits away: nothing in the bank comes near
MOST_MATCHES = 8  # whose places are told
TOGETHER_S = 2.5  # looks no further apart are one stretch of a film


class Known:
    """The check. A region for each stretch of looks that show something known, with the box of the nearest one."""

    name = "known"
    question = QUESTION
    models = ()

    def __init__(self, path: Path | None) -> None:
        self.path = path

    @cached_property
    def calibration(self) -> Calibration:
        return matching.calibration("known")

    @cached_property
    def bank(self) -> Bank:
        assert self.path is not None
        opened = bank.open(self.path)
        weakref.finalize(self, opened.close)
        return opened

    def examine(self, item: Item) -> Evidence:
        """Evidence on "known"; abstains without a bank, with an empty one, and for flat pictures. Raises StoreError."""
        if not item.has_picture:
            return _abstention(
                "There is no picture; this check compares pictures with those in the bank.",
                "没有画面；该检查将画面与哈希库比对。",
            )
        if self.path is None:
            return _abstention(
                "No bank of known hashes is set; name one with --bank.", "未设置哈希库；请用 --bank 指定。"
            )
        entries = len(self.bank)
        if not entries:
            return _abstention("The bank of known hashes is empty.", "哈希库为空。")
        answer = self.bank.match(item.stills)
        if not answer.judged:
            return _abstention(
                f"Too flat to be compared: all {answer.flat} looks have a hash quality below 50 of 100.",
                f"画面过于平淡，无法比对：全部 {answer.flat} 帧的哈希质量低于 50（满分 100）。",
            )
        return self._answer(answer, entries)

    def _answer(self, answer: Answer, entries: int) -> Evidence:
        calibration = self.calibration
        nearest = answer.matches[0] if answer.matches else answer.near
        share = FAR if nearest is None else min(nearest.nearest.share, FAR)
        llr = calibration.llr(-share)
        words = _words(answer, nearest, entries)
        facts: dict[str, float | str] = {
            "entries": float(entries),
            "matches": float(len(answer.matches)),
            "looks_judged": float(answer.judged),
            "looks_flat": float(answer.flat),
            **({} if nearest is None else _facts(nearest)),
            **calibration.facts(-share),
            "note_zh": words.zh,
        }
        regions = [
            region for match in answer.matches[:MOST_MATCHES] for region in _regions(match.hits, self.calibration)
        ]
        return Evidence(QUESTION, SOURCE, llr, words.en, tuple(regions), facts)


def load(setup: Setup) -> Known:
    """The check, ready to use. Raises StoreError where the file named as the bank is none."""
    if setup.bank is not None:
        bank.open(setup.bank).close()
    return Known(setup.bank)


@dataclass(frozen=True, slots=True)
class _Words:
    en: str
    zh: str


def _abstention(note: str, zh: str) -> Evidence:
    return abstention(QUESTION, SOURCE, note, {"note_zh": zh})


def _facts(match: Match) -> dict[str, float | str]:
    nearest, entry = match.nearest, match.entry
    return {
        "distance_bits": float(nearest.distance_bits),
        "limit_bits": float(nearest.limit_bits),
        "variant": nearest.variant,
        "way": nearest.way,
        "turn_deg": nearest.turn_deg,
        "entry": float(entry.id),
        "reason": entry.reason,
        "source": entry.source,
        "added_at": entry.added_at,
        "looks_share": round(match.share, 4),
        "known_looks_share": round(match.known_share, 4),
    }


def _words(answer: Answer, nearest: Match | None, entries: int) -> _Words:
    if nearest is None:
        return _Words(
            f"None of the {entries} entries in the bank comes near to it.",
            f"哈希库的 {entries} 条记录中没有与之接近的。",
        )
    hit, entry = nearest.nearest, nearest.entry
    bits = f"{hit.distance_bits} of 256 bits differ, and {hit.limit_bits} may"
    bits_zh = f"256 位中有 {hit.distance_bits} 位不同，上限为 {hit.limit_bits} 位"
    if not nearest.hits:
        return _Words(
            f"None of the {entries} entries in the bank is shown; the nearest is entry {entry.id}: {bits}.",
            f"未显示哈希库 {entries} 条记录中的任何一条；最接近的是第 {entry.id} 条：{bits_zh}。",
        )
    looks = len({one.time_s for one in nearest.hits})
    film, film_zh = (
        (f" in {looks} of {answer.judged} looks", f"，{answer.judged} 帧中有 {looks} 帧")
        if answer.judged > 1
        else ("", "")
    )
    return _Words(
        f'It shows entry {entry.id} of the bank, "{entry.reason}" (from {entry.source}){film}: {bits} ({hit.variant}, '
        f"{hit.way}).",
        f"显示了哈希库第 {entry.id} 条，“{entry.reason}”（来源：{entry.source}）{film_zh}：{bits_zh}。",
    )


def _regions(hits: Sequence[Hit], calibration: Calibration) -> Iterator[Region]:
    for stretch in _stretches(hits):
        nearest = min(stretch, key=lambda hit: hit.share)
        llr = calibration.llr(-nearest.share)
        facts = {"distance_bits": float(nearest.distance_bits), "known_s": nearest.known_s}
        yield Region(stretch[0].time_s, stretch[-1].time_s, llr, box_px=nearest.box_px, facts=facts)


def _stretches(hits: Sequence[Hit]) -> list[list[Hit]]:
    """Hits in the order of time, parted where nothing known is shown for a while."""
    stretches = [[hits[0]]]
    for before, after in pairwise(hits):
        if after.time_s - before.time_s > TOGETHER_S:
            stretches.append([])
        stretches[-1].append(after)
    return stretches
