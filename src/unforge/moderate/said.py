"""What an item says in words, and an answer about it: the worst of its passages counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from unforge.errors import UsageError
from unforge.evidence import Evidence, abstention
from unforge.moderate.item import Item, Passage
from unforge.weights.calibration import Calibration

SHORTENED_CHARS = 40
MOST_CHARS = 50_000  # of a passage; a book takes seconds
NOTHING = ("There is no text to judge.", "没有可供判断的文字。")


@dataclass(frozen=True, slots=True)
class Judged:
    """How bad a passage is, on the classifier's own scale, and the places [start, end) of it that say so."""

    score: float
    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Sentences in English and Chinese for the three bands; {quoted} stands for the telling places."""

    found: tuple[str, str]
    between: tuple[str, str]
    none: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Examination:
    """A question about texts: who speaks, how a score is worth what, and in which words it is said."""

    question: str
    source: str
    calibration: Calibration
    judge: Callable[[str], Judged]
    words: Words

    def of(self, item: Item) -> Evidence:
        """The answer for the worst passage of an item; abstains where there is no text."""
        said, unread = passages(item)
        if not said:
            return nothing_said(self.question, self.source, unread)
        judged = [self.judge(passage.text) for passage in said]
        worst = max(range(len(judged)), key=lambda n: judged[n].score)
        return self._answer(said[worst], judged[worst], len(said), unread)

    def _answer(self, passage: Passage, judged: Judged, passages: int, unread: str) -> Evidence:
        calibration = self.calibration
        llr = calibration.llr(judged.score)
        note, zh = (sentence.format(quoted=_quoted(passage, judged)) for sentence in self._sentences(llr))
        facts: dict[str, float | str] = {
            "passages": float(passages),
            "read_from": passage.origin,
            **calibration.facts(judged.score),
            "note_zh": zh,
        }
        if unread:
            facts["not_read"] = unread
        places = judged.places if llr > calibration.llr_no_evidence else ()
        regions = tuple(passage.region(start, end, llr) for start, end in places)
        return Evidence(self.question, self.source, llr, note, regions, facts)

    def _sentences(self, llr: float) -> tuple[str, str]:
        if llr >= self.calibration.llr_manipulated:
            return self.words.found
        return self.words.between if llr > self.calibration.llr_no_evidence else self.words.none


def passages(item: Item) -> tuple[Sequence[Passage], str]:
    """Every text of an item that is not blank, its first MOST_CHARS, and what was not read and why; "" if all was."""
    found = [] if item.text is None else [Passage(item.text)]
    unread = []
    if item.has_picture:
        try:
            found += item.codes
        except UsageError as reason:
            unread.append(str(reason))
        found += item.reading.passages
        if item.reading.missing:
            unread.append(item.reading.missing)
    if any(len(passage.text) > MOST_CHARS for passage in found):
        unread.append(f"what follows the first {MOST_CHARS:,} characters")
    short = [replace(passage, text=passage.text[:MOST_CHARS]) for passage in found]
    return [passage for passage in short if passage.text.strip()], "; ".join(unread)


def nothing_said(question: str, source: str, unread: str = "") -> Evidence:
    """The abstention of a check that found no text."""
    note, zh = NOTHING
    if not unread:
        return abstention(question, source, note, {"note_zh": zh})
    return cannot(question, source, f"text in pictures was not read: {unread}", f"未读取图片中的文字：{unread}")


def cannot(question: str, source: str, reason: str, reason_zh: str) -> Evidence:
    """The abstention of a check that lacks something, with what to do."""
    facts = {"missing": reason, "note_zh": f"无法检查文字：{reason_zh}。"}
    return abstention(question, source, f"The text could not be checked: {reason}.", facts)


def _quoted(passage: Passage, judged: Judged) -> str:
    """The telling places as they stand there, shortened."""
    text = " … ".join(passage.text[start:end].strip() for start, end in judged.places)
    return text if len(text) <= SHORTENED_CHARS else text[: SHORTENED_CHARS - 1] + "…"
