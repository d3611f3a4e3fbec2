"""`unforge protect`: files of every kind from the command line, what is refused and how that is told."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rich.cells import cell_len

from tests.faces_samples import portrait, scene
from tests.media_samples import encode
from unforge import protect as core
from unforge.cli import _protect_look, _protect_text, main
from unforge.cli._protect_run import Out
from unforge.media import probe
from unforge.protect import already, targets, ways
from unforge.protect.targets import Target
from unforge.report import MarkLaid, Protection, Run
from unforge.trace import keys, payload, read

Capture = pytest.CaptureFixture[str]
Runner = Callable[..., tuple[int, str, str]]
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "protect.schema.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user of whom nothing is known, and pictures that bear no cloak, whichever network draws them."""
    for variable in ("UNFORGE_KEY_RING", "UNFORGE_REGISTRY"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    monkeypatch.setattr(already, "share", lambda rgb, mesh: 0.0)
    once = cache(probe.probe)  # each look at a file is a process of its own
    monkeypatch.setattr(probe, "probe", once)
    monkeypatch.setattr(core, "probe", once)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys: Capture) -> Runner:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main.main(["protect", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def two_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that every change breaks and one that none does, after two channels."""

    def touchy(rgb: NDArray[np.uint8], mesh: NDArray[np.float32]) -> NDArray[np.float32]:
        return around(mesh) if float(rgb.std()) == seen.setdefault("std", float(rgb.std())) else np.empty((0, 5), "f4")

    seen: dict[str, float] = {}
    found = (
        Target("touchy", "detector", False, None, True, touchy),
        Target("calm", "detector", False, None, False, lambda rgb, mesh: around(mesh)),
    )
    monkeypatch.setattr(targets, "all_targets", lambda folder=None: found)
    monkeypatch.setattr(ways, "CHANNELS", tuple(one for one in ways.CHANNELS if one.name in ("as saved", "JPEG 75")))
    monkeypatch.setattr(ways, "ATTACKERS", ways.ATTACKERS[:2])


def around(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    box = [*mesh.min(axis=0), *mesh.max(axis=0), 1.0]
    return np.asarray([box], np.float32)


def face(path: Path, **settings: Any) -> str:
    Image.fromarray(portrait()[20:220, 120:320]).save(path, **settings)
    return str(path)


def json_lines(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    for one in found:
        jsonschema.validate(one, SCHEMA, cls=jsonschema.Draft202012Validator)
    return found


def failure(run: Runner, *arguments: str) -> tuple[str, str]:
    """Code and message of the one file that cannot be protected; nothing of it is left behind."""
    code, out, _ = run(*arguments, "-o", "out", "--json")
    (found,) = json_lines(out)
    assert code == 1
    assert [path for path in Path("out").rglob("*") if path.is_file()] == []
    return found["error"]["code"], found["error"]["message"]


# What is written


def test_a_picture_is_copied_with_a_change_on_its_face_and_told_in_one_line(run: Runner, tmp_path: Path) -> None:
    path = face(tmp_path / "a.png")
    before = Path(path).read_bytes()
    code, out, err = run(path, "-o", "out")
    change = np.abs(np.asarray(Image.open("out/a.png"), int) - np.asarray(Image.open(path), int))
    assert code == 0
    assert Path(path).read_bytes() == before
    assert 0 < change.max() <= 7
    assert len(out.splitlines()) == 1
    assert "1 face; " in out
    assert "dB on the face" in out
    assert "does not rule it out" in err


def test_one_file_may_be_named_and_fits_the_schema(run: Runner, tmp_path: Path) -> None:
    code, out, err = run(face(tmp_path / "a.jpg"), "-o", "new/b.jpg", "--json", "--profile", "broadcast")
    (found,) = json_lines(out)
    assert code == 0
    assert err == ""
    assert found["written"] == str(Path("new/b.jpg"))
    assert found["profile"] == "broadcast"
    assert Path("new/b.jpg").is_file()


def test_a_film_is_protected(run: Runner, tmp_path: Path) -> None:
    frames = [scene((240, 180), (100 + n, 90, 70)) for n in range(6)]
    path = encode(tmp_path / "a.mp4", frames)
    code, out, _ = run(str(path), "-o", "out", "--lang", "zh", "--json")
    (found,) = json_lines(out)
    assert code == 0
    assert (found["media"], found["profile"], found["faces"]) == ("video", "video", 1)


def test_two_files_of_one_name_are_both_kept(tmp_path: Path) -> None:
    out = Out(str(tmp_path / "out"), one_file=False)
    named = [out.target(Path(name)).name for name in ("x/a.png", "y/a.png", "y/A.png")]
    assert named == ["a.png", "a-2.png", "A-3.png"]


@pytest.mark.parametrize(("typed", "is_file"), [("new/b.png", True), ("b.d/", False), ("there.d", False), ("b", False)])
def test_where_one_file_is_given_a_name_with_a_suffix_is_a_file(typed: str, is_file: bool) -> None:
    Path("there.d").mkdir()
    assert (Out(typed, one_file=True).target(Path("a.png")) == Path(typed)) is is_file
    assert Out("c.png", one_file=False).target(Path("a.png")) == Path("c.png/a.png")


def test_alpha_goes_along(run: Runner, tmp_path: Path) -> None:
    alpha = np.arange(200 * 200, dtype=np.uint32).reshape(200, 200).astype(np.uint8)
    rgba = np.dstack([portrait()[20:220, 120:320], alpha])
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert run(str(tmp_path / "a.png"), "-o", "out")[0] == 0
    assert np.array_equal(np.asarray(Image.open("out/a.png"))[..., 3], alpha)


def test_a_coarse_jpeg_is_protected_with_a_warning(run: Runner, tmp_path: Path) -> None:
    (found,) = json_lines(run(face(tmp_path / "a.jpg", quality=30), "-o", "out", "--json")[1])
    assert "JPEG quality 30: protection was not measured there" in found["warnings"]["en"][0]
    assert "未经测量" in found["warnings"]["zh"][0]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("2 faces; 40.0 dB", "marked: machine 3", "warning: coarse", "1 face under 48 px", "1,2 - 3,4")),
        ("zh", ("2 张人脸；人脸 40.0 dB", "已加水印：机器 3", "警告：粗", "1 张人脸小于 48 像素", "1,2 - 3,4")),
    ],
)  # fmt: skip
def test_everything_to_know_of_a_copy_is_told_in_both_languages(language: str, words: tuple[str, ...]) -> None:
    told = Protection(
        "a.jpg", Run("0.1.0", (), "", 0.0), written="b.jpg", faces=2, too_small=((1, 2, 3, 4),), kept=0.8,
        psnr_face_db=40.0, psnr_frame_db=45.0, mark=MarkLaid(3, None, "2026-03-01T08:30:00Z", "1a2b3c4d", 0.9),
        warnings={"en": ("coarse",), "zh": ("粗",)},
    )  # fmt: skip
    said = "\n".join(_protect_text.lines(told, language))
    assert all(word in said for word in words)


# Bad input


def test_without_a_face_nothing_is_done_unless_the_whole_frame_is_asked_for(run: Runner, tmp_path: Path) -> None:
    Image.fromarray(scene((96, 80))).save(tmp_path / "a.png")
    code, message = failure(run, str(tmp_path / "a.png"))
    assert code == "not_applicable"
    assert "no face" in message
    assert run(str(tmp_path / "a.png"), "-o", "out", "--whole-frame")[0] == 0
    assert Path("out/a.png").is_file()


def test_tiny_faces_are_counted_in_the_refusal(run: Runner, tmp_path: Path) -> None:
    Image.fromarray(scene((320, 240), (160, 120, 38))).save(tmp_path / "a.png")
    code, message = failure(run, str(tmp_path / "a.png"))
    assert code == "not_applicable"
    assert "smaller" in message


def test_tiny_faces_beside_a_large_one_are_listed(run: Runner, tmp_path: Path) -> None:
    Image.fromarray(scene((480, 240), (120, 120, 100), (380, 120, 38))).save(tmp_path / "a.png")
    (found,) = json_lines(run(str(tmp_path / "a.png"), "-o", "out", "--json")[1])
    (box,) = found["too_small"]
    assert found["faces"] == 1
    assert 340 < box[0] < box[2] < 420


def test_of_more_than_thirty_faces_the_rest_is_listed(run: Runner, tmp_path: Path) -> None:
    crowd = [(70 + 120 * (n % 8), 80 + 130 * (n // 8), 62) for n in range(32)]
    Image.fromarray(scene((990, 600), *crowd)).save(tmp_path / "a.png", compress_level=1)
    (found,) = json_lines(run(str(tmp_path / "a.png"), "-o", "out", "--json")[1])
    assert found["faces"] == 30
    assert 1 <= len(found["too_many"]) <= 2  # one may be overlooked


def test_a_drawing_without_a_face_is_refused(run: Runner, tmp_path: Path) -> None:
    drawing = np.full((160, 160, 3), 255, np.uint8)
    cv2.rectangle(drawing, (40, 70), (120, 140), (0, 0, 0), 2)
    cv2.line(drawing, (40, 70), (80, 30), (0, 0, 0), 2)
    cv2.line(drawing, (80, 30), (120, 70), (0, 0, 0), 2)
    Image.fromarray(drawing).save(tmp_path / "a.png")
    assert failure(run, str(tmp_path / "a.png"))[0] == "not_applicable"


@pytest.mark.parametrize(
    ("kind", "suffix", "code"),
    [
        ("GIF", ".gif", "not_media"),
        ("WEBP", ".webp", "output"),
        ("PNG", ".png", "output"),
    ],
)
def test_animated_pictures_are_refused(kind: str, suffix: str, code: str, run: Runner, tmp_path: Path) -> None:
    first, *others = [Image.fromarray(portrait()[20:220, 120 + n : 320 + n]) for n in range(3)]
    path = tmp_path / f"a{suffix}"
    first.save(path, kind, save_all=True, append_images=others, duration=100)
    assert failure(run, str(path))[0] == code


def test_a_film_of_10_bits_is_refused_with_what_to_do(run: Runner, tmp_path: Path) -> None:
    frames = [scene((160, 120), (80, 60, 60))] * 3
    path = encode(tmp_path / "a.mp4", frames, pixel_format="yuv420p10le")
    code, message = failure(run, str(path))
    assert code == "output"
    assert "no HDR" in message


def test_a_picture_of_16_bits_is_refused_with_what_to_do(run: Runner, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), portrait()[20:220, 120:320].astype(np.uint16) * 257)
    code, message = failure(run, str(tmp_path / "a.png"))
    assert code == "output"
    assert "copy of 8 bits" in message


def test_a_second_cloak_is_refused_unless_forced(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(already, "share", lambda rgb, mesh: 0.9)
    path = face(tmp_path / "a.png")
    code, message = failure(run, path)
    assert code == "not_applicable"
    assert "a cloak was found" in message
    assert run(path, "-o", "out", "--force")[0] == 0


def test_a_folder_that_cannot_be_made_is_told_before_any_work(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    code, out, err = run(face(tmp_path / "a.png"), "-o", "taken/out")
    assert code == 1
    assert out == ""
    assert "choose another" in err


def test_a_copy_that_cannot_be_written_is_reported_and_the_rest_goes_on(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    code, out, _ = run(face(tmp_path / "a.png"), face(tmp_path / "b.png"), "-o", "out", "--json")
    first, second = json_lines(out)
    assert code == 1
    assert first["error"]["code"] == "output"
    assert second["written"] == str(Path("out/b.png"))


def test_a_copy_never_takes_the_place_of_its_original(run: Runner, tmp_path: Path) -> None:
    path = face(tmp_path / "a.png")
    before = Path(path).read_bytes()
    assert run(path, "-o", path)[0] == 2
    code, out, _ = run(path, "-o", str(tmp_path), "--lang", "zh")
    assert code == 1
    assert "未保护（usage）" in out
    assert "choose another folder" in out
    assert Path(path).read_bytes() == before


def test_another_suffix_is_wrong_usage(run: Runner, tmp_path: Path) -> None:
    code, _, err = run(face(tmp_path / "a.png"), "-o", "b.jpg")
    assert code == 2
    assert "ends in .png" in err


def test_of_a_folder_with_other_things_every_picture_is_told_of(run: Runner, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    face(folder / "a.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    Image.new("RGB", (8, 8)).save(folder / "c.gif")
    (folder / "notes.txt").write_text("no picture")
    code, out, _ = run(str(folder), "-o", "out", "--json")
    told = {Path(one["path"]).name: one.get("error", {}).get("code") for one in json_lines(out)}
    assert code == 1
    assert told == {"a.png": None, "broken.jpg": told["broken.jpg"], "c.gif": told["c.gif"]}
    assert told["broken.jpg"] in ("unreadable", "not_media")
    assert told["c.gif"] in ("not_media", "not_applicable")


def test_an_interrupted_run_says_what_is_done(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    path = face(tmp_path / "a.png")
    monkeypatch.setattr(core, "protect", stop)
    code, out, err = run(path, "-o", "out")
    assert code == 130
    assert out == ""
    assert "0 of 1 files are done" in err


# Usage


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("-o", "out", "--strength", "3"),
        ("-o", "out", "--strength", "0.25", "--profile", "broadcast"),
        ("-o", "out", "--profile", "loud"),
        ("-o", "out", "--mark"),
        ("-o", "out", "--machine", "3"),
        ("-o", "out", "--mark", "--machine", "3", "--mark-strength", "99"),
        ("-o", "out", "--against", "."),
        ("-o", "out", "--against", ".", "--optimise"),
        ("--judge",),
        ("b.png", "--judge", "-o", "out"),
        ("b.png", "--judge", "--report", "rep"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_wrong_usage(words: tuple[str, ...], run: Runner, tmp_path: Path) -> None:
    if "--optimise" in words:
        pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")
    code, out, err = run(face(tmp_path / "a.png"), *words)
    assert code == 2
    assert out == ""
    assert err


def test_optimising_says_what_it_needs(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, err = run(face(tmp_path / "a.png"), "-o", "out", "--optimise")
    assert code == 1
    assert "unforge[train]" in err


def test_what_is_asked_for_reaches_the_core(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def protect(source: Path, target: Path, **wishes: Any) -> core.Protected:
        asked.update(wishes)
        return core.Protected(target, 1, 1.0, 40.0, float("inf"))

    known = Target("known", "detector", False, tmp_path / "n.onnx", True, lambda rgb, mesh: around(mesh))
    held_out = Target("held-out", "detector", False, tmp_path / "n.onnx", False, known.respond)
    monkeypatch.setattr(targets, "all_targets", lambda folder=None: (known, held_out))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr(core, "protect", protect)
    words = ("--optimise", "--strength", "1.5", "--force", "--whole-frame")
    (found,) = json_lines(run(face(tmp_path / "a.png"), "-o", "out", "--json", *words)[1])
    assert asked["optimise_against"] == (known,)
    assert (asked["strength"], asked["force"], asked["whole_frame"]) == (1.5, True, True)
    assert found["optimised_against"] == ["known"]
    assert found["psnr_frame_db"] is None


# With a mark


def test_a_marked_copy_can_be_read(run: Runner, tmp_path: Path) -> None:
    main.main(["trace", "key", "new"])
    Image.fromarray(portrait()[:400, 56:456]).save(tmp_path / "a.png")
    code, out, err = run(str(tmp_path / "a.png"), "-o", "out", "--mark", "--machine", "17", "--place", "4")
    ring = keys.load(tmp_path / "home" / "unforge" / "keyring.json")
    said = read.read(tmp_path / "out" / "a.png", ring)[0].payload
    assert code == 0
    assert "marked: machine 17, place 4" in out
    assert "--mark" not in err
    assert isinstance(said, payload.MachinePayload)
    assert (said.machine, said.place) == (17, 4)


def test_a_mark_that_finds_no_room_or_no_ring_leaves_no_copy(run: Runner, tmp_path: Path, capsys: Capture) -> None:
    path = face(tmp_path / "a.png")
    cv2.imwrite(path, cv2.resize(cv2.imread(path), (160, 160)))
    code, _, err = run(path, "-o", "out", "--mark", "--machine", "17")
    assert code == 1
    assert "unforge trace key new" in err
    main.main(["trace", "key", "new"])
    capsys.readouterr()
    told, message = failure(run, path, "--mark", "--machine", "17")
    assert told == "output"
    assert "too small for a whole mark" in message


def test_a_copy_that_lost_its_mark_is_not_left_behind(run: Runner, tmp_path: Path, capsys: Capture) -> None:
    main.main(["trace", "key", "new"])
    capsys.readouterr()
    code, message = failure(
        run, face(tmp_path / "a.jpg", quality=60), "--mark", "--machine", "1", "--mark-strength", "4"
    )
    assert code == "output"
    assert "does not carry the mark" in message
    assert "--mark-strength" in message


# Judging


@pytest.mark.usefixtures("two_programs")
def test_a_report_is_written_with_a_short_trial(run: Runner, tmp_path: Path) -> None:
    code, out, _ = run(face(tmp_path / "a.png"), "-o", "out", "--report", "rep", "--json")
    (found,) = json_lines(out)
    outcomes = {trial["target"]: trial["outcome"] for trial in found["judged"]["trials"]}
    assert code == 0
    assert json.loads(Path("rep/a.json").read_text("utf-8")) == found
    assert outcomes["calm"] == "not_stopped"
    assert Path("rep/a.html").read_bytes().startswith(b"<!doctype html>")


@pytest.mark.usefixtures("two_programs")
def test_the_judge_prints_a_table_with_the_control_and_a_statement(run: Runner, tmp_path: Path) -> None:
    before, after = face(tmp_path / "a.png"), tmp_path / "b.png"
    noise = np.random.default_rng(1).integers(-5, 6, (200, 200, 3))
    Image.fromarray(np.clip(np.asarray(Image.open(before), int) + noise, 0, 255).astype(np.uint8)).save(after)
    code, out, _ = run("--judge", before, str(after), "--lang", "zh")
    assert code == 0
    assert "touchy" in out
    assert "0% (0%)" in out
    assert "未被阻止" in out
    assert "不能杜绝伪造" in out
    assert all(cell_len(line) <= 100 for line in out.splitlines()[1:])


@pytest.mark.usefixtures("two_programs")
def test_a_film_is_judged_by_a_few_frames(run: Runner, tmp_path: Path) -> None:
    frames = [scene((240, 180), (100 + n // 2, 90, 70)) for n in range(20)]
    before = encode(tmp_path / "a.mp4", frames)
    after = encode(tmp_path / "b.mp4", [np.maximum(frame, 9) for frame in frames])
    code, out, _ = run("--judge", str(before), str(after), "--json")
    (found,) = json_lines(out)
    assert code == 0
    assert 1 < found["judged"]["faces"] <= _protect_look.FRAMES_OF_FILM
    assert {trial["attacker"]["en"] for trial in found["judged"]["trials"]} == {one.english for one in ways.ATTACKERS}


def test_what_cannot_be_compared_is_refused(run: Runner, tmp_path: Path) -> None:
    other = tmp_path / "b.png"
    Image.fromarray(portrait()).save(other)
    assert run("--judge", face(tmp_path / "a.png"), str(other))[0] == 2
    for name in ("c.png", "d.png"):
        Image.fromarray(scene((96, 80))).save(tmp_path / name)
    code, _, err = run("--judge", str(tmp_path / "c.png"), str(tmp_path / "d.png"))
    assert code == 1
    assert "no face" in err
