"""Files that attack whoever opens them: each gets its answer in time, and the ones beside it are still examined."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import media_samples
from tests.media_samples import HOSTILE, Hostile
from unforge import examine

LIMIT_S = 30.0
hostile = pytest.mark.parametrize("sample", HOSTILE, ids=lambda sample: sample.name)


def test_there_are_enough_of_them() -> None:
    assert len({sample.name for sample in HOSTILE}) >= 25
    assert sum(None not in sample.codes for sample in HOSTILE) >= 25


@hostile
def test_a_hostile_file_gets_its_code_in_time(sample: Hostile, hostile_folder: Path) -> None:
    path = hostile_folder / sample.name
    content, started = path.read_bytes(), time.monotonic()
    report = examine(path)
    assert time.monotonic() - started < LIMIT_S
    assert (report.error.code if report.error else None) in sample.codes
    assert report.error is None or report.error.message
    assert path.read_bytes() == content


def unforge(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "unforge", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_three_files_one_of_them_broken_give_three_objects_and_exit_1(tmp_path: Path) -> None:
    first = media_samples.encode(tmp_path / "a.mp4", media_samples.moving(10))
    broken = tmp_path / "b.mp4"
    broken.write_text("no film")
    last = tmp_path / "c.png"
    last.write_bytes(media_samples.picture_bytes("PNG"))
    done = unforge("examine", "--json", first, broken, last)
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(one["exhibit"]["path"]).name for one in objects] == ["a.mp4", "b.mp4", "c.png"]
    assert [one.get("error", {}).get("code") for one in objects] == [None, "not_media", None]
    assert objects[0]["verdict"]["band"] == "not_assessable"
    assert done.returncode == 1


def test_a_folder_of_hostile_files_is_examined_to_its_end(hostile_folder: Path) -> None:
    chosen = [hostile_folder / sample.name for sample in HOSTILE[:12]]
    done = unforge("examine", "--json", *chosen)
    assert len(done.stdout.splitlines()) == len(chosen)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_locked_output_folder_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file stands where the folder should be")
    picture = tmp_path / "c.png"
    picture.write_bytes(media_samples.picture_bytes("PNG"))
    done = unforge("examine", picture, "--report", tmp_path / "out")
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert "out" in done.stderr
    assert (tmp_path / "out").read_text().startswith("a file")
