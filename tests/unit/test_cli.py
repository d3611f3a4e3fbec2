"""The command line, with a stand-in for the examination so that only the command line is under test."""

import io
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from unforge import detect, examination
from unforge.cli import _inputs, _text, examine, main
from unforge.errors import MediaError, OutputError
from unforge.evidence import Evidence, abstention
from unforge.explain.vocabulary import LANES
from unforge.media import write
from unforge.report import ErrorFacts, ExhibitFacts, Report, Run
from unforge.verdict import BANDS, Verdict, posterior, weigh

RUN = Run("0.1.0", (), "2026-01-01T00:00:00+00:00", 1.0)
LLRS = {"manipulated": 3.0, "inconclusive": 0.5, "no_evidence": -3.0}


def report(path: object, band: str = "no_evidence", prior: float = 0.5) -> Report:
    """A report as the examination would give it; `broken` in the name gives an error."""
    facts = ExhibitFacts(str(path))
    if "broken" in Path(str(path)).name:
        return Report(facts, RUN, error=ErrorFacts("unreadable", "the file ends in the middle of a frame"))
    if band == "not_assessable":
        note = abstention("manipulated", "finegrained-1", "No face was found.", {"note_zh": "未发现人脸。"})
        return Report(facts, RUN, Verdict("manipulated", band, None, None, None, prior), (note,))
    llr = LLRS[band]
    spread = (posterior(llr - 1, prior), posterior(llr + 1, prior))
    verdict = Verdict("manipulated", band, posterior(llr, prior), spread, llr, prior)  # type: ignore[arg-type]
    note = Evidence("manipulated", "finegrained-1", llr, "a blending seam along the jaw of face 1, " * 3)
    return Report(facts, RUN, verdict, (note,))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the examination was asked for; a band in a file's name becomes its verdict."""
    calls: list[dict[str, Any]] = []

    def examine(
        path: Path,
        *,
        examiners: Any = None,
        prior: float = 0.5,
        profile: str = "full",
        on_progress: Callable[..., None] | None = None,
    ) -> Report:
        calls.append({"path": path, "examiners": examiners, "prior": prior, "profile": profile})
        if on_progress is not None:
            on_progress("faces", 0.5)
            on_progress("finegrained", 1.0)
        if "stop" in path.name:
            raise KeyboardInterrupt
        band = next((band for band in BANDS if band in path.name), "no_evidence")
        return report(path, band, prior)

    monkeypatch.setattr(examination, "examine", examine)
    return calls


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., list[str]]:
    """Makes empty files by name."""

    def make(*names: str) -> list[str]:
        paths = [tmp_path / name for name in names]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return [str(path) for path in paths]

    return make


Files = Callable[..., list[str]]
Capture = pytest.CaptureFixture[str]


@pytest.mark.usefixtures("asked")
def test_one_broken_file_of_three_gives_three_objects_and_exit_1(files: Files, capsys: Capture) -> None:
    paths = files("a.mp4", "broken.mp4", "b.jpg")
    assert main.main(["examine", "--json", *paths]) == 1
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [found["exhibit"]["path"] for found in objects] == paths
    assert objects[1]["error"]["code"] == "unreadable"
    assert all("verdict" in found for found in (objects[0], objects[2]))


