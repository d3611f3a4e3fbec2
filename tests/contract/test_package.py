"""Promises of the package as a whole: small at the start, imports point down, folders are registries."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import cv2
import pytest

import unforge
from tests.faces_samples import portrait
from unforge import detect, weights
from unforge.bench import protocols
from unforge.errors import UnknownName
from unforge.explain import formats
from unforge.plugins import Registry
from unforge.train import fakes, recipes

ROOT = Path(unforge.__file__).parents[2]
HEAVY = ("torch", "cv2", "av", "onnxruntime", "scipy", "skimage", "PIL", "rich.progress")

pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="not run from a checkout")


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT
    ).stdout


@pytest.mark.parametrize("start", ["import unforge", "from unforge.cli.main import main; main(['--help'])"])
def test_nothing_heavy_is_imported_at_the_start(start: str) -> None:
    loaded = run(f"{start}\nimport sys\nprint('loaded', *sys.modules)").split("loaded", 1)[1].split()
    assert not set(HEAVY) & set(loaded)


def test_the_public_names_are_the_six_that_are_promised() -> None:
    assert unforge.__all__ == ["Evidence", "Exhibit", "Region", "Report", "Verdict", "examine"]
    assert all(getattr(unforge, name).__doc__ for name in unforge.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = unforge.nonsense


def test_imports_point_down_only() -> None:
    checked = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("available", "load"),
    [
        (detect.available, detect.load),
        (formats.available, formats.load),
        (protocols.available, protocols.load),
        (recipes.available, recipes.load),
        (fakes.available, fakes.load),
        (weights.available, weights.card),
    ],
    ids=["detect", "formats", "protocols", "recipes", "fakes", "weights"],
)
def test_an_unknown_name_lists_the_choices(available, load) -> None:  # type: ignore[no-untyped-def]
    assert available() == tuple(sorted(available()))
    with pytest.raises(UnknownName) as told:
        load("no such thing")
    assert told.value.available == available()
    assert all(name in str(told.value) for name in available())


def test_listing_a_folder_imports_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "bomb.py").write_text("raise SystemExit('imported')")
    (tmp_path / "_private.py").touch()
    assert Registry("no.such.group", [str(tmp_path)], "bomb").available() == ("bomb",)


def test_the_wheel_carries_what_the_program_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["license-files"] == ["LICENSE", "NOTICE"]
    package = ROOT / "src" / "unforge"
    assert (package / "py.typed").is_file()
    assert not any("torch" in need for need in project["project"]["dependencies"])
    megabytes = sum(path.stat().st_size for path in weights.FILES.iterdir()) / 1e6
    assert megabytes <= 40.0


def test_every_network_that_others_made_is_named_in_the_notice() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    for name in weights.available():
        card = weights.card(name)
        assert card.file in notice or card.name in notice
    assert "EfficientNet-Lite0" in notice


def test_examining_leaves_no_identifier_and_no_event_log_behind(tmp_path: Path) -> None:
    """ONNX Runtime would keep both in the user's cache, ready to be sent."""
    cv2.imwrite(str(tmp_path / "face.png"), cv2.cvtColor(portrait(), cv2.COLOR_RGB2BGR))
    home = tmp_path / "home"
    home.mkdir()
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    command = [sys.executable, "-m", "unforge", "examine", str(tmp_path / "face.png"), "--with", "seam"]
    subprocess.run(command, check=True, env={**surroundings, "HOME": str(home)}, stdout=subprocess.DEVNULL)
    assert [path.name for path in home.rglob("*") if path.is_file()] == []
