"""The verbs beside `examine`: demo, train, weights, bench, and what all of them share."""

import importlib.util
import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

import unforge
from unforge import examination, weights
from unforge.cli import main
from unforge.errors import OutputError, WeightsError
from unforge.report import ErrorFacts, ExhibitFacts, Report, Run
from unforge.train import recipes
from unforge.verdict import Verdict, posterior

Capture = pytest.CaptureFixture[str]
RUN = Run("0.1.0", (), "2026-01-01T00:00:00+00:00", 1.0)


def report(path: Path, llr: float) -> Report:
    band = "manipulated" if llr > 0 else "no_evidence"
    spread = (posterior(llr - 1, 0.5), posterior(llr + 1, 0.5))
    verdict = Verdict("manipulated", band, posterior(llr, 0.5), spread, llr, 0.5)  # type: ignore[arg-type]
    return Report(ExhibitFacts(str(path)), RUN, verdict)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], *([verb, "--help"] for verb in main.verbs.list_commands(None))]
)  # type: ignore[arg-type]
def test_every_help_ends_with_an_example_and_fits_80_columns(arguments: list[str], capsys: Capture) -> None:
    assert main.main(arguments) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[-1].strip().startswith("Example: unforge")
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("verb", main.verbs.list_commands(None))  # type: ignore[arg-type]
def test_every_verb_says_in_one_line_what_it_does(verb: str) -> None:
    command = main.verbs.get_command(click.Context(main.verbs), verb)
    assert command is not None
    assert command.get_short_help_str(limit=100).endswith(".")


def test_version_is_the_one_of_the_package(capsys: Capture) -> None:
    assert main.main(["--version"]) == 0
    assert unforge.__version__ in capsys.readouterr().out


def test_an_unknown_verb_is_wrong_usage(capsys: Capture) -> None:
    assert main.main(["guess"]) == 2
    assert "No such command 'guess'" in capsys.readouterr().err


def test_nothing_typed_shows_the_help(capsys: Capture) -> None:
    assert main.main([]) == 2
    said = capsys.readouterr()
    assert "examine" in said.out + said.err


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips that are made at once and examined by name."""
    module: Any = types.ModuleType("unforge.cli.sample")
    module.make_clip = module.make_forged_clip = Path.touch
    monkeypatch.setitem(sys.modules, "unforge.cli.sample", module)
    monkeypatch.setattr("unforge.cli.sample", module, raising=False)
    monkeypatch.setattr(examination, "examine", lambda path: report(path, 3.0 if "forged" in path.name else -3.0))


@pytest.mark.usefixtures("sample")
def test_demo_examines_both_clips_and_says_where_the_reports_are(tmp_path: Path, capsys: Capture) -> None:
    assert main.main(["demo", "--out", str(tmp_path / "out")]) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"{stem}.{suffix}" for stem in ("original", "forged") for suffix in ("mp4", "html", "json")}
    out = capsys.readouterr().out
    assert "No evidence of manipulation found" in out
    assert "Strong evidence of manipulation" in out
    assert str(tmp_path / "out" / "forged.html") in out.replace("\n", "")


@pytest.mark.usefixtures("sample")
def test_demo_fails_when_its_clip_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ErrorFacts("unreadable", "the file ends in the middle of a frame")
    monkeypatch.setattr(examination, "examine", lambda path: Report(ExhibitFacts(str(path)), RUN, error=broken))
    assert main.main(["demo", "--out", str(tmp_path)]) == 1


def test_weights_lists_every_card_with_size_hash_and_licence(capsys: Capture) -> None:
    assert main.main(["weights"]) == 0
    out = capsys.readouterr().out
    for name in weights.available():
        assert name in out
        assert weights.card(name).licence in out.replace("\n            ", " ")
    assert out.count("SHA-256 ok") == len(weights.available())
    assert all(len(line) <= 80 for line in out.splitlines())


def test_weights_as_json_hold_the_whole_card(capsys: Capture) -> None:
    assert main.main(["weights", "--json"]) == 0
    cards = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [card["name"] for card in cards] == list(weights.available())
    assert all(card["sha256_ok"] and card["bytes"] > 0 for card in cards)


def test_an_altered_network_is_named_and_exits_with_1(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    altered = weights.available()[0]
    verified: Callable[[str], bytes] = weights.verified

    def check(name: str) -> bytes:
        if name == altered:
            raise WeightsError(f"weights {name!r}: SHA-256 differs")
        return verified(name)

    monkeypatch.setattr(weights, "verified", check)
    assert main.main(["weights"]) == 1
    said = capsys.readouterr()
    assert "missing or altered" in said.out
    assert altered in said.err


def test_train_without_torch_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main.main(["train", "finegrained", "--data", str(tmp_path)]) == 1
    assert "pip install 'unforge[train]'" in capsys.readouterr().err


def test_train_hands_everything_to_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    given: dict[str, Any] = {}

    def run(**settings: Any) -> Path:
        given.update(settings)
        settings["on_progress"]("training", 0.5)
        return settings["out"] / "net.onnx"

    recipe: Any = types.ModuleType("recipe")
    recipe.main = run
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: "found")
    monkeypatch.setattr(recipes, "load", lambda name: recipe)
    arguments = [
        "--data",
        str(tmp_path),
        "--out",
        str(tmp_path / "run"),
        "--minutes",
        "2",
        "--resume",
        "--seed",
        "7",
    ]
    assert main.main(["train", "finegrained", *arguments]) == 0
    assert (given["data"], given["minutes"], given["resume"], given["seed"]) == (tmp_path, 2.0, True, 7)
    assert str(tmp_path / "run" / "net.onnx") in capsys.readouterr().out


def test_an_unknown_recipe_lists_the_choices(tmp_path: Path, capsys: Capture) -> None:
    assert main.main(["train", "nonsense", "--data", str(tmp_path)]) == 2
    assert "finegrained" in capsys.readouterr().err


@pytest.mark.parametrize("minutes", ["0", "-1", "soon"])
def test_training_for_no_time_is_wrong_usage(tmp_path: Path, minutes: str) -> None:
    assert main.main(["train", "finegrained", "--data", str(tmp_path), "--minutes", minutes]) == 2


def test_errors_on_purpose_become_a_sentence_and_exit_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def full(*_: Any, **__: Any) -> Report:
        raise OutputError("cannot write clip.mp4: No space left on device")

    monkeypatch.setattr(examination, "examine", full)
    assert main.main(["examine", str(tmp_path / "a.mp4")]) == 1
    assert capsys.readouterr().err == "unforge: cannot write clip.mp4: No space left on device\n"
