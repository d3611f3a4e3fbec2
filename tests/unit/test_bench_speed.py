"""The protocol `speed`: turns, medians, and a whole process."""

import json
import time
from pathlib import Path

import pytest

from unforge import weights
from unforge.bench import reference
from unforge.bench.protocols import speed
from unforge.cli import main


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "ROUNDS", 4)
    monkeypatch.setattr(speed, "FEWEST_ROUNDS", 2)


def test_networks_take_turns_and_the_first_run_does_not_count() -> None:
    order: list[str] = []
    taken = speed.timed({"a": lambda: order.append("a"), "b": lambda: order.append("b")})
    assert order == ["a", "b"] * 5
    assert {name: len(seconds) for name, seconds in taken.items()} == {"a": 4, "b": 4}


def test_who_has_used_up_its_budget_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "BUDGET_S", 0.01)
    taken = speed.timed({"slow": lambda: time.sleep(0.02), "quick": lambda: None})
    assert {name: len(seconds) for name, seconds in taken.items()} == {"slow": 2, "quick": 4}
    assert min(taken["slow"]) >= 0.02


def test_a_spread_is_median_minimum_maximum_and_how_many() -> None:
    found = speed.spread([3.0, 1.0, 2.0])
    assert (found.value, found.low, found.high, found.n) == (2.0, 1.0, 3.0, 3)
    assert speed.spread([]).value is None


def test_a_network_of_fixed_batch_is_not_fed_more() -> None:
    one = speed.Timed(weights.verified("face_landmark"))
    assert speed.turn(one, 1, 1) is not None
    assert speed.turn(one, 1, 16) is None
    many = speed.turn(speed.Timed(weights.verified("finegrained")), 1, 2)
    assert many is not None
    many()


def test_the_record_is_written_without_data_and_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "make", lambda folder: None)
    monkeypatch.setattr(speed, "PROCESSES", 1)
    monkeypatch.setattr(speed, "COUNTED_PROCESSES", 1)
    monkeypatch.setattr(speed, "DURATION_S", 1)
    monkeypatch.setattr(speed, "BATCHES", (1, 2))
    assert main.main(["bench", "speed", "--with", "finegrained", "--out", str(tmp_path)]) == 0
    kept = json.loads((tmp_path / "speed-finegrained.json").read_text("utf-8"))
    whole = kept["rows"][speed.WHOLE]
    assert 0.1 < whole["wall_s"][0] < 120.0
    assert whole["peak_mb"][0] > 50.0
    assert kept["rows"]["finegrained"]["ms_per_face_1_thread_batch_1"][3] == 4
    assert kept["rows"]["finegrained"]["ms_per_face_2_threads_batch_2"][0] > 0.0
    assert kept["rows"]["face_landmark"]["ms_per_face_1_thread_batch_2"] == [None, None, None, 0]
    assert not {*reference.NAMES, reference.ENSEMBLE} & set(kept["rows"])
    assert "silero_vad" not in kept["rows"]
    networks = {name for name in weights.available() if weights.card(name).file.endswith(".onnx")}
    assert set(kept["weights"]) == networks
