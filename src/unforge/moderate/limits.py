"""What a decision rests on and what was not looked at, in sentences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from unforge.evidence import Evidence
from unforge.media.probe import MediaFacts
from unforge.moderate.item import MOST_STILLS, Item

# What files say of themselves and of their making (media/child/marks.py): passed on, and shown to whoever reviews.
SHOWN_MARKS = (
    "content_credentials",
    "software",
    "encoder",
    "xmp",
    "photoshop_block",
    "exif_fields",
    "location",
    "texts",
)


class Limit(NamedTuple):
    """One sentence in both languages."""

    en: str
    zh: str


def told(found: Iterable[Limit]) -> dict[str, tuple[str, ...]]:
    """The sentences by language."""
    said = list(found)
    return {"en": tuple(one.en for one in said), "zh": tuple(one.zh for one in said)} if said else {}


def of_evidence(evidence: Sequence[Evidence]) -> Iterator[Limit]:
    """What could not be judged, and why; what was missing first."""
    for answer in sorted(evidence, key=lambda one: not one.facts.get("missing")):
        if answer.abstained:
            note_zh = str(answer.facts.get("note_zh", answer.note))
            yield Limit(f"{answer.question}: {answer.note}", f"{answer.question}：{note_zh}")


def of_item(item: Item, contexts: Sequence[str]) -> Iterator[Limit]:
    """How much of a film was seen, and whether the policy knows where the item was posted."""
    if item.facts is not None and item.facts.kind == "video":
        lasts_s, seen = item.facts.duration_s or 0.0, len(item.stills)
        every_s = max(1.0, lasts_s / MOST_STILLS)
        yield Limit(
            f"Of {lasts_s:.0f} s of film, {seen} pictures were looked at, one every {every_s:.1f} s.",
            f"影片长 {lasts_s:.0f} 秒，查看了 {seen} 个画面，约每 {every_s:.1f} 秒一个。",
        )
    if item.context and item.context not in contexts:
        yield Limit(
            f"The policy does not know the context {item.context!r}; its rules for any context were applied.",
            f"策略中没有场景“{item.context}”；采用了通用规则。",
        )


def left_out(names: Sequence[str]) -> Limit:
    """The checks that were not asked because the policy had heard enough."""
    return Limit(
        f"Not asked, because the policy had heard enough: {', '.join(names)}.",
        f"策略已有足够依据，未再执行：{'、'.join(names)}。",
    )


def marks(facts: MediaFacts) -> Mapping[str, str | float]:
    """Labels, manifests and fields in a file."""
    return {name: value for name, value in facts.written.items() if name in SHOWN_MARKS and value}
