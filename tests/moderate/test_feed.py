"""From people's decisions into the bank and out of it, and the bank's commands."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from unforge.cli.main import main
from unforge.moderate import policy
from unforge.moderate.feed import feed
from unforge.moderate.gateway import Gateway
from unforge.moderate.item import Item
from unforge.moderate.queue import Queue


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(data.astronaut()[:256, :256]).save(path)
    return path


@pytest.fixture
def queue(tmp_path: Path, photo: Path) -> Queue:
    by = policy.parse({"name": "ours", "otherwise": "review"})
    queue = Queue(tmp_path / "review.db", create=True)
    queue.add("k", Gateway(by, names=()).decide(Item("photo", photo)))
    return queue


def removed(queue: Queue) -> None:
    for who in ("ann", "bo"):
        queue.claim(who, 1)
        queue.decide(who, 1, "remove", "spam")


def test_what_was_removed_is_known_and_what_was_overruled_is_not(queue: Queue, photo: Path, tmp_path: Path) -> None:
    bank = tmp_path / "known.db"
    removed(queue)
    first, again = (feed(queue.cases(("closed",)), bank) for _ in range(2))
    assert (first.added, again.added, again.said) == (1, 0, [])
    cropped = tmp_path / "cropped.jpg"
    Image.fromarray(data.astronaut()[6:250, 6:250]).save(cropped, quality=60)
    decision = json.loads(
        told(["moderate", str(cropped), "--bank", str(bank), "--with", "known", "--policy", "remove"])
    )
    assert decision["action"] == "remove"
    queue.overrule("cy", 1, "allow", "it is art")
    assert feed(queue.cases(("closed",)), bank).removed == 1


def test_a_file_that_changed_since_is_told_and_left_out(queue: Queue, photo: Path, tmp_path: Path) -> None:
    removed(queue)
    Image.fromarray(np.zeros((50, 50, 3), np.uint8)).save(photo)
    fed = feed(queue.cases(("closed",)), tmp_path / "known.db")
    assert (fed.added, len(fed.said)) == (0, 1)


def told(typed: list[str]) -> str:
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(typed) == 0
    return out.getvalue()


def test_the_commands_of_the_bank(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bank, other = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    told(["moderate", "bank", "add", str(photo), "--bank", bank, "--reason", "spam", "--by", "ann"])
    (match,) = json.loads(told(["moderate", "bank", "match", str(photo), "--bank", bank]))["matches"]
    assert (match["reason"], match["distance_bits"]) == ("spam", 0)
    lines = tmp_path / "a.jsonl"
    lines.write_text(told(["moderate", "bank", "export", "--bank", bank]))
    assert "1 new" in told(["moderate", "bank", "import", str(lines), "--bank", other, "--by", "bo"])
    assert json.loads(told(["moderate", "bank", "match", str(photo), "--bank", other]))["matches"]
    told(["moderate", "bank", "remove", "1", "--bank", bank, "--reason", "overruled", "--by", "ann"])
    assert told(["moderate", "bank", "list", "--bank", bank]) == ""
    assert "overruled" in told(["moderate", "bank", "list", "--history", "--bank", bank])
    assert main(["moderate", "bank", "match", str(photo), "--bank", str(tmp_path / "none.db")]) == 1
    assert (
        main(["moderate", "bank", "add", str(tmp_path / "no.jpg"), "--bank", bank, "--reason", "x", "--by", "y"]) == 1
    )
    assert "no such file" in capsys.readouterr().err
