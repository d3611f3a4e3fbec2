"""Records, tables, and the protocol `clips` with a stand-in for the examination."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unforge.bench import figures, judge, protocols, record, table
from unforge.bench.judge import Contestant, Judgement
from unforge.bench.material import Item
from unforge.bench.protocols import clips
from unforge.bench.record import Record, Value
from unforge.cli import main
from unforge.errors import SchemaError, UnknownName, UsageError
from unforge.exhibit import Exhibit

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
    """Deepfakes are seen, FaceSwap is not; one real clip cannot be judged, one cannot be read. The peer sees less."""
    seen: list[Path] = []
    monkeypatch.setattr(figures, "ROUNDS", 50)

    def contestants(examiners: Any, peers: Any = ()) -> tuple[Contestant, ...]:
        return tuple(Contestant(name, (), {name: "ab" * 32}) for name in (judge.OWN, *peers))

    def judged(exhibit: Exhibit, all_contestants: Any, central_face: bool = False) -> list[Judgement]:
        seen.append(exhibit.path)
        return [said(exhibit.path, weaker=n > 0) for n in range(len(all_contestants))]

    monkeypatch.setattr(judge, "contestants", contestants)
    monkeypatch.setattr(judge, "judge", judged)
    return seen


def said(path: Path, weaker: bool) -> Judgement:
    if path.name in ("r2.mp4", "r3.mp4"):
        return Judgement(0.0, np.empty(0), False, True, path.name == "r3.mp4", 1.0)
    llr = 3.0 if "deepfakes" in str(path) else -1.0
    llr = -llr if weaker and path.name == "f0.mp4" else llr
    return Judgement(llr, np.array([llr + 0.1 * t for t in (1, 2, 3)]), llr > 2, False, False, 1.0)


def test_clips_of_the_split_alone_are_examined_and_the_figures_are_right(data: Path, examined: list[Path]) -> None:
    told: list[tuple[str, float]] = []
    found = clips.run(None, data, "val", lambda *stage: told.append(stage))
    assert [path.relative_to(data).as_posix() for path in examined] == [line.split(",")[0] for line in LINES[:12]]
    methods = [row for row in found.rows if not row.startswith("stated ")]
    assert methods == ["Deepfakes", "FaceSwap", "all methods", "animated", "other"]
    assert (
        sum(row["stated"].n for name, row in found.rows.items() if name not in methods) == 8
    )  # of 10, without two unjudged
    deepfakes, face_swap = found.rows["Deepfakes"], found.rows["FaceSwap"]
    assert (deepfakes["video_auc"].value, deepfakes["frame_auc"].value) == (1.0, 1.0)
    assert face_swap["video_auc"].value == 0.25  # two of four reals tie, the two without a judgement stand higher
    assert (deepfakes["tpr"].value, deepfakes["fpr"].value, face_swap["tpr"].value) == (1.0, 0.0, 0.0)
    assert found.rows["all methods"]["tpr"].value == pytest.approx(4 / 6, abs=1e-4)
    assert deepfakes["abstained_real"].value == 0.5
    assert deepfakes["failed"].value == 1.0
    assert deepfakes["video_auc"].n == 8
    assert found.weights == {judge.OWN: "ab" * 32}
    assert told[0] == (LINES[0].split(",")[0], 0.0)


@pytest.mark.usefixtures("examined")
def test_a_row_of_one_class_has_no_value_instead_of_zero(data: Path) -> None:
    other = clips.run(None, data).rows["other"]
    assert other["video_auc"] == Value(None, None, None, 1)
    assert other["tpr"].value is None
    assert other["fpr"].value == 0.0


@pytest.mark.usefixtures("examined")
def test_animated_faces_are_ranked_against_the_untouched_clips(data: Path) -> None:
    animated = clips.run(None, data).rows["animated"]
    assert animated["video_auc"].n == 5
    assert animated["video_auc"].value == 0.25
    assert animated["tpr"].value == 0.0


@pytest.mark.usefixtures("examined")
def test_the_same_run_gives_the_same_record_but_for_the_clock(data: Path) -> None:
    first, second = clips.run(["finegrained"], data), clips.run(["finegrained"], data)
    assert first.name == "clips-val-finegrained"
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


@pytest.mark.usefixtures("examined")
def test_a_share_of_none_has_a_wilson_interval_and_the_table_says_which_is_which(data: Path) -> None:
    """Resampling 0 of 4 gives [0, 0], as if four clips were proof."""
    found = clips.run(None, data)
    fpr = found.rows["Deepfakes"]["fpr"]
    assert (fpr.value, fpr.low, fpr.n) == (0.0, 0.0, 4)
    assert fpr.high == pytest.approx(0.4899, abs=1e-4)  # Wilson's bound for 0 of 4
    assert {found.rows["FaceSwap"][name].n for name in ("tpr", "abstained_fake")} == {2}
    footer = table.render(found).strip().splitlines()[-1]
    assert "Wilson score for rates (tpr, fpr, abstained), bootstrap for the rest" in footer


@pytest.mark.usefixtures("examined")
def test_a_peer_is_compared_on_the_same_clips_with_a_paired_interval(data: Path) -> None:
    rows = clips.run(None, data, peers=["weaker"]).rows
    assert [row for row in rows if row.startswith("weaker: ")] == [
        f"weaker: {row}" for row in rows if not row.startswith(("weaker: ", "stated "))
    ]
    ours, theirs = rows["Deepfakes"], rows["weaker: Deepfakes"]
    lead = theirs["auc_lead"]
    assert ours["video_auc"].value is not None
    assert theirs["video_auc"].value is not None
    assert lead.value == pytest.approx(ours["video_auc"].value - theirs["video_auc"].value)
    assert lead.low is not None
    assert lead.low >= 0.0  # ours is never worse on any resample: only a paired interval knows
    assert "auc_lead" not in ours


def test_every_protocol_can_be_run() -> None:
    wanted = {
        "ablation",
        "clips",
        "cues",
        "explanation",
        "leave_one_family_out",
        "made",
        "robustness",
        "speed",
        "stills",
    }
    assert wanted <= set(protocols.available())
    assert all(callable(protocols.load(name).run) for name in protocols.available())
    with pytest.raises(UnknownName, match="available: ablation, adversarial, adverts, clips, cloaks, cues, "):
        protocols.load("nonsense")


def test_measuring_needs_no_torch() -> None:
    """The bench is in the wheel, and torch is not: only nets and recipes may import it, or a function when it runs."""
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name.split('.')[0] in ('torch', 'onnx'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from unforge.bench import peers, protocols, reference\n"
        "[protocols.load(name) for name in protocols.available()]\n"
        "from unforge.bench.peers import mesonet4, mesoinception4, xception\n"
        "from unforge.bench import network, places\n"
        "assert places.scrambled(network.packaged('finegrained'), 0) is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


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
        weights={"finegrained": "ab" * 32},
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


def test_a_row_without_any_of_the_chosen_figures_is_left_out(project: Path) -> None:
    text = table.update("<!-- results:clips-val log_loss -->\n<!-- /results -->", record.read_all(project / "results"))
    assert "| val | n | log loss |" in text
    assert "FaceSwap" not in text


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
    assert (
        main.main(["bench", "clips", "--data", str(data), "--with", "finegrained", "--out", str(data / "results")]) == 0
    )
    kept = json.loads((data / "results" / "clips-val-finegrained.json").read_text("utf-8"))
    assert kept["schema"] == "unforge.record/1"
    assert "| Deepfakes | 8 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["clips"],
        ["--check"],
        ["clips", "--tables"],
        ["clips", "--data", "no such folder"],
        ["clips", "--data", ".", "--peers", "nonsense"],
        ["stills", "--data", ".", "--list", __file__],
        ["no-such-protocol", "--data", "."],
    ],
)
def test_bench_without_what_it_needs_is_wrong_usage(arguments: list[str]) -> None:
    assert main.main(["bench", *arguments]) == 2


def test_frames_of_a_clip_move_together_in_the_interval() -> None:
    frames = np.linspace(-1.0, 1.0, 50)
    outcomes = [
        clips.Outcome(Item(f"{n}", fake, "video", "ffpp_c23", "m"), Judgement(0.0, frames, False, False, False, 1.0))
        for n, fake in enumerate([False, True])
    ]
    value = clips.row_figures(outcomes)["frame_auc"]
    assert (value.low, value.value, value.high) == (0.5, 0.5, 0.5)