@pytest.mark.usefixtures("asked")
def test_missing_paths_and_empty_folders_are_reported_and_the_others_go_on(
    files: Files, tmp_path: Path, capsys: Capture
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").touch()
    assert main.main(["examine", "--json", str(tmp_path / "no*.mp4"), str(empty), *files("a.mp4")]) == 1
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [found.get("error", {}).get("code") for found in objects] == ["not_found", "no_media", None]


def test_folders_give_their_media_files_sorted_and_at_any_depth(files: Files, tmp_path: Path) -> None:
    files("in/b.MP4", "in/a.jpg", "in/deep/c.webm", "in/notes.txt", "in/.hidden.mp4", "in/sound.wav")
    found = [str(path) for path in _inputs.expand([str(tmp_path / "in")])]
    assert found == [str(tmp_path / "in" / name) for name in ("a.jpg", "b.MP4", "deep/c.webm")]


def test_patterns_give_their_files_sorted(files: Files, tmp_path: Path) -> None:
    files("b.mp4", "a.mp4", "deep/c.mp4", "d.txt")
    assert [Path(str(p)).name for p in _inputs.expand([str(tmp_path / "*.mp4")])] == ["a.mp4", "b.mp4"]
    everywhere = [Path(str(p)).name for p in _inputs.expand([str(tmp_path / "**" / "*.mp4")])]
    assert everywhere == ["a.mp4", "b.mp4", "c.mp4"]
    assert [Path(str(p)).name for p in _inputs.expand([str(tmp_path / "de*")])] == ["c.mp4"]


def test_a_name_with_brackets_is_a_file_first(files: Files) -> None:
    (path,) = files("clip[1].mp4")
    assert list(_inputs.expand([path])) == [Path(path)]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is locked for this user")
def test_a_locked_folder_says_so(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o000)
    (error,) = _inputs.expand([str(locked)])
    assert isinstance(error, MediaError)
    assert error.code == "unreadable"


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("fail_on", "names", "code"),
    [
        ("manipulated", ["manipulated.mp4"], 10),
        ("manipulated", ["inconclusive.mp4"], 0),
        ("inconclusive", ["manipulated.mp4"], 10),
        ("manipulated", ["manipulated.mp4", "broken.mp4"], 10),
        ("manipulated", ["broken.mp4"], 1),
        ("not_assessable", ["not_assessable.mp4"], 10),
        ("not_assessable", ["manipulated.mp4"], 0),
        ("no_evidence", ["not_assessable.mp4"], 0),
    ],
)
def test_fail_on_exits_with_10_when_the_band_is_reached(
    files: Files, fail_on: str, names: list[str], code: int
) -> None:
    assert main.main(["examine", "--fail-on", fail_on, *files(*names)]) == code


def test_no_weaker_band_reaches_a_stronger_one() -> None:
    assert [examine.reaches(band, "inconclusive") for band in BANDS] == [True, True, False, False]


def test_prior_and_examiners_are_handed_on(asked: list[dict[str, Any]], files: Files) -> None:
    assert main.main(["examine", "--prior", "0.01", "--with", "finegrained", *files("a.mp4")]) == 0
    assert (asked[0]["prior"], asked[0]["examiners"]) == (0.01, ("finegrained",))
    main.main(["examine", *files("a.mp4")])
    assert (asked[1]["examiners"], asked[1]["profile"]) == (None, "full")


@pytest.mark.parametrize(
    ("arguments", "examiners"),
    [
        (["--without", "pulse"], ("container", "finegrained", "seam")),
        (["--without", " seam,pulse "], ("container", "finegrained")),
        (["--with", "seam,pulse", "--without", "pulse"], ("seam",)),
        (["--with", "seam", "--without", "pulse"], ("seam",)),
        (["--profile", "fast"], None),
        (["--profile", "fast", "--without", "seam"], ("container", "finegrained")),
        (["--profile", "fast", "--with", "pulse"], ("pulse",)),
    ],
)
def test_examiners_may_be_left_out(
    asked: list[dict[str, Any]], files: Files, monkeypatch: pytest.MonkeyPatch, arguments: list[str], examiners: Any
) -> None:
    monkeypatch.setattr(detect, "available", lambda: ("container", "finegrained", "pulse", "seam"))
    monkeypatch.setattr(detect, "FAST", ("finegrained", "seam", "container"))
    assert main.main(["examine", *arguments, *files("a.mp4")]) == 0
    assert asked[0]["examiners"] == examiners
    assert asked[0]["profile"] == ("fast" if "fast" in arguments else "full")


def test_the_help_tells_the_names_of_the_examiners(capsys: Capture) -> None:
    assert main.main(["examine", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in detect.available())
    assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--prior", "0"], "between 0 and 1"),
        (["--prior", "1"], "between 0 and 1"),
        (["--prior", "nan"], "between 0 and 1"),
        (["--prior", "high"], "not a valid float"),
        (["--with", "nonsense"], "available: "),
        (["--with", ""], "available: "),
        (["--without", "nonsense"], "available: "),
        (["--with", "seam", "--without", "seam"], "leaves no examiner"),
        (["--without", "ALL"], "leaves no examiner"),
        (["--profile", "slow"], "'fast', 'full'"),
        (["--lang", "fr"], "'en', 'zh'"),
        (["--fail-on", "fake"], "'manipulated'"),
        (["--unknown"], "No such option"),
    ],
)
def test_wrong_usage_says_what_is_expected_and_exits_with_2(
    asked: list[dict[str, Any]], files: Files, capsys: Capture, arguments: list[str], said: str
) -> None:
    everybody = ",".join(detect.available())
    assert main.main(["examine", *(a.replace("ALL", everybody) for a in arguments), *files("a.mp4")]) == 2
    assert said in capsys.readouterr().err
    assert not asked


