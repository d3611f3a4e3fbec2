"""Records, tables, and the protocol `clips` with a stand-in for the examination."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unforge import examination
from unforge.bench import protocols, record, table
from unforge.bench.protocols import clips
from unforge.bench.record import Record, Value
from unforge.cli import main
from unforge.errors import SchemaError, UnknownName, UsageError
from unforge.report import ErrorFacts, ExhibitFacts, Face, FaceFrame, Model, Report, Run
from unforge.verdict import Verdict, posterior

HEAD = "path,label,kind,dataset,method,identity,split,licence,source_sha256"
LINES = (
    *(f"clips/ffpp/original/r{n}.mp4,real,video,ffpp_c23,,,val,x,0" for n in range(4)),
    *(f"clips/ffpp/deepfakes/f{n}.mp4,fake,video,ffpp_c23,Deepfakes,,val,x,0" for n in range(4)),
    *(f"clips/ffpp/faceswap/f{n}.mp4,fake,video,ffpp_c23,FaceSwap,,val,x,0" for n in range(2)),
    "clips/animated/fake/a.mp4,fake,video,fomm,First Order Motion Model,,val,x,0",
    "elsewhere/b.mp4,real,video,own,,,val,x,0",
    "clips/ffpp/original/t.mp4,real,video,ffpp_c23,,,train,x,0",
    "faces/c.jpg,real,image,own,,,val,x,0",
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "manifest.csv").write_text("\n".join([HEAD, *LINES]) + "\n")
    return tmp_path


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Deepfakes are seen, FaceSwap is not; one real clip cannot be judged and one cannot be read."""
    seen: list[Path] = []
    monkeypatch.setattr(clips, "ROUNDS", 50)

    def examine(path: Path, *, examiners: Any = None, prior: float = 0.5) -> Report:
        seen.append(path)
        run = Run("0.1.0", (Model("seam", "ab" * 32),), "2026-01-01T00:00:00+00:00", 1.0)
        if path.name == "r3.mp4":
            return Report(ExhibitFacts(str(path)), run, error=ErrorFacts("unreadable", "it ends too early"))
        if path.name == "r2.mp4":
            return Report(
                ExhibitFacts(str(path)),
                run,
                Verdict("manipulated", "not_assessable", None, None, None, prior),
            )
        llr = 3.0 if "deepfakes" in str(path) else -1.0
        band = "manipulated" if llr > 2 else "inconclusive"
        frames = tuple(FaceFrame(t, (0, 0, 9, 9), None if t == 0 else llr + 0.1 * t) for t in range(4))
        verdict = Verdict("manipulated", band, posterior(llr, prior), (0.0, 1.0), llr, prior)  # type: ignore[arg-type]
        return Report(ExhibitFacts(str(path)), run, verdict, faces=(Face(0, 0, 3, 0.5, llr, frames),))

    monkeypatch.setattr(examination, "examine", examine)
    return seen


def test_clips_of_the_split_alone_are_examined_and_the_figures_are_right(data: Path, examined: list[Path]) -> None:
    told: list[tuple[str, float]] = []
    found = clips.run(None, data, "val", lambda *stage: told.append(stage))
    assert [path.relative_to(data).as_posix() for path in examined] == [line.split(",")[0] for line in LINES[:12]]
    assert list(found.rows) == ["Deepfakes", "FaceSwap", "all methods", "animated", "other"]
    deepfakes, face_swap = found.rows["Deepfakes"], found.rows["FaceSwap"]
    assert (deepfakes["video_auc"].value, deepfakes["frame_auc"].value) == (1.0, 1.0)
    assert face_swap["video_auc"].value == 0.25  # two of four reals tie, the two without a judgement stand higher
    assert (deepfakes["tpr"].value, deepfakes["fpr"].value, face_swap["tpr"].value) == (1.0, 0.0, 0.0)
    assert found.rows["all methods"]["tpr"].value == pytest.approx(4 / 6, abs=1e-4)
    assert deepfakes["abstained_real"].value == 0.5
    assert deepfakes["failed"].value == 1.0
    assert deepfakes["video_auc"].n == 8
    assert found.weights == {"seam": "ab" * 32}
    assert told[0] == (LINES[0].split(",")[0], 0.0)


@pytest.mark.usefixtures("examined")
def test_a_row_of_one_class_has_no_value_instead_of_zero(data: Path) -> None:
    animated = clips.run(None, data).rows["animated"]
    assert animated["video_auc"] == Value(None, None, None, 1)
    assert animated["fpr"].value is None
    assert animated["tpr"].value == 0.0


@pytest.mark.usefixtures("examined")
def test_the_same_run_gives_the_same_record_but_for_the_clock(data: Path) -> None:
    first, second = clips.run(["seam"], data), clips.run(["seam"], data)
    assert first.name == "clips-val-seam"
    for one, two in zip(first.rows.values(), second.rows.values(), strict=True):
        assert {k: v for k, v in one.items() if k != "seconds_per_clip"} == {
            k: v for k, v in two.items() if k != "seconds_per_clip"
        }


@pytest.mark.usefixtures("examined")
def test_intervals_enclose_their_values(data: Path) -> None:
    for row in clips.run(None, data).rows.values():
        for value in row.values():
            if value.value is not None and value.low is not None and value.high is not None:
                assert value.low <= value.value <= value.high


