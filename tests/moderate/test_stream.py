"""Streams: lines that are none, and a stream that is killed and goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unforge.cli.main import main
from unforge.moderate import policy
from unforge.moderate.gateway import Gateway
from unforge.moderate.queue import Queue
from unforge.moderate.stream import decide, lines

ITEMS = 1000
CHILD = """
import sys
from unforge.cli.main import main
sys.exit(main(["moderate", "--jsonl", sys.argv[1], "--queue", sys.argv[2], "--with", "contact", "--policy", "remove"]))
"""


def told(source: list[str], queue: Queue | None = None, gateway: Gateway | None = None) -> list[dict[str, object]]:
    gateway = gateway or Gateway(policy.load("label"), names=())
    return [one.decision for one in decide(gateway, lines(source, "s"), queue)]


@pytest.mark.parametrize(
    "line",
    ["nonsense", "[]", "{}", '{"text": 3}', '{"text": "a", "colour": "red"}', '{"path": null}', "[" * 5000, "1e999"],
)
def test_lines_that_are_none_go_to_people_and_the_rest_goes_on(line: str) -> None:
    first, second = told([line, '{"text": "fine"}'])
    assert first["action"] == "review"
    assert first["error"]
    assert second["action"] == "allow"


def test_blank_lines_are_nothing() -> None:
    assert told(["", "  \n"]) == []


def test_a_check_that_fails_costs_one_item_its_decision() -> None:
    class Broken:
        name, question, models = "broken", "toxic", ()

        def examine(self, item: object) -> object:
            raise RuntimeError("a mistake")

    gateway = Gateway(policy.load("label"), names=())
    gateway.checks = (Broken(),)  # type: ignore[assignment]
    decisions = told(['{"text": "a"}', '{"text": "b"}'], gateway=gateway)
    assert [one["action"] for one in decisions] == ["review", "review"]
    assert "a mistake" in json.dumps(decisions[0])


def test_equal_lines_are_two_items_and_equal_ids_are_one(tmp_path: Path) -> None:
    with Queue(tmp_path / "review.db", create=True) as queue:
        told(['{"text": "a"}', '{"text": "a"}'], queue)
        assert len(queue) == 2
        told(['{"id": "1", "text": "a"}', '{"id": "1", "text": "b"}'], queue)
        assert len(queue) == 3


def test_a_killed_stream_goes_on_and_decides_nothing_twice(tmp_path: Path) -> None:
    stream, review = tmp_path / "items.jsonl", tmp_path / "review.db"
    texts = [f"lamp number {n}, hardly used" for n in range(ITEMS)]
    stream.write_text("\n".join(json.dumps({"id": f"i{n}", "text": text}) for n, text in enumerate(texts)))
    seen: list[str] = []
    for killed_after in (20, 150, 400):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(stream), str(review)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(killed_after):
            seen.append(json.loads(child.stdout.readline())["item"])
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    began = time.monotonic()
    finished = subprocess.run(
        [sys.executable, "-c", CHILD, str(stream), str(review)], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    last = [json.loads(line) for line in finished.stdout.splitlines()]
    assert [one["item"] for one in last] == [f"i{n}" for n in range(ITEMS)]
    assert sum("again" in one for one in last) >= 400
    with Queue(review) as queue:
        assert len(queue) == len(queue.log()) == ITEMS
        assert queue.verify() == []
    assert set(seen) <= {one["item"] for one in last}
    assert time.monotonic() - began < 120


def test_the_command_tells_one_object_an_item(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code = main(["moderate", "--text", "a lamp", str(tmp_path / "none.jpg"), "--with", "contact"])
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 1
    assert [one["action"] for one in said] == ["review", "allow"]
    assert all(one["schema"] == "unforge.decision/1" for one in said)
    for field in ("action", "reasons", "evidence", "policy", "elapsed_s"):
        assert field in said[0]


@pytest.mark.parametrize(
    "typed",
    [
        ["moderate", "items"],
        ["moderate", "--text", "a", "--policy", "none"],
        ["moderate", "--text", "a", "--with", "none"],
        ["moderate", "--jsonl", "/nowhere/at/all.jsonl"],
    ],
)
def test_wrong_usage_is_told(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(typed) in (1, 2)
    assert capsys.readouterr().err


def test_a_changed_file_and_another_policy_are_decided_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, queue = tmp_path / "x.jpg", str(tmp_path / "review.db")
    for content, by, new in (("a", "label", True), ("a", "label", False), ("b", "label", True), ("b", "remove", True)):
        path.write_text(content)
        main(["moderate", str(path), "--queue", queue, "--policy", by, "--with", "known"])
        assert ("again" not in json.loads(capsys.readouterr().out)) == new
