"""`unforge trace`: keys, registry, overlays, marking and reading from the command line."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import jsonschema
import numpy as np
import pytest
from PIL import Image

from unforge.cli import main
from unforge.cli import trace as verb
from unforge.trace import hand_out, keys, payload, registry
from unforge.trace import read as reader
from unforge.trace.overlay import browser, desktop
from unforge.trace.payload import MachinePayload, TokenPayload

Capture = pytest.CaptureFixture[str]
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "trace.schema.json").read_text("utf-8"))
CHIP = ("--chip-px", "2")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user of whom nothing is known yet."""
    for variable in ("UNFORGE_KEY_RING", "UNFORGE_REGISTRY"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def run(capsys: Capture) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main.main(["trace", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


Runner = Callable[..., tuple[int, str, str]]


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def picture(path: Path) -> Path:
    Image.fromarray(np.full((200, 200, 3), 220, np.uint8)).save(path)
    return path


def commands() -> list[list[str]]:
    """Every command below `trace`, itself among them."""
    context = click.Context(verb.command)
    found: list[list[str]] = [[]]
    for name in verb.command.list_commands(context):  # type: ignore[attr-defined]
        part = verb.command.get_command(context, name)  # type: ignore[attr-defined]
        found.append([name])
        found += [[name, below] for below in getattr(part, "commands", ())]
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_help_ends_with_an_example_and_fits_80_columns(words: list[str], run: Runner) -> None:
    code, out, _ = run(*words, "--help")
    lines = out.strip().splitlines()
    assert code == 0
    assert lines[-1].strip().startswith("Example: unforge trace")
    assert all(len(line) <= 80 for line in lines)


def test_an_unknown_part_and_a_missing_machine_are_wrong_usage(run: Runner) -> None:
    assert run("guess")[0] == 2
    assert run("mark", "a.png")[0] == 2  # no machine


# Keys


def test_a_ring_is_made_where_the_user_keeps_things_and_only_the_owner_reads_it(run: Runner, home: Path) -> None:
    code, out, _ = run("key", "new", "--note", "first")
    path = home / "unforge" / "keyring.json"
    ring = keys.load(path)
    assert code == 0
    assert out.split() == [ring.keys[0].id, str(path)]
    assert os.name != "posix" or path.stat().st_mode & 0o777 == 0o600


def test_a_second_ring_is_refused_and_the_first_stays(run: Runner, home: Path) -> None:
    run("key", "new")
    before = (home / "unforge" / "keyring.json").read_bytes()
    code, _, err = run("key", "new")
    assert code == 1
    assert "rotate" in err
    assert (home / "unforge" / "keyring.json").read_bytes() == before


def test_rotated_and_revoked_keys_are_listed_with_their_state_and_without_secrets(run: Runner, home: Path) -> None:
    run("key", "new")
    first = json_lines(run("key", "list", "--json")[1])[0]["id"]
    run("key", "rotate", "--note", "second")
    run("key", "rotate", "--from", "2050-01-01T00:00:00Z")
    run("key", "revoke", first)
    out = run("key", "list", "--json")[1]
    assert [key["state"] for key in json_lines(out)] == ["revoked", "marks", "waits"]
    ring = keys.load(home / "unforge" / "keyring.json")
    shown = out + run("key", "list")[1]
    assert not any(key.secret.reveal().hex() in shown for key in ring.keys)
    assert ring.site.reveal().hex() not in shown


def test_to_revoke_the_last_key_says_what_to_do(run: Runner) -> None:
    run("key", "new")
    key_id = run("key", "list")[1].split()[0]
    code, _, err = run("key", "revoke", key_id)
    assert code == 0
    assert "rotate" in err


@pytest.mark.parametrize("words", [("list",), ("rotate",), ("revoke", "1a2b3c4d")])
def test_without_a_ring_it_is_said_how_to_make_one(words: tuple[str, ...], run: Runner) -> None:
    code, _, err = run("key", *words)
    assert code == 1
    assert "unforge trace key new" in err
    assert "UNFORGE_KEY_RING" in err


def test_the_environment_and_then_the_option_say_where_the_ring_is(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNFORGE_KEY_RING", str(tmp_path / "one.json"))
    run("key", "new")
    run("key", "new", "--key-ring", str(tmp_path / "two.json"))
    assert (tmp_path / "one.json").exists()
    assert run("key", "list")[1].split()[0] == keys.load(tmp_path / "one.json").keys[0].id
    told = run("key", "list", "--key-ring", str(tmp_path / "two.json"))[1]
    assert told.split()[0] == keys.load(tmp_path / "two.json").keys[0].id


def test_a_time_without_a_zone_is_wrong_usage(run: Runner) -> None:
    run("key", "new")
    code, _, err = run("key", "rotate", "--from", "2050-01-01T00:00:00")
    assert code == 2
    assert "zone" in err


# Registry


def test_machines_are_added_with_their_place_listed_and_revoked(run: Runner) -> None:
    assert run("registry", "add", "desk-17", "--user", "Li Wei", "--place", "Room 4", "--id", "17")[0] == 0
    assert run("registry", "add", "desk-18", "--place", "Room 4")[0] == 0
    machines = json_lines(run("registry", "list", "--json")[1])
    assert [(m["id"], m["name"], m["user"], m["place"]) for m in machines] == [
        (17, "desk-17", "Li Wei", "Room 4"),
        (18, "desk-18", None, "Room 4"),
    ]
    assert json_lines(run("registry", "list", "--places", "--json")[1]) == [{"id": 1, "name": "Room 4"}]
    assert run("registry", "revoke", "17")[0] == 0
    assert json_lines(run("registry", "list", "--json")[1])[0]["revoked_at"] is not None


def test_machines_are_imported_all_or_none(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("id,name,user\n5,desk-5,Ada\n6,desk-6,Grace\n")
    (tmp_path / "bad.csv").write_text("id,name\n7,desk-7\n5,desk-5\n")
    assert run("registry", "import", "good.csv")[0] == 0
    code, _, err = run("registry", "import", "bad.csv")
    assert code == 2
    assert "line 3" in err
    assert [machine["id"] for machine in json_lines(run("registry", "list", "--json")[1])] == [5, 6]


def test_without_a_registry_it_is_said_how_to_make_one(run: Runner) -> None:
    code, _, err = run("registry", "list")
    assert code == 1
    assert "unforge trace registry add" in err


# Marking


def test_files_are_marked_one_after_the_other_and_a_bad_one_is_told(run: Runner, tmp_path: Path) -> None:
    run("key", "new")
    picture(tmp_path / "a.png")
    picture(tmp_path / "sub-a.png").rename(tmp_path / "b.webp.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    code, out, _ = run("mark", "a.png", "broken.png", "b.webp.png", "--machine", "17", "--json", *CHIP)
    done, broken, other = json_lines(out)
    assert code == 1
    assert (done["machine"], done["place"], done["kept"], done["chip_px"]) == (17, None, 1.0, 2)
    assert Path(done["written"]).read_bytes() != (tmp_path / "a.png").read_bytes()
    assert broken["error"]["code"] in ("not_media", "unreadable")
    assert other["written"] == str(Path("marked") / "b.webp.png")


def test_files_of_the_same_name_get_different_copies(run: Runner, tmp_path: Path) -> None:
    run("key", "new")
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        picture(tmp_path / folder / "a.png")
    out = run("mark", "one", "two", "--machine", "1", "--out", "out", "--json", *CHIP)[1]
    assert [Path(line["written"]).name for line in json_lines(out)] == ["a.png", "a-2.png"]


def test_the_folder_of_the_originals_is_refused_as_target(run: Runner, tmp_path: Path) -> None:
    run("key", "new")
    before = picture(tmp_path / "a.png").read_bytes()
    code, out, _ = run("mark", "a.png", "--machine", "1", "--out", ".", *CHIP)
    assert code == 1
    assert "original" in out
    assert (tmp_path / "a.png").read_bytes() == before


def test_a_mark_that_is_given_out_is_known_to_the_registry(run: Runner, home: Path, tmp_path: Path) -> None:
    run("key", "new")
    run("registry", "add", "desk-17", "--place", "Room 4", "--id", "17")
    picture(tmp_path / "a.png")
    said = json_lines(run("mark", "a.png", "--machine", "17", "--place", "1", "--json", *CHIP)[1])[0]
    with registry.Registry(home / "unforge" / "registry.sqlite") as held:
        slot = payload.slot_of(datetime.fromisoformat(said["time"]))
        owner = held.owner(MachinePayload(17, 1, slot), said["key"])
    assert (owner.status, owner.place) == ("known", "Room 4")


def test_a_machine_that_the_registry_does_not_have_is_refused_before_any_work(run: Runner, tmp_path: Path) -> None:
    run("key", "new")
    run("registry", "add", "desk-1")
    picture(tmp_path / "a.png")
    code, _, err = run("mark", "a.png", "--machine", "99", *CHIP)
    assert code == 2
    assert "99" in err
    assert not (tmp_path / "marked").exists()


def test_a_token_says_neither_machine_nor_place(run: Runner, home: Path, tmp_path: Path) -> None:
    run("key", "new")
    run("registry", "add", "desk-17", "--id", "17")
    picture(tmp_path / "a.png")
    said = json_lines(run("mark", "a.png", "--machine", "17", "--token", "--json", *CHIP)[1])[0]
    assert (said["machine"], said["place"], said["time"]) == (None, None, None)
    with registry.Registry(home / "unforge" / "registry.sqlite") as held:
        shown = list(held.live(datetime(2020, 1, 1, tzinfo=UTC), datetime(2059, 1, 1, tzinfo=UTC)))
    assert all(isinstance(one.payload, TokenPayload) for one in shown)


@pytest.mark.parametrize("strength", ["3", "13"])
def test_a_strength_out_of_range_is_wrong_usage(strength: str, run: Runner, tmp_path: Path) -> None:
    run("key", "new")
    picture(tmp_path / "a.png")
    assert run("mark", "a.png", "--machine", "1", "--strength", strength)[0] == 2


# Overlays


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the overlays would have been started with."""
    seen: dict[str, Any] = {}

    class Server:
        server_port = 8765

        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...
        def serve_forever(self) -> None: ...

    def application(ring: Any, identify: Any, on_report: Any, *, strength: int) -> None:
        seen.update(ring=ring, said=lambda now: identify({}), tell=on_report, strength=strength)

    def desktop_run(ring: Any, saying: Any, on_beat: Any, *, strength: int) -> None:
        seen.update(ring=ring, said=saying, tell=on_beat, strength=strength)

    monkeypatch.setattr(browser, "application", application)
    monkeypatch.setattr(browser, "serve", lambda marked, host, port: Server())
    monkeypatch.setattr(desktop, "run", desktop_run)
    return seen


@pytest.mark.parametrize("kind", ["browser", "desktop"])
def test_an_overlay_says_machine_and_place_and_the_registry_hears_of_it(
    kind: str, run: Runner, shown: dict[str, Any], home: Path
) -> None:
    run("key", "new")
    run("registry", "add", "desk-17", "--place", "Room 4", "--id", "17")
    assert run("overlay", kind, "--machine", "17", "--place", "1", "--strength", "6")[0] == 0
    now = datetime.now(UTC)
    said, key = shown["said"](now), shown["ring"]().current()
    assert (said.machine, said.place, shown["strength"]) == (17, 1, 6)
    beat: Any = desktop.Beat(said, key.id, now)
    if kind == "browser":
        beat = browser.Report("heartbeat", now, "", "", "", said, key.id)
    shown["tell"](beat)
    with registry.Registry(home / "unforge" / "registry.sqlite") as held:
        assert held.owner(said, key.id).status == "known"


def test_tampering_comes_as_one_json_object_a_line(run: Runner, shown: dict[str, Any], capsys: Capture) -> None:
    run("key", "new")
    run("overlay", "browser", "--machine", "17")
    said = shown["said"](datetime.now(UTC))
    shown["tell"](browser.Report("removed", datetime.now(UTC), "", "/page", "", said, "1a2b3c4d"))
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["page"], told["machine"]) == ("removed", "/page", 17)


def test_an_overlay_by_token_keeps_its_token_for_a_day(run: Runner, shown: dict[str, Any]) -> None:
    run("key", "new")
    run("registry", "add", "desk-17", "--id", "17")
    assert run("overlay", "desktop", "--machine", "17", "--token")[0] == 0
    now = datetime.now(UTC)
    assert shown["said"](now).token == shown["said"](now).token


# Reading


def reading(grade: reader.Grade = "confirmed", machine: int = 17, error: float | None = 1e-12) -> reader.Reading:
    said = MachinePayload(machine, 4, payload.slot_of(datetime(2026, 3, 1, 8, 30, tzinfo=UTC)))
    outline = np.array([[10.0, 10.0], [190.0, 12.0], [188.0, 150.0], [12.0, 148.0]])
    return reader.Reading(
        grade, "The mark says so.", "水印如此。", error, said, "1a2b3c4d", None, outline, {"window_z": 14.0}
    )


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[reader.Reading]]:
    """What a reader that looks at names alone finds."""
    by_name: dict[str, list[reader.Reading]] = {}

    def read(
        path: Path, ring: Any, held: Any = None, on_progress: Any = None, *, around: Any = None
    ) -> list[reader.Reading]:
        on_progress("searching", 0.5)
        asked_around.append(around)
        return by_name[path.name]

    asked_around.clear()
    monkeypatch.setattr(reader, "read", read)
    return by_name


asked_around: list[Any] = []


def test_when_a_photograph_was_taken_is_handed_on(
    run: Runner, readings: dict[str, list[reader.Reading]], home: Path, tmp_path: Path
) -> None:
    run("key", "new")
    picture(tmp_path / "a.png")
    readings["a.png"] = [reading()]
    since, until = datetime(2026, 3, 1, 8, tzinfo=UTC), datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert run("read", "a.png", "--since", "2026-03-01T08:00:00Z")[0] == 2  # nothing is known about when overlays ran
    run("registry", "add", "desk-17", "--id", "17", "--since", "2026-01-01T00:00:00Z")
    with registry.Registry(home / "unforge" / "registry.sqlite") as held:
        held.heartbeat(17, "key", since, until=until)
        end = held.span()[1]  # type: ignore[index]
    assert run("read", "a.png", "--since", "2026-03-01T09:00:00Z")[0] == 0
    assert run("read", "a.png", "--since", "2026-03-01T08:00:00Z", "--until", "2026-03-01T10:00:00Z")[0] == 0
    assert run("read", "a.png")[0] == 0
    assert asked_around == [(since.replace(hour=9), end), (since, until), None]
    assert run("read", "a.png", "--since", "2026-03-02T08:00:00Z")[0] == 2  # after all that is known


def test_json_has_one_object_a_photograph_with_the_surest_reading_on_top(
    run: Runner, readings: dict[str, list[reader.Reading]], tmp_path: Path
) -> None:
    run("key", "new")
    picture(tmp_path / "a.png")
    readings["a.png"] = [
        reading("inconclusive", 1, None),
        reading("confirmed", 2, 1e-9),
        reading("confirmed", 3, 1e-12),
    ]
    code, out, _ = run("read", "a.png", "absent.png", "--json")
    found, absent = json_lines(out)
    for line in (found, absent):
        jsonschema.validate(line, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert code == 1
    assert (found["grade"], found["machine"], found["place"], found["time"]) == (
        "confirmed", 3, 4, "2026-03-01T08:30:00Z",
    )  # fmt: skip
    assert found["time_end"] == "2026-03-01T08:40:00Z"
    assert [screen["machine"] for screen in found["screens"]] == [3, 2, 1]
    assert found["owner"] is None
    assert absent["error"]["code"] == "not_found"
    assert absent["sha256"] is None


def test_words_tell_who_when_how_sure_and_what_it_does_not_prove(
    run: Runner, readings: dict[str, list[reader.Reading]], tmp_path: Path
) -> None:
    run("key", "new")
    picture(tmp_path / "a.png")
    readings["a.png"] = [reading()]
    for lang, told in (("en", ("machine 17", "1 in 1,000,000,000,000", "not mean")), ("zh", ("机器 17", "不意味着"))):
        code, out, _ = run("read", "a.png", "--lang", lang)
        assert code == 0
        assert all(word in out for word in told)
        assert max(len(line) for line in out.splitlines()) <= 80


def test_reports_are_written_as_page_and_json(
    run: Runner, readings: dict[str, list[reader.Reading]], tmp_path: Path
) -> None:
    run("key", "new")
    picture(tmp_path / "a.png")
    readings["a.png"] = [reading()]
    code, out, _ = run("read", "a.png", "--report", "out")
    assert code == 0
    assert str(Path("out") / "a.html") in out
    assert json.loads((tmp_path / "out" / "a.json").read_text("utf-8"))["machine"] == 17
    page = (tmp_path / "out" / "a.html").read_text("utf-8")
    assert "data:image/jpeg;base64," in page
    assert 'viewBox="0 0 200 200"' in page


def test_the_registry_keeps_who_asked_for_which_photograph(
    run: Runner, readings: dict[str, list[reader.Reading]], home: Path, tmp_path: Path
) -> None:
    run("key", "new")
    run("registry", "add", "desk-17", "--id", "17")
    picture(tmp_path / "a.png")
    readings["a.png"] = [reading()]
    found = json_lines(run("read", "a.png", "--json")[1])[0]
    with registry.Registry(home / "unforge" / "registry.sqlite") as held:
        (lookup,) = held.lookups()
    assert lookup.photo_sha256 == found["sha256"]
    assert json.loads(lookup.outcome)["machine"] == 17


def test_nothing_found_is_no_failure(run: Runner, readings: dict[str, list[reader.Reading]], tmp_path: Path) -> None:
    run("key", "new")
    picture(tmp_path / "a.png")
    readings["a.png"] = [reader.Reading("none", "No mark was found.", "没有找到水印。")]
    code, out, _ = run("read", "a.png", "--json")
    assert code == 0
    assert json_lines(out)[0]["machine"] is None


def test_a_photograph_is_not_read_without_a_ring(run: Runner, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    code, _, err = run("read", "a.png")
    assert code == 1
    assert "unforge trace key new" in err


def test_what_is_marked_is_read_again(run: Runner, tmp_path: Path) -> None:
    run("key", "new")
    rgb = np.full((480, 640, 3), 225, np.uint8)
    rgb[::24, 40:600] = 30
    Image.fromarray(rgb).save(tmp_path / "a.png")
    run("mark", "a.png", "--machine", "1234567", "--place", "4")
    found = json_lines(run("read", str(Path("marked") / "a.png"), "--json")[1])[0]
    assert (found["grade"], found["machine"], found["place"]) == ("confirmed", 1234567, 4)


def test_the_copy_is_made_by_the_same_code_as_in_python(run: Runner, home: Path, tmp_path: Path) -> None:
    run("key", "new")
    picture(tmp_path / "a.png")
    said = json_lines(run("mark", "a.png", "--machine", "9", "--json", *CHIP)[1])[0]
    ring = keys.load(home / "unforge" / "keyring.json")
    ink = hand_out.Ink(
        payload.of_machine(9, datetime.fromisoformat(said["time"])), ring, ring.key(said["key"]), chip_px=2
    )
    hand_out.mark(tmp_path / "a.png", tmp_path / "b.png", ink)
    assert (tmp_path / "b.png").read_bytes() == Path(said["written"]).read_bytes()
