"""The statement of reasons: what whoever sent an item is told, in both languages.

It holds what article 17 of the European Digital Services Act (2022/2065) asks for: what was done, on which facts, by
whom or by what, on which ground, and how to object.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from unforge.moderate.decision import Action
from unforge.moderate.policy import Policy
from unforge.moderate.queue import APPEALABLE, Case

_DONE: Mapping[Action, tuple[str, str]] = {
    "allow": ("Your item is shown as it is.", "您的内容正常展示。"),
    "label": ("Your item is shown with a label.", "您的内容加标签展示。"),
    "reduce": ("Your item is shown to fewer people.", "您的内容展示范围受到限制。"),
    "review": ("Your item waits for a person to look at it.", "您的内容正在等待人工审核。"),
    "remove": ("Your item was removed.", "您的内容已被移除。"),
    "report": (
        "Your item was removed and reported to the authorities in charge.",
        "您的内容已被移除，并已报告主管部门。",
    ),
}
_MOST_PLACES = 3


def statement(case: Case, policy: Policy | None = None) -> dict[str, tuple[str, ...]]:
    """Sentences by language.

    policy: the one that the gateway decided by; its own words for the ground are then said. It is left out where its
    version is not that of the decision, because its words may have changed since.
    """
    said = list(_said(case, policy))
    return {"en": tuple(en for en, _ in said), "zh": tuple(zh for _, zh in said)}


def _said(case: Case, policy: Policy | None) -> Iterator[tuple[str, str]]:
    decision = case.decision
    yield (f"Case {case.number}, item {case.item}.", f"案例 {case.number}，内容 {case.item}。")
    yield _DONE[case.action]
    named = decision["policy"]
    yield (
        f"Ground: policy {named['name']}, version {named['version']}.",
        f"依据：策略 {named['name']}，版本 {named['version']}。",
    )
    yield from _grounds(decision, policy)
    yield from _facts(decision["reasons"])
    yield _by_whom(case)
    if case.action in APPEALABLE and case.state in ("decided", "closed"):
        yield (
            "If you disagree, appeal: somebody who has not decided on it will look at it.",
            "如有异议，可以申诉：将由未参与此前决定的人员复核。",
        )


def _grounds(decision: Mapping[str, Any], policy: Policy | None) -> Iterator[tuple[str, str]]:
    if policy is None or policy.version != decision["policy"]["version"]:
        return
    for reason in decision["reasons"]:
        rule = policy.rule(reason["question"], reason["band"], decision["context"])
        if rule is not None and rule.reason:
            yield rule.reason["en"], rule.reason["zh"]


def _facts(reasons: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for reason in reasons:
        where = [_where(place) for place in reason["places"][:_MOST_PLACES]]
        en, zh = (reason["note"][language] for language in ("en", "zh"))
        yield (
            f"{en} ({'; '.join(one for one, _ in where)})" if where else en,
            f"{zh}（{'；'.join(one for _, one in where)}）" if where else zh,
        )


def _where(place: Mapping[str, Any]) -> tuple[str, str]:
    """A place in words."""
    en, zh = [], []
    if "start_s" in place:
        en.append(f"{place['start_s']:.1f} to {place['end_s']:.1f} s")
        zh.append(f"第 {place['start_s']:.1f} 至 {place['end_s']:.1f} 秒")
    if "box_px" in place:
        x0, y0, x1, y1 = place["box_px"]
        en.append(f"from ({x0}, {y0}) to ({x1}, {y1}) px")
        zh.append(f"像素 ({x0}, {y0}) 至 ({x1}, {y1})")
    elif "start_char" in place:
        en.append(f"characters {place['start_char'] + 1} to {place['end_char']}")
        zh.append(f"第 {place['start_char'] + 1} 至 {place['end_char']} 个字符")
    return (", ".join(en) or "the whole item", "，".join(zh) or "整个内容")


def _by_whom(case: Case) -> tuple[str, str]:
    if case.state != "closed":
        return ("This was decided by a program.", "该决定由程序自动作出。")
    people = len(set(case.deciders))
    many = "a person" if people == 1 else f"{people} people"
    return (f"This was decided by {many}: {case.reason}", f"该决定由 {people} 名审核人员作出：{case.reason}")
