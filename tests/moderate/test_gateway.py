"""The gateway: what the policy makes of evidence, what is left out, and files that cannot be read."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unforge.evidence import Evidence, Region, abstention
from unforge.moderate import policy
from unforge.moderate.decision import band_of
from unforge.moderate.gateway import Gateway
from unforge.moderate.item import Item
from unforge.moderate.policy import Policy

TOLD = {"en": "because", "zh": "因为"}
PICTURE = np.full((40, 60, 3), 90, np.uint8)


@dataclass
class Fake:
    """A check that says what it is told to, and notes whether it was asked."""

    question: str
    llr: float
    name: str = "fake"
    models: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    asked: list[str] = field(default_factory=list)

    def examine(self, item: Item) -> Evidence:
        self.asked.append(item.name)
        facts: dict[str, float | str] = {"llr_manipulated": 2.0, "llr_no_evidence": -1.0, "note_zh": "看到了"}
        return Evidence(self.question, f"{self.name}-1", self.llr, "seen", self.regions, facts)


class Broken(Fake):
    def examine(self, item: Item) -> Evidence:
        raise RuntimeError("a mistake")


def a_policy(*rules: tuple[str, str, str], **other: object) -> Policy:
    said = [{"question": q, "band": band, "action": action, "reason": TOLD} for q, band, action in rules]
    return policy.parse({"name": "ours", "rule": said, **other})


def a_gateway(by: Policy, *fakes: Fake, shadow: Policy | None = None) -> Gateway:
    gateway = Gateway(by, names=(), shadow=shadow)
    gateway.checks = fakes
    return gateway


def test_the_most_severe_rule_that_speaks_decides_and_says_why() -> None:
    by = a_policy(("contact", "found", "reduce"), ("toxic", "inconclusive", "review"))
    place = Region(0.0, 0.0, 3.0, box_px=(1, 2, 30, 20), facts={"start_char": 2.0, "end_char": 6.0})
    contact = Fake("contact", 3.0, regions=(place,))
    decision = a_gateway(by, contact, Fake("toxic", 0.0, "other")).decide(Item("x", text="words"))
    assert decision.action == "review"
    assert [reason.question for reason in decision.reasons] == ["toxic", "contact"]
    told = decision.reasons[1].to_dict()
    assert told["places"] == [{"box_px": [1, 2, 30, 20], "start_char": 2, "end_char": 6}]
    assert told["note"] == {"en": "seen", "zh": "看到了"}
    json.loads(decision.to_json())


def test_without_a_rule_the_policy_says_otherwise() -> None:
    by = a_policy(("contact", "found", "remove"), otherwise="label")
    assert a_gateway(by, Fake("contact", -2.0)).decide(Item("x", text="words")).action == "label"


def test_dearer_checks_are_left_out_once_the_policy_has_heard_enough() -> None:
    by = a_policy(("known", "found", "remove"), stop_at="remove")
    first, second = Fake("known", 5.0), Fake("toxic", 5.0, "dear")
    decision = a_gateway(by, first, second).decide(Item("x", text="words"))
    assert (first.asked, second.asked) == (["x"], [])
    assert any("dear" in said for said in decision.limits["en"])
    assert decision.action == "remove"


def test_a_shadow_hears_everything_and_does_nothing() -> None:
    by = a_policy(("known", "found", "remove"), stop_at="remove")
    shadow = a_policy(("toxic", "found", "report"))
    second = Fake("toxic", 5.0, "dear")
    decision = a_gateway(by, Fake("known", 5.0), second, shadow=shadow).decide(Item("x", text="words"))
    assert second.asked == ["x"]
    assert decision.action == "remove"
    assert decision.shadow is not None
    assert (decision.shadow.policy, decision.shadow.action) == (shadow.called, "report")


def test_what_is_handed_in_counts() -> None:
    by = a_policy(("manipulated", "found", "label"))
    handed = Evidence("manipulated", "examination", 4.0, "forged", facts={"band": "manipulated"})
    assert a_gateway(by).decide(Item("x", text="words", handed=(handed,))).action == "label"


def test_a_file_that_cannot_be_read_is_never_allowed_and_its_text_is_looked_at(tmp_path: Path) -> None:
    by = a_policy(("contact", "found", "remove"))
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff no picture")
    quiet = a_gateway(by, Fake("contact", -5.0)).decide(Item("x", broken, "words"))
    assert (quiet.action, quiet.path) == ("review", str(broken))
    assert quiet.error is not None
    loud = a_gateway(by, Fake("contact", 5.0)).decide(Item("x", broken, "words"))
    assert loud.action == "remove"


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"PK\x03\x04 not a picture", b"\x00" * 100])
def test_hostile_bytes_go_to_people(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    decision = a_gateway(a_policy()).decide(Item("x", path))
    assert decision.action == "review"
    assert decision.error is not None


def test_originals_stay_and_their_marks_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    exif = Image.Exif()
    exif[0x0131] = "an editor"
    Image.fromarray(PICTURE).save(path, exif=exif)
    before = path.read_bytes()
    decision = a_gateway(a_policy()).decide(Item("x", path))
    assert path.read_bytes() == before
    assert decision.marks
    assert decision.sha256


def test_an_unknown_context_is_told() -> None:
    decision = a_gateway(a_policy()).decide(Item("x", text="words", context="elsewhere"))
    assert any("elsewhere" in said for said in decision.limits["en"])


def test_bands_follow_the_check_or_the_policy() -> None:
    by = a_policy(("contact", "found", "remove"), thresholds={"contact": {"found": 9.0, "no_evidence": 0.0}})
    assert a_gateway(by, Fake("contact", 5.0)).decide(Item("x", text="w")).action == "allow"
    missing = abstention("contact", "c-1", "no reader", {"missing": "rapidocr"})
    assert [band_of(one) for one in (missing, abstention("contact", "c-1", "no text"))] == ["missing", "not_assessable"]
    without = Evidence("contact", "c-1", 9.0, "no thresholds")
    assert band_of(without) == "inconclusive"
