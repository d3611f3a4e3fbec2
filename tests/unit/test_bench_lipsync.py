"""The protocol `lipsync`: known shifts, people left out, and what it refuses."""

from pathlib import Path

import pytest

from tests.voice_samples import made_pair
from unforge.bench import figures
from unforge.bench.protocols import lipsync
from unforge.bench.table import render
from unforge.errors import UsageError


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"listed": Path("list.json")}, "lists are for"),
        ({"peers": ("xception",)}, "no peers"),
        ({"examiners": ("seam",)}, "no other examiner"),
        ({}, "manifest.csv"),
    ],
)
def test_what_it_cannot_use_is_refused(options: dict[str, object], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        lipsync.run(options.pop("examiners", None), None, **options)  # type: ignore[arg-type]


def test_a_split_in_which_nobody_talks_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")
    (tmp_path / "manifest.csv").write_text("path,label,kind,dataset,method,split\na.mp4,real,video,x,,val\n")
    (tmp_path / "a.mp4").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="people or more who talk"):
        lipsync.run(None, tmp_path)


def test_a_known_relation_is_found_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")
    from unforge.train.recipes.lipsync import SPOKEN, Clip

    monkeypatch.setattr(figures, "ROUNDS", 20)
    monkeypatch.setattr(lipsync, "SHIFTS_MS", (0,))  # what is shifted is the sound, and these voices are none
    clips = []
    for seed in range(5):
        lips, voice, sound = made_pair(seed)
        clips.append(Clip(f"clip{seed}", f"person{seed}", SPOKEN[seed % 2], lips, sound, voice))
    told: list[str] = []
    rows = lipsync.rows_of(clips, clips[:2], lambda what, share: told.append(what))
    assert list(rows)[:2] == ["net", "plain correlation"]
    net, plain = rows["net"], rows["plain correlation"]
    assert net["auc"].value is not None
    assert plain["auc"].value is not None
    assert net["auc"].value > 0.95
    assert net["lead_auc"].value == pytest.approx(net["auc"].value - plain["auc"].value, abs=1e-3)
    assert net["within_one_frame"].value == 1.0
    assert rows[f"net, {SPOKEN[0]}"]["stated"].n == 3
    assert rows["net, forged to fit"]["stated"].n == 2
    assert told[0] == "as they are"


def test_a_later_sound_is_a_later_voice() -> None:
    pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")
    from tests.voice_samples import RATE_HZ, speech, talking
    from unforge.detect import _lips
    from unforge.detect.lipsync import voice_around
    from unforge.media.sound import Sound
    from unforge.train.recipes.lipsync import SPOKEN, Clip

    lips, sound = _lips.read(talking(3.0)), Sound(speech(3.0), RATE_HZ, 0.0)
    voice = voice_around(sound, lips)
    assert voice is not None
    late = lipsync.shifted(Clip("a", "a", SPOKEN[0], lips, sound, voice), 400.0).voice
    begins_s = [float(one.times_s[int(one.speech.argmax())]) for one in (voice, late)]
    assert begins_s[1] - begins_s[0] == pytest.approx(0.4, abs=0.1)


def test_a_shift_counts_where_nine_of_ten_come_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three clips one is found at every shift, one at half of them, and one states nothing by itself."""
    monkeypatch.setattr(lipsync, "shifted", lambda clip, shift_ms: (clip, shift_ms))

    def stated_ms(clip: object, signals: object) -> float | None:
        name, shift_ms = clip if isinstance(clip, tuple) else (clip, 0)
        if name == "silent":
            return None
        return 30.0 + (shift_ms if name == "good" or shift_ms < 0 else 0)

    monkeypatch.setattr(lipsync, "_stated_ms", stated_ms)
    found = lipsync._shift_found(["good", "half", "silent"], None)  # type: ignore[list-item, arg-type]
    assert (found.value, found.n) == (0.5, 2)


def test_a_record_renders(monkeypatch: pytest.MonkeyPatch) -> None:
    from unforge.bench.record import Value, of_today

    rows = {"net": {"auc": Value(0.9, 0.8, 1.0, 5), "shift_found": Value(None, None, None, 0)}}
    record = of_today("lipsync-train", "lipsync", "train", rows, "0" * 64, {}, 0, {})
    assert "| net | 5 | 0.9 [0.8, 1] | - |" in render(record)
