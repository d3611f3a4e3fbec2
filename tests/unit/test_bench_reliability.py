"""What was stated against what was found, as rows and as a drawing."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from unforge.bench import reliability, table
from unforge.bench.record import Record, Value


def record(rows: dict[str, dict[str, Value]]) -> Record:
    return Record("clips-val", "clips", "val", rows, "cd" * 32, {}, "0.1.0", "2026-01-01", "2 CPU cores", 0, {})


def test_honest_probabilities_are_observed_as_often_as_stated() -> None:
    rng = np.random.default_rng(1)
    chances = rng.uniform(0, 1, 4000)
    rows = reliability.rows(chances, rng.random(4000) < chances, 0.5)
    assert list(rows) == ["stated 0-20 %", "stated 20-40 %", "stated 40-60 %", "stated 60-80 %", "stated 80-100 %"]
    for row in rows.values():
        assert row["stated"].value == pytest.approx(row["observed"].value, abs=0.06)
    assert sum(row["stated"].n for row in rows.values()) == 4000


def test_classes_weigh_the_same_however_many_there_are() -> None:
    """Nine fakes for each real, all told 0.5: among as many of both, half are fakes."""
    fakes = np.arange(100) % 10 > 0
    (row,) = reliability.rows(np.full(100, 0.5), fakes, 0.5).values()
    assert row["observed"].value == pytest.approx(0.5)


def test_the_drawing_has_a_mark_for_each_bin_where_it_belongs() -> None:
    low, high = (
        {"stated": Value(s, s, s, 10), "observed": Value(o, 0.1, 0.9, 10)} for s, o in ((0.1, 0.2), (0.9, 0.8))
    )
    drawn = reliability.svg(record({"stated 0-20 %": low, "stated 80-100 %": high, "FaceSwap": {}}))
    assert drawn is not None
    marks = [
        (float(m.get("cx", "nan")), float(m.get("cy", "nan"))) for m in ET.fromstring(drawn).iter() if "circle" in m.tag
    ]
    assert len(marks) == 2
    assert marks[0][0] < marks[1][0]
    assert marks[0][1] > marks[1][1]  # downwards is less


def test_a_record_without_bins_has_no_drawing() -> None:
    assert reliability.svg(record({"FaceSwap": {}})) is None


def test_the_drawing_is_brought_up_to_date_with_the_tables(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    row = {"stated": Value(0.1, 0.1, 0.1, 10), "observed": Value(0.2, 0.1, 0.9, 10)}
    (results / "clips-val.json").write_text(record({"stated 0-20 %": row}).to_json())
    assert table.tables(tmp_path, results, check=True) == 1
    assert table.tables(tmp_path, results, check=False) == 0
    assert (results / "clips-val-reliability.svg").read_text().startswith("<svg")
    assert table.tables(tmp_path, results, check=True) == 0