def test_a_folder_without_clips_says_what_was_expected(tmp_path: Path, data: Path) -> None:
    with pytest.raises(UsageError, match="train, val"):
        clips.run(None, data, "test")
    (data / "manifest.csv").write_text(HEAD + "\n")
    with pytest.raises(UsageError, match="no videos"):
        clips.run(None, data)
    (data / "manifest.csv").write_text("path,label\n")
    with pytest.raises(UsageError, match="missing: dataset, kind"):
        clips.run(None, data)
    with pytest.raises(UsageError, match=r"manifest\.csv"):
        clips.run(None, tmp_path / "nowhere")


def test_every_protocol_can_be_run() -> None:
    assert "clips" in protocols.available()
    assert all(callable(protocols.load(name).run) for name in protocols.available())
    with pytest.raises(UnknownName, match="available: clips"):
        protocols.load("nonsense")


numbers = st.none() | st.floats(-1e6, 1e6)
values = st.builds(Value, numbers, numbers, numbers, st.integers(0, 1000))
words = st.text(max_size=12)
records = st.builds(
    Record,
    name=words,
    protocol=words,
    split=st.sampled_from(["train", "val"]),
    rows=st.dictionaries(words, st.dictionaries(words, values, max_size=3), max_size=3),
    manifest_sha256=words,
    weights=st.dictionaries(words, words, max_size=2),
    version=words,
    date=words,
    host=words,
    seed=st.integers(0, 9),
    settings=st.dictionaries(words, words | st.integers() | st.floats(allow_nan=False, allow_infinity=False)),
)


@given(records)
def test_a_record_survives_the_way_to_json_and_back(made: Record) -> None:
    assert Record.from_json(made.to_json()) == made


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "other/1"}', '{"schema": "unforge.record/1"}'])
def test_other_json_is_no_record(text: str) -> None:
    with pytest.raises(SchemaError, match=r"unforge\.record/1"):
        Record.from_json(text)


def test_a_figure_that_is_nan_is_kept_as_no_value() -> None:
    assert record.measured(math.nan, (math.nan, math.nan), 3) == Value(None, None, None, 3)


def test_the_host_is_told_without_its_name() -> None:
    import platform

    assert "CPU core" in record.host()
    assert platform.node() == "" or platform.node() not in record.host()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A document with a table, and its record."""
    made = Record(
        name="clips-val",
        protocol="clips",
        split="val",
        rows={"FaceSwap": {"video_auc": Value(0.8312, 0.7, 0.9321, 24), "tpr": Value(None, None, None, 24)}},
        manifest_sha256="cd" * 32,
        weights={"seam": "ab" * 32},
        version="0.1.0",
        date="2026-01-01",
        host="2 CPU cores",
        seed=0,
        settings={},
    )
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "clips-val.json").write_text(made.to_json())
    (tmp_path / "README.md").write_text("before\n<!-- results:clips-val -->\nold\n<!-- /results -->\nafter\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tables_are_rendered_between_their_marks_and_only_there(project: Path) -> None:
    assert main.main(["bench", "--tables", "--check"]) == 1
    assert "old" in (project / "README.md").read_text()
    assert main.main(["bench", "--tables"]) == 0
    text = (project / "README.md").read_text()
    assert text.startswith("before\n<!-- results:clips-val -->\n| val | n | video auc | tpr |\n")
    assert text.endswith("<!-- /results -->\nafter\n")
    assert "| FaceSwap | 24 | 0.831 [0.7, 0.932] | - |" in text
    assert "old" not in text
    assert table.main(["--check"]) == 0


def test_a_mark_may_choose_its_figures(project: Path) -> None:
    records = record.read_all(project / "results")
    text = table.update("<!-- results:clips-val tpr -->\n<!-- /results -->", records)
    assert "| val | n | tpr |" in text
    assert "video auc" not in text


def test_a_mark_without_its_record_lists_the_choices(project: Path) -> None:
    (project / "README.md").write_text("<!-- results:nothing -->\n<!-- /results -->\n")
    assert main.main(["bench", "--tables"]) == 2
    with pytest.raises(UnknownName, match="available: clips-val"):
        table.main([])


def test_a_broken_record_is_named(project: Path) -> None:
    (project / "results" / "bad.json").write_text("{")
    with pytest.raises(SchemaError, match=r"bad\.json"):
        table.main([])


def test_an_unknown_option_is_wrong_usage() -> None:
    assert table.main(["--wrong"]) == 2


@pytest.mark.usefixtures("examined")
def test_bench_writes_the_record_and_prints_the_table(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["bench", "clips", "--data", str(data), "--with", "seam", "--out", str(data / "results")]) == 0
    kept = json.loads((data / "results" / "clips-val-seam.json").read_text("utf-8"))
    assert kept["schema"] == "unforge.record/1"
    assert "| Deepfakes | 8 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [[], ["clips"], ["--check"], ["clips", "--tables"], ["clips", "--data", "no such folder"]]
)
def test_bench_without_what_it_needs_is_wrong_usage(arguments: list[str]) -> None:
    assert main.main(["bench", *arguments]) == 2


def test_frames_of_a_clip_move_together_in_the_interval() -> None:
    frames = np.linspace(-1.0, 1.0, 50)
    outcomes = [
        clips.Outcome(clips.Clip(f"{n}", fake, "ffpp_c23", "m"), 0.0, frames, False, False, False, 1.0)
        for n, fake in enumerate([False, True])
    ]
    value = clips.figures(outcomes)["frame_auc"]
    assert (value.low, value.value, value.high) == (0.5, 0.5, 0.5)
