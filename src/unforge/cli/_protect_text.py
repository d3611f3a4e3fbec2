"""Protections as lines for a terminal of 80 columns, judgements as tables for one of 100."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from unforge.cli._text import wrapped
from unforge.explain import protect_words
from unforge.explain.vocabulary import Said
from unforge.report import Comparison, Judged, MarkLaid, Outcome, Protection, Trial

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

TABLE_WIDTH = 100
_TARGETS_ABREAST = 5  # as many as fit beside each other

_NOT_PROTECTED = Said("not protected", "未保护")
_WARNING = Said("warning: ", "警告：")
_RANDOM = Said(
    "share of faces on which a program fails; in brackets: with random noise of the same size. - : the program does "
    "nothing with these faces even without protection, or the channel leaves the picture as it is",
    "程序失效的人脸比例；括号内为同样大小的随机噪声。-：未加保护时该程序对这些人脸亦无反应，或该渠道不改变图片",
)
_REMINDER = Said(
    "A cloak raises the cost of a forgery and does not rule it out. What a copy stops: "
    "unforge protect --judge ORIGINAL COPY",
    "保护扰动可提高伪造的成本，但不能杜绝伪造。查看副本能阻止什么：unforge protect --judge 原件 副本",
)
_UNMARKED = Said(
    "Without a readable mark (--mark), a forgery that works after all cannot be traced to its copy.",
    "若无可读水印（--mark），伪造一旦成功便无法追溯到对应副本。",
)
_STYLES: dict[Outcome, str] = {"stopped": "green", "partly": "yellow", "by_chance": "dim", "nothing": "dim"}


def lines(told: Protection, language: str) -> Iterator[str]:
    """One file in one line; below it what was left out, what is not as in the original, and warnings."""
    if told.error is not None:
        yield _failed(told, language)
        return
    en, zh = protect_words.faces(told.faces), protect_words.seen(told)
    kept = f"{told.kept:.0%}"
    head = f"{told.path} -> {told.written}"
    if language == "zh":
        yield f"{head}（{en.zh}；{zh.zh}；副本保留了 {kept} 的改动）"
    else:
        yield f"{head}  ({en.en}; {zh.en}; {kept} of the change is in the copy)"
    if told.mark is not None:
        yield from wrapped("  ", getattr(_mark(told.mark), language))
    for left in protect_words.left_out(told):
        yield from wrapped("  ", getattr(left, language))
    for box in (*told.too_small, *told.too_many):
        yield f"    {box[0]},{box[1]} - {box[2]},{box[3]}"
    for note in told.notes:
        yield from wrapped("  ", note)
    for warning in told.warnings.get(language, ()):
        yield from wrapped("  ", getattr(_WARNING, language) + warning)


def reminder(language: str, *, marked: bool) -> Iterator[str]:
    """What a copy is worth, in a few lines."""
    yield from wrapped("", getattr(_REMINDER, language))
    if not marked:
        yield from wrapped("", getattr(_UNMARKED, language))


def print_comparison(found: Comparison, language: str) -> None:
    """Tables of what is stopped, how much can be seen, and the statement, on stdout."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else TABLE_WIDTH, highlight=False, emoji=False, markup=False)
    console.print(f"{found.original} -> {found.protected}")
    targets = list(dict.fromkeys(trial.target for trial in found.judged.trials))
    for first in range(0, len(targets), _TARGETS_ABREAST):
        console.print(_table(found.judged, targets[first : first + _TARGETS_ABREAST], language))
    console.print(getattr(_RANDOM, language), style="dim")
    _print_quality(console, found.judged, language)
    for sentence in found.judged.statement.get(language, ()):
        console.print(f"- {sentence}")


def _failed(told: Protection, language: str) -> str:
    code, message = ("error", "") if told.error is None else (told.error.code, told.error.message)
    failed = getattr(_NOT_PROTECTED, language)
    return (
        f"{told.path}：{failed}（{code}）：{message}"
        if language == "zh"
        else f"{told.path}: {failed} ({code}): {message}"
    )


def _mark(mark: MarkLaid) -> Said:
    place = "" if mark.place is None else f", place {mark.place}"
    place_zh = "" if mark.place is None else f"，地点 {mark.place}"
    return Said(
        f"marked: machine {mark.machine}{place}, {mark.time} ({mark.kept:.0%} of the ink)",
        f"已加水印：机器 {mark.machine}{place_zh}，{mark.time}（保留 {mark.kept:.0%}）",
    )


def _table(judged: Judged, targets: Sequence[str], language: str) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    by_name = {trial.target: trial for trial in judged.trials}
    table.add_column("", overflow="fold", max_width=30)
    for name in targets:
        table.add_column(_header(by_name[name], language), justify="right", overflow="fold")
    cells = {(trial.target, trial.channel, trial.attacker): trial for trial in judged.trials}
    attackers = list(dict.fromkeys(trial.attacker for trial in judged.trials))
    for attacker in attackers:
        for channel in dict.fromkeys(trial.channel for trial in judged.trials if trial.attacker == attacker):
            row = [cells[name, channel, attacker] for name in targets]
            if any(trial.outcome != "unreached" for trial in row):
                way = Said(*channel) if attacker == attackers[0] else _attacked(channel, attacker)
                table.add_row(getattr(way, language), *map(_cell, row))
        table.add_section()
    return table


def _header(trial: Trial, language: str) -> str:
    said = [protect_words.KINDS.get(trial.kind, Said(trial.kind, trial.kind))]
    said += [protect_words.TRAINED_HERE] if trial.trained_here else []
    said += [protect_words.HELD_OUT] if trial.held_out else []
    return "\n".join([trial.target, *(getattr(one, language) for one in said)])


def _attacked(channel: tuple[str, str], attacker: tuple[str, str]) -> Said:
    return Said(f"{channel[0]}, {attacker[0]}", f"{channel[1]}，{attacker[1]}")


def _cell(trial: Trial) -> "Text":
    from rich.text import Text

    if trial.stopped is None or trial.stopped_by_random is None:
        return Text("-")
    return Text(f"{trial.stopped:.0%} ({trial.stopped_by_random:.0%})", style=_STYLES.get(trial.outcome, ""))


def _print_quality(console: "Console", judged: Judged, language: str) -> None:
    for name, said in protect_words.QUALITY.items():
        value = judged.quality.get(name)
        if value is not None:
            unit = " dB" if name.endswith("_db") else ""
            console.print(f"{getattr(said, language)}: {value:.{1 if unit else 3}f}{unit}")