def test_no_path_is_wrong_usage(capsys: Capture) -> None:
    assert main.main(["examine"]) == 2
    assert "PATHS" in capsys.readouterr().err


@pytest.mark.usefixtures("asked")
def test_reports_have_unique_names_when_files_share_one(files: Files, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "out"
    assert main.main(["examine", "--report", str(out), *files("a/clip.mp4", "b/clip.mp4", "c/CLIP.jpg")]) == 0
    names = ["CLIP-3", "clip", "clip-2"]
    assert sorted(path.name for path in out.iterdir()) == sorted(f"{n}{s}" for n in names for s in (".html", ".json"))
    assert Report.from_json((out / "clip-2.json").read_text("utf-8")).exhibit.path.endswith("b/clip.mp4")
    assert "-> " in capsys.readouterr().out


@pytest.mark.usefixtures("asked")
def test_a_broken_file_gets_its_report_too(files: Files, tmp_path: Path) -> None:
    assert main.main(["examine", "--json", "--report", str(tmp_path / "out"), *files("broken.mp4")]) == 1
    assert json.loads((tmp_path / "out" / "broken.json").read_text("utf-8"))["error"]["code"] == "unreadable"
    assert (tmp_path / "out" / "broken.html").stat().st_size > 0


@pytest.mark.usefixtures("asked")
def test_a_very_long_name_still_gets_a_report(files: Files, tmp_path: Path) -> None:
    (path,) = files("长" * 80 + ".mp4")
    assert main.main(["examine", "--report", str(tmp_path / "out"), path]) == 0
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    asked: list[dict[str, Any]], files: Files, capsys: Capture
) -> None:
    video, blocked = files("a.mp4", "blocked")
    assert main.main(["examine", "--report", blocked, video]) == 1
    assert "cannot write reports to" in capsys.readouterr().err
    assert not asked


