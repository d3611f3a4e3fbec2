"""The bank: what goes in is found, what is taken out is not, and what others write is seen."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.media_samples import encode
from tests.moderate.hash_samples import scene
from unforge.errors import MediaError, NotApplicable, SchemaError, StoreError, UnknownName, UsageError
from unforge.moderate import bank as banks
from unforge.moderate import checks, exchange, fingerprint, index, pdq
from unforge.moderate.bank import Bank
from unforge.moderate.exchange import Line
from unforge.moderate.fingerprint import Look
from unforge.moderate.item import Item, Still
from unforge.weights import matching

WORDS = ("fraud", "police notice 12", "an")


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with banks.open(tmp_path / "known.db", create=True) as opened:
        yield opened


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "lamp.png"
    Image.fromarray(scene(1)).save(path)
    return path


def a_film(path: Path, shown: list[int]) -> Path:
    """One scene a second, two frames each."""
    return encode(path, [scene(n, 180, 240) for n in shown for _ in range(2)], ticks_per_s=2, options={"g": "2"})


def test_a_file_that_was_added_is_found_with_its_reason(bank: Bank, picture: Path) -> None:
    added = bank.add_file(picture, *WORDS)
    assert added.is_new
    (match,) = bank.match_file(picture).matches
    assert (match.entry.reason, match.entry.source, match.entry.reviewer) == WORDS
    assert match.nearest.distance_bits == 0
    assert match.nearest.box_px is None


def test_the_place_of_a_part_is_told(bank: Bank, picture: Path) -> None:
    bank.add_file(picture, *WORDS)
    page = np.zeros((600, 600, 3), np.uint8)
    page[150:510, 60:540] = scene(1)
    (match,) = bank.match([Still(0.0, page)]).matches
    assert match.nearest.box_px is not None
    np.testing.assert_allclose(match.nearest.box_px, (60, 150, 540, 510), atol=3)


def test_a_file_is_in_the_bank_once(bank: Bank, picture: Path) -> None:
    first, second = (bank.add_file(picture, *WORDS) for _ in range(2))
    assert (second.is_new, second.entry, len(bank)) == (False, first.entry, 1)


def test_what_was_taken_out_is_not_found_and_stays_in_the_history(bank: Bank, picture: Path) -> None:
    entry = bank.add_file(picture, *WORDS).entry
    bank.remove(entry.sha256, "it was satire", "bo")
    assert not bank.match_file(picture).matches
    assert bank.entries() == []
    (past,) = bank.entries(history=True)
    assert (past.removed_by, past.removed_because) == ("bo", "it was satire")
    assert bank.add_file(picture, *WORDS).is_new


def test_what_is_not_in_force_cannot_be_taken_out(bank: Bank, picture: Path) -> None:
    entry = bank.add_file(picture, *WORDS).entry
    bank.remove(entry.id, "why", "bo")
    for which in (entry.id, entry.sha256, 99, "", "no such file"):
        with pytest.raises(UsageError, match="one entry in force"):
            bank.remove(which, "why", "bo")


def test_a_flat_picture_is_not_stored_and_it_is_said(bank: Bank, tmp_path: Path) -> None:
    path = tmp_path / "white.png"
    Image.new("RGB", (200, 200), "white").save(path)
    with pytest.raises(NotApplicable, match="flat"):
        bank.add_file(path, *WORDS)
    assert len(bank) == 0
    answer = bank.match_file(path)
    assert (answer.judged, answer.flat) == (0, 1)


@pytest.mark.parametrize("empty", range(3))
def test_nobody_adds_without_a_reason_a_source_and_a_name(bank: Bank, picture: Path, empty: int) -> None:
    words = list(WORDS)
    words[empty] = "  "
    with pytest.raises(UsageError, match="in words"):
        bank.add_file(picture, *words)
    assert len(bank) == 0


def test_a_film_tells_which_seconds(bank: Bank, tmp_path: Path) -> None:
    bank.add_file(a_film(tmp_path / "known.mp4", [1, 2, 3, 4]), *WORDS)
    answer = bank.match_file(a_film(tmp_path / "asked.mp4", [20, 21, 3, 4, 22, 23, 24, 25]))
    (match,) = answer.matches
    assert [(hit.time_s, hit.known_s) for hit in match.hits] == [(2.0, 2.0), (3.0, 3.0)]
    assert (match.share, match.known_share) == (2 / 8, 2 / 4)
    one = bank.match([Still(0.0, scene(2, 180, 240))]).matches[0]
    assert one.hits[0].known_s == 1.0


def test_what_another_program_writes_is_seen(bank: Bank, picture: Path, tmp_path: Path) -> None:
    assert not bank.match_file(picture).matches
    with banks.open(tmp_path / "known.db") as other:
        entry = other.add_file(picture, *WORDS).entry
        assert bank.match_file(picture).matches
        other.remove(entry.id, "why", "bo")
    assert not bank.match_file(picture).matches


def test_a_transaction_is_all_or_nothing(bank: Bank) -> None:
    def several() -> Iterator[str]:
        for digit in "ab":
            yield json.dumps({"hash": digit * 64, "quality": 80, "reason": "fraud"})
        of = pdq.of(scene(2))
        yield json.dumps({"hash": of.hex, "quality": of.quality, "reason": "fraud"})
        yield json.dumps({"hash": "c" * 64, "quality": 80, "reason": "fraud"})
        assert bank.match([Still(0.0, scene(2))]).matches
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bank.import_lines(several(), "an", "a list")
    assert len(bank) == 0
    assert not bank.match([Still(0.0, scene(2))]).matches


def test_thousands_go_into_one_transaction(bank: Bank) -> None:
    rng = np.random.default_rng(1)
    with bank.writing():
        for _ in range(3000):
            bank.add(fingerprint.of_hash(rng.bytes(32), 80), *WORDS)
    assert len(bank) == 3000
    assert bank.match([Still(0.0, scene(1))]).matches == ()


def test_a_writer_waits_and_says_so(bank: Bank, tmp_path: Path) -> None:
    other = Bank(tmp_path / "known.db", timeout_s=0.05)
    with other, bank.writing(), pytest.raises(StoreError, match="another program is writing"):
        other.add(fingerprint.of_picture(scene(1)), *WORDS)


def test_entries_cannot_be_deleted(bank: Bank, picture: Path, tmp_path: Path) -> None:
    bank.add_file(picture, *WORDS)
    connection = sqlite3.connect(tmp_path / "known.db")
    with pytest.raises(sqlite3.IntegrityError, match="stay in the history"):
        connection.execute("DELETE FROM entries")
    connection.close()


@pytest.mark.parametrize("make", [None, b"", b"not a database at all, only words" * 40])
def test_a_file_that_is_no_bank_is_refused(tmp_path: Path, make: bytes | None) -> None:
    path = tmp_path / "other.db"
    if make is not None:
        path.write_bytes(make)
    with pytest.raises(StoreError, match="bank of hashes"):
        banks.open(path)


def test_the_file_holds_no_picture(bank: Bank, picture: Path, tmp_path: Path) -> None:
    bank.add_file(picture, *WORDS)
    bank.close()
    assert (tmp_path / "known.db").stat().st_size < 60_000 < picture.stat().st_size


def test_files_that_cannot_be_read_are_errors(bank: Bank, picture: Path) -> None:
    picture.write_bytes(picture.read_bytes()[:200])
    for ask in (bank.match_file, lambda path: bank.add_file(path, *WORDS)):
        with pytest.raises(MediaError):
            ask(picture)


def test_what_is_exported_can_be_imported(bank: Bank, picture: Path, tmp_path: Path) -> None:
    bank.add_file(picture, *WORDS)
    bank.add_file(a_film(tmp_path / "known.mp4", [5, 6]), "threat", "hotline", "an")
    lines = list(bank.export())
    with banks.open(tmp_path / "copy.db", create=True) as copy:
        assert copy.import_lines(lines, "cy") == (2, 0, 0)
        assert copy.import_lines(lines, "cy") == (0, 2, 0)
        assert list(copy.export()) == lines
        assert copy.match_file(picture).matches[0].entry.reviewer == "cy"


def test_a_list_of_bare_hashes_is_enough(bank: Bank, picture: Path) -> None:
    of = pdq.of(scene(1))
    lines = [
        json.dumps({"hash": of.hex, "quality": of.quality, "reason": "fraud"}),
        "",
        json.dumps({"hash": "0" * 64, "quality": 49, "reason": "flat"}),
    ]
    assert bank.import_lines(lines, "an", "a list") == (1, 0, 1)
    assert bank.match_file(picture).matches[0].entry.source == "a list"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2"),
        ("[]", "JSON object"),
        ('{"hash": "12", "quality": 80, "reason": "x"}', "64 hexadecimal"),
        ('{"quality": 80, "reason": "x"}', "hash"),
        ('{"hash": "%s", "reason": "x"}' % ("a" * 64), "quality"),
        ('{"hash": "%s", "quality": 101, "reason": "x"}' % ("a" * 64), "0 to 100"),
        ('{"hash": "%s", "quality": NaN, "reason": "x"}' % ("a" * 64), "number"),
        ('{"hash": "%s", "quality": 80, "reason": " "}' % ("a" * 64), "reason"),
        ('{"hash": "%s", "quality": 80, "reason": "x", "colour": 1}' % ("a" * 64), "colour"),
        ('{"hash": "%s", "quality": 80, "reason": "x", "media": "song"}' % ("a" * 64), "song"),
        ('{"hash": "%s", "quality": 80, "reason": "x", "variants": {"half": ""}}' % ("a" * 64), "variants"),
        ("[" * 100_000, "line 2"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(bank: Bank, line: str, says: str) -> None:
    good = json.dumps({"hash": "b" * 64, "quality": 80, "reason": "x"})
    with pytest.raises(SchemaError, match=says):
        bank.import_lines([good, line], "an", "a list")
    assert len(bank) == 0


@given(st.binary(min_size=32, max_size=32), st.integers(50, 100), st.text(min_size=1).filter(str.strip))
def test_lines_go_both_ways(data: bytes, quality: int, reason: str) -> None:
    line = Line(Look(0.0, quality, {"whole": data, "inner 80 %": data}), reason, "from there", "image", "ab" * 32)
    assert list(exchange.grouped([exchange.written(line)])) == [(line,)]


def test_the_check_says_what_is_known(bank: Bank, picture: Path, tmp_path: Path) -> None:
    bank.add_file(picture, *WORDS)
    check = checks.load("known", checks.Setup(tmp_path / "known.db"))
    answer = check.examine(Item("copy.png", picture))
    assert answer.llr >= float(answer.facts["llr_manipulated"]) > 0
    assert answer.facts["reason"] == "fraud"
    assert "fraud" in answer.note
    assert "fraud" in str(answer.facts["note_zh"])
    other = check.examine(Item.of_picture(scene(9)))
    assert other.llr <= float(other.facts["llr_no_evidence"]) <= 0
    assert not other.regions


def test_the_check_points_at_seconds_of_a_film(bank: Bank, tmp_path: Path) -> None:
    bank.add(fingerprint.of_picture(scene(3, 180, 240)), *WORDS)
    check = checks.load("known", checks.Setup(tmp_path / "known.db"))
    film = a_film(tmp_path / "asked.mp4", [3, 3, 20, 21, 22, 3])
    answer = check.examine(Item("asked.mp4", film))
    assert [(region.start_s, region.end_s) for region in answer.regions] == [(0.0, 1.0), (5.0, 5.0)]


def test_the_check_abstains_with_a_sentence(bank: Bank, tmp_path: Path) -> None:
    asked = Item.of_picture(scene(1))
    path = tmp_path / "known.db"
    assert "No bank" in checks.load("known", checks.Setup()).examine(asked).note
    assert "empty" in checks.load("known", checks.Setup(path)).examine(asked).note
    assert "no picture" in checks.load("known", checks.Setup(path)).examine(Item("words", text="lamp")).note
    bank.add(fingerprint.of_picture(scene(3)), *WORDS)
    flat = checks.load("known", checks.Setup(path)).examine(Item.of_picture(np.zeros((90, 90, 3), np.uint8)))
    assert flat.abstained
    assert "flat" in flat.note


def test_the_check_refuses_to_start_with_a_file_that_is_no_bank(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected a bank"):
        checks.load("known", checks.Setup(tmp_path / "missing.db"))


def test_a_match_at_the_limit_is_found_and_one_bit_more_is_not() -> None:
    calibration = matching.calibration("known")
    assert calibration.llr(-1.0) > calibration.llr_manipulated
    assert calibration.llr(-(index.PLAIN_BITS + 1) / index.PLAIN_BITS) < calibration.llr_manipulated


def test_an_unknown_calibration_is_refused() -> None:
    with pytest.raises(UnknownName, match="known"):
        matching.calibration("lamp")