@pytest.mark.usefixtures("asked")
def test_a_full_disk_keeps_the_old_report_and_the_other_results(
    files: Files, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, out = files("a.mp4", "b.mp4"), tmp_path / "out"
    assert main.main(["examine", "--report", str(out), paths[0]]) == 0
    before = (out / "a.json").read_bytes()
    whole = write.atomic_write

    def full(path: Path, content: bytes) -> None:
        if path.name.startswith("a."):
            raise OutputError(f"cannot write {path}: No space left on device")
        whole(path, content)

    monkeypatch.setattr(write, "atomic_write", full)
    capsys.readouterr()
    assert main.main(["examine", "--json", "--report", str(out), *paths]) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 2
    assert "No space left" in said.err
    assert (out / "a.json").read_bytes() == before
    assert (out / "b.json").is_file()


def test_ctrl_c_keeps_what_is_finished_and_says_how_much(
    asked: list[dict[str, Any]], files: Files, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out"
    assert main.main(["examine", "--json", "--report", str(out), *files("a.mp4", "stop.mp4", "c.mp4")]) == 130
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1
    assert "1 of 3 files are done" in said.err
    assert (out / "a.json").is_file()
    assert len(asked) == 2


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_human_output_fits_80_columns(files: Files, capsys: Capture, language: str) -> None:
    paths = files(*(f"{'very_' * 20}{band}.mp4" for band in BANDS), f"{'很长' * 30}broken.mp4")
    main.main(["examine", "--lang", language, *paths])
    lines = capsys.readouterr().out.splitlines()
    assert all(cell_len(line) <= 80 for line in lines)
    assert all(f"{band}.mp4" in "".join(lines) for band in BANDS)


@pytest.mark.usefixtures("asked")
def test_human_output_says_verdict_probability_prior_and_reason(files: Files, capsys: Capture) -> None:
    main.main(["examine", "--prior", "0.1", *files("manipulated.mp4")])
    out = capsys.readouterr().out
    assert "Strong evidence of manipulation" in out
    assert f"probability {100 * posterior(3.0, 0.1):.0f}%" in out
    assert "at a prior of 10%" in out
    assert re.search(r"fine traces +for \+3\.0 ", out)
    assert "blending seam along the jaw" in out


@pytest.mark.usefixtures("asked")
def test_an_abstention_is_said_with_its_reason_in_the_language_asked_for(files: Files, capsys: Capture) -> None:
    paths = files("not_assessable.mp4")
    assert main.main(["examine", *paths]) == 0
    english = capsys.readouterr().out
    main.main(["examine", "--lang", "zh", *paths])
    chinese = capsys.readouterr().out
    assert "Could not judge: fine traces (no face was found)." in english
    assert "无法判断：细微痕迹（未发现人脸）。" in chinese


def answered(*evidence: Evidence, language: str = "en") -> list[str]:
    """The lines of a film of which this was said."""
    facts = ExhibitFacts("a.mp4", media="video")
    return list(_text.lines(Report(facts, RUN, weigh(evidence), evidence), language))


def spoken(name: str, llr: float, note: str = "Seen.", **facts: float) -> Evidence:
    return Evidence("manipulated", f"{name}-1", llr, note, facts=facts)


SILENT = [abstention("manipulated", f"{name}-1", "The clip is short.") for name in ("pulse", "temporal")]
ORIGIN = abstention("manipulated", "container-1", "Seen.")


def test_each_examiner_that_spoke_has_a_line_and_the_others_share_one() -> None:
    context = spoken("scene", 0.0, max_abs_llr=0.0)
    lines = answered(*SILENT, context, spoken("seam", -2.0), spoken("finegrained", 3.0), spoken("odd", 0.1))
    assert [line.removesuffix("Seen.").strip() for line in lines[-5:-1]] == [
        "fine traces     for +3.0", "blended parts   against −2.0", "odd-1           neither +0.1",
        "surroundings    for context",
    ]  # fmt: skip
    assert lines[-1] == "  Could not judge: pulse, movement"


def test_context_that_abstains_has_its_line() -> None:
    assert [line.split() for line in answered(ORIGIN, spoken("seam", -2.0))[-1:]] == [
        ["the", "file", "for", "context", "Seen."]
    ]


def test_a_line_of_every_examiner_fits_80_columns() -> None:
    note = "Traces of forgery in face 1 over 14 looks, 人脸 1 有伪造痕迹。 " * 3
    everybody = [spoken(name, -3.4, note) for name in LANES]
    for language in ("en", "zh"):
        lines = answered(*everybody, language=language)
        assert all(cell_len(line) <= 80 for line in lines)
        assert all(getattr(lane.name, language) in "".join(lines) for lane in LANES.values())


@pytest.mark.parametrize("width", [5, 20, 80])
@pytest.mark.parametrize("text", ["short", "a" * 200, "长" * 100, "mixed 长 name " * 20, "tab\tand\x1b[31m"])
def test_middle_keeps_both_ends_within_the_width(text: str, width: int) -> None:
    cut = _text.middle(text, width)
    assert cell_len(cut) <= width
    assert cut[0] == text[0]
    assert "\x1b" not in cut


class Terminal(io.StringIO):
    """A screen that keeps what was drawn."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("asked")
def test_progress_is_shown_on_a_terminal_and_never_among_the_data(
    files: Files, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main.main(["examine", "--json", *files("a.mp4", "b.mp4")]) == 0
    assert "b.mp4: " in terminal.getvalue()
    assert all(json.loads(line) for line in capsys.readouterr().out.splitlines())


@pytest.mark.usefixtures("asked")
def test_no_progress_where_stderr_is_no_terminal(files: Files, capsys: Capture) -> None:
    main.main(["examine", *files("a.mp4")])
    assert capsys.readouterr().err == ""


def test_a_reader_that_leaves_ends_the_run_quietly(
    asked: list[dict[str, Any]], files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    def closed(text: str) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("unforge.cli._meter.click.echo", closed)
    assert main.main(["examine", "--json", *files("a.mp4")]) == 1
    assert len(asked) == 1
