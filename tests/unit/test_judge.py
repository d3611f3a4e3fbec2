"""The judge of cloaks: how figures are counted, what the control is, and what may be said of them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unforge.errors import ShapeError, UsageError
from unforge.metrics import quality
from unforge.protect import judge as judging
from unforge.protect import outcomes, ways
from unforge.protect.judge import Cell, Judgement, Pair, control, judge, merged
from unforge.protect.statement import MOSTLY, statement
from unforge.protect.targets import KINDS, Kind, Picture, Points, Target
from unforge.protect.ways import ATTACKERS, CHANNELS, Attacker, Channel

S = 8
AS_SAVED, NOBODY = [CHANNELS[0]], [ATTACKERS[0]]


def mesh(x: float = 60.0, y: float = 60.0, side: float = 60.0) -> Points:
    """468 points in a square, with the outer corners of the eyes half a side apart."""
    points = np.random.default_rng(1).uniform(-0.5, 0.5, (468, 2))
    points[:2] = [[-0.5, -0.5], [0.5, 0.5]]
    points[33], points[263] = [-0.25, -0.1], [0.25, -0.1]
    return np.asarray(points * side + [x, y], np.float32)


def picture(seed: int = 0, shape: tuple[int, int] = (120, 130)) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def pair(change: int = 6, seed: int = 0, n_faces: int = 1) -> Pair:
    original = picture(seed)
    step = np.random.default_rng(9).integers(-change, change + 1, original.shape)
    protected = np.clip(original.astype(int) + step, 0, 255).astype(np.uint8)
    return Pair(original, protected, tuple(mesh(50.0 + 20.0 * n) for n in range(n_faces)))


def target(
    kind: Kind, respond: Callable[[Picture, Points], NDArray[np.float32]], name: str = "", may_train: bool = True
) -> Target:
    return Target(name or f"{kind}-1", kind, True, None, may_train, respond)


def flat(level: float) -> NDArray[np.float32]:
    return np.full((3, S, S), level, np.float32)


# Editors and swaps: the traps of published evaluators


def test_the_mean_square_is_taken_over_what_was_edited_alone() -> None:
    seen, clean = flat(0.0), flat(0.0)[None].copy()
    clean[0, :, :2] = 0.5  # a quarter is edited: the sum over colours is 1.5
    disturbed = clean.copy()
    disturbed[0, :, :2] += 0.3
    disturbed[0, :, 4:] += 1.0  # what is not edited does not count
    found = outcomes.made(seen, clean, disturbed)
    assert found["l2_mask"] == pytest.approx(0.09)
    assert found["l2"] == pytest.approx(0.25 * 0.09 + 0.5 * 1.0)
    assert found["success"] == 1.0
    assert found["no_change"] == 0.0


def test_each_picture_has_a_mask_of_its_own() -> None:
    seen, clean = flat(0.0), np.stack([flat(0.0), flat(0.0)])
    clean[0, :, 0], clean[1, :, 7] = 1.0, 1.0
    disturbed = clean.copy()
    disturbed[:, :, 0] += 0.5  # breaks the first edit and misses the second
    found = outcomes.made(seen, clean, disturbed)
    assert found["success"] == 0.5
    assert found["l2_mask"] == pytest.approx(0.125)


def test_an_edit_that_changes_nothing_is_counted_and_left_out() -> None:
    seen = flat(0.1)
    nothing, edit = flat(0.1), flat(0.9)
    found = outcomes.made(seen, np.stack([nothing, edit]), np.stack([nothing, edit + 0.5]))
    assert found["no_change"] == 0.5
    assert found["success"] == 1.0
    assert found["l2_mask"] == pytest.approx(0.25)


def test_a_face_on_which_nothing_is_edited_is_neither_a_success_nor_a_failure() -> None:
    editor = target("editor", lambda rgb, mesh_px: np.zeros((1, 3, 64, 64), np.float32) + _aligned(rgb, mesh_px))
    cell = judge([pair()], [editor], AS_SAVED, NOBODY).cells[0]
    found = cell.figures()
    assert (found["success"].value, found["success"].n) == (None, 0)
    assert (found["l2_mask"].value, found["no_change"].value) == (None, 1.0)


def _aligned(rgb: Picture, mesh_px: Points) -> NDArray[np.float32]:
    from unforge.protect.targets import aligned

    return aligned(rgb, mesh_px)[None]


@pytest.mark.parametrize(("size", "success"), [(0.2236, 0.0), (0.2237, 1.0)])
def test_broken_means_more_than_a_twentieth(size: float, success: float) -> None:
    clean = flat(1.0)[None]
    assert outcomes.made(flat(0.0), clean, clean - np.float32(size))["success"] == success


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_only_pictures_as_files_hold_them_are_judged(dtype: type) -> None:
    original = picture()
    with pytest.raises(ShapeError, match="uint8"):
        Pair(original, original.astype(dtype), (mesh(),))
    with pytest.raises(ShapeError, match="protected"):
        Pair(original, original[1:], (mesh(),))
    with pytest.raises(ShapeError, match="one face or more"):
        Pair(original, original, ())


def test_targets_are_never_pooled_and_every_row_has_its_control() -> None:
    editors = [target("editor", _noisy_editor, name) for name in ("editor-1", "editor-2")]
    detector = target("detector", lambda rgb, mesh_px: np.array([[30, 30, 90, 90, 1.0]], np.float32), "finder")
    channels = CHANNELS[:3]
    found = judge([pair(), pair(seed=1)], [*editors, detector], channels, ATTACKERS[:2]).rows()
    wanted = {
        f"{name}, {channel.name}, {attacker.name}"
        for name in ("editor-1", "editor-2", "finder")
        for channel in channels
        for attacker in ATTACKERS[:2]
    }
    assert set(found) == wanted | {"quality"}
    for row, figures in found.items():
        if row != "quality":
            measured = set(figures) - set(outcomes.OF_CLEAN)
            assert {f"{name}_random" for name in measured if not name.endswith("_random")} <= measured


def _noisy_editor(rgb: Picture, mesh_px: Points) -> NDArray[np.float32]:
    return np.clip(_aligned(rgb, mesh_px) + 0.5, -1.0, 1.0)


# Detectors, landmarks, identity


def box(mesh_px: Points, grow: float = 1.0, shift: float = 0.0) -> NDArray[np.float32]:
    low, high = mesh_px.min(axis=0), mesh_px.max(axis=0)
    middle, half = (low + high) / 2.0 + shift, grow * (high - low) / 2.0
    return np.concatenate([middle - half, middle + half, [0.9]]).astype(np.float32)[None]


NO_BOX = np.empty((0, 5), np.float32)


def test_a_detector_is_asked_for_the_face_and_not_for_any_box() -> None:
    at = mesh()
    assert outcomes.found(at, box(at), box(at, 1.2))["still_found"] == 1.0
    assert outcomes.found(at, box(at), box(at, 0.5))["still_found"] == 1.0  # nested
    assert outcomes.found(at, box(at), box(at, 1.0, 200.0))["still_found"] == 0.0
    assert outcomes.found(at, box(at), NO_BOX)["still_found"] == 0.0


def test_a_face_that_was_never_found_cannot_be_hidden() -> None:
    found = outcomes.found(mesh(), NO_BOX, NO_BOX)
    assert found["found_clean"] == 0.0
    assert np.isnan(found["still_found"])


def test_landmarks_fail_by_absence_or_by_a_tenth_of_the_distance_of_the_eyes() -> None:
    at = mesh()
    eyes_px = 30.0
    near, far = (np.asarray(at + np.array([share * eyes_px, 0.0]), np.float32) for share in (0.09, 0.11))
    assert outcomes.located(at, at, near) == pytest.approx(
        {"seen_clean": 1.0, "lost": 0.0, "shift": 0.09, "broken": 0.0}, abs=1e-4
    )
    assert outcomes.located(at, at, far)["broken"] == 1.0
    assert outcomes.located(at, at, np.empty((0, 2), np.float32))["broken"] == 1.0
    assert np.isnan(outcomes.located(at, np.empty((0, 2), np.float32), at)["broken"])


def test_swaps_are_also_asked_whom_they_show() -> None:
    vector = np.array([1.0, 0.0], np.float32)

    def who(rgb: Picture, mesh_px: Points) -> NDArray[np.float32]:
        return vector if rgb.mean() > 128 else vector[::-1]

    def swapped(rgb: Picture, mesh_px: Points) -> NDArray[np.float32]:
        level = 0.9 if np.array_equal(rgb, both.original) else -0.9
        return np.stack([np.full((3, 64, 64), level, np.float32)] * 2)

    both = pair()
    rows = judge([both], [target("swap", swapped), target("identity", who)], AS_SAVED, NOBODY).rows()
    assert rows["swap-1, as saved, no attacker"]["cosine"].value == 0.0
    assert rows["swap-1, as saved, no attacker"]["unlike"].value == 1.0
    alone = judge([both], [target("swap", swapped)], AS_SAVED, NOBODY).rows()
    assert "cosine" not in alone["swap-1, as saved, no attacker"]


# Channels and attackers


def test_original_and_protected_go_the_same_way_and_their_faces_with_them() -> None:
    asked: list[tuple[tuple[int, ...], float]] = []

    def respond(rgb: Picture, mesh_px: Points) -> NDArray[np.float32]:
        asked.append((rgb.shape, float(np.ptp(mesh_px))))
        return np.array([1.0], np.float32)

    half = [channel for channel in CHANNELS if channel.name == "half size"]
    both = pair()
    judge([both], [target("identity", respond)], half, NOBODY)
    assert [shape for shape, _ in asked] == [(60, 65, 3)] * 3
    assert asked[0][1] == pytest.approx(float(np.ptp(both.meshes_px[0])) / 2.0, rel=0.02)


def test_a_channel_that_leaves_a_picture_alone_gives_no_figure() -> None:
    large = [channel for channel in CHANNELS if channel.name == "long side 2048"]
    found = judge([pair()], [target("detector", lambda rgb, mesh_px: box(mesh_px))], large, NOBODY)
    assert (found.cells[0].cloak, found.cells[0].unreached) == ((), 1)
    assert set(found.rows()) == {"quality"}
    assert any("2048" in sentence for sentence in statement(found, "en"))


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)
def test_a_channel_delivers_a_picture_and_always_the_same(channel: Channel) -> None:
    rgb = picture(3, (90, 101))
    arrived = channel.send(rgb)
    assert arrived.dtype == np.uint8
    assert arrived.shape == ((45, 50, 3) if channel.name == "half size" else rgb.shape)
    assert np.array_equal(arrived, channel.send(rgb))


@pytest.mark.parametrize("attacker", [*ATTACKERS, ways.FINE_TUNED], ids=lambda attacker: attacker.name)
def test_an_attacker_keeps_the_size_and_leaves_what_is_given_untouched(attacker: Attacker) -> None:
    rgb, at = picture(4), (mesh(), mesh(-90.0))  # the second lies outside
    before = rgb.copy()
    cleaned = attacker.clean(rgb, at)
    assert (cleaned.shape, cleaned.dtype) == (rgb.shape, np.uint8)
    assert np.array_equal(rgb, before)
    assert np.array_equal(cleaned, attacker.clean(rgb, at))


def test_names_of_channels_and_attackers_are_their_own() -> None:
    for named in (CHANNELS, ATTACKERS):
        assert len({one.name for one in named}) == len(named)


# The control


@given(st.integers(0, 2**31), st.integers(1, 120))
@settings(max_examples=20, deadline=None)
def test_the_control_is_as_large_everywhere_and_repeats_by_its_seed(seed: int, change: int) -> None:
    both = pair(change, seed % 7)
    noise = control(both, seed)
    size = np.abs(both.protected.astype(int) - both.original)
    assert np.array_equal(np.abs(noise.astype(int) - both.original), size)
    assert np.array_equal(noise, control(both, seed))
    assert quality.psnr_db(both.original, noise) == quality.psnr_db(both.original, both.protected)


def test_another_seed_gives_another_control_whose_signs_are_fair() -> None:
    original = np.full((120, 130, 3), 128, np.uint8)
    both = Pair(original, original + np.uint8(5), (mesh(),))
    one, other = (control(both, seed).astype(int) - 128 for seed in (1, 2))
    assert abs(float((one > 0).mean()) - 0.5) < 0.02
    assert abs(float((one == other).mean()) - 0.5) < 0.02


# Values


def test_pairs_and_names_are_asked_for() -> None:
    finder = target("detector", lambda rgb, mesh_px: box(mesh_px))
    with pytest.raises(UsageError, match="a pair or more"):
        judge([], [finder])
    with pytest.raises(UsageError, match="names of their own"):
        judge([pair()], [finder, finder])


def test_judgements_of_parts_are_the_judgement_of_the_whole() -> None:
    pairs = [pair(seed=n, n_faces=1 + n) for n in range(3)]
    targets = [target("editor", _noisy_editor), target("detector", lambda rgb, mesh_px: box(mesh_px))]
    whole = judge(pairs, targets, CHANNELS[:2], NOBODY)
    assert merged(judge([one], targets, CHANNELS[:2], NOBODY) for one in pairs).rows() == whole.rows()
    assert whole.rows()["editor-1, as saved, no attacker"]["l2"].n == 6


def test_rates_have_score_intervals_and_single_means_none() -> None:
    rate = judging.figure("success", [1.0] * 14)
    assert (rate.value, rate.high, rate.n) == (1.0, 1.0, 14)
    assert rate.low == pytest.approx(0.785, abs=0.001)
    assert judging.figure("l2", [0.4]) == judging.Figure(0.4, None, None, 1)
    assert judging.figure("l2", [outcomes.NAN]) == judging.Figure(None, None, None, 0)


def test_quality_is_stated_of_the_face_and_of_the_frame() -> None:
    original = picture()
    protected = original.copy()
    protected[40:80, 40:80] ^= 4  # four levels up or down on a part of the face
    found = judging.seen(Pair(original, protected, (mesh(),)))
    assert found.psnr_face_db < found.psnr_frame_db - 1.0
    assert found.ssim_face < found.ssim_frame < 1.0
    assert 0.0 < found.ciede2000_mean < found.ciede2000_p99


# Plain words

FORBIDDEN = {
    "en": r"\b(immune|guarantee\w*|cannot be|impossible|unbreakable|always|safe|perfect\w*|any program)\b",
    "zh": r"免疫|保证|无法被|不可能|绝对|万无一失|完全防止|安全",
}
shares = st.one_of(st.none(), st.floats(0.0, 1.0))


def cell(stopped: float | None, by_chance: float, kind: Kind, channel: str, attacker: str, n: int) -> Cell:
    """A cell of n faces of which a share is stopped."""

    def faces(share: float | None) -> tuple[dict[str, float], ...]:
        one = outcomes.NAN if share is None else share
        named = {"still_found": 1.0 - one, "success": one, "broken": one, "unlike": one}
        return (named,) * n

    return Cell(f"{kind}-1", kind, True, False, channel, attacker, faces(stopped), faces(by_chance))


cells = st.builds(
    cell,
    shares,
    st.floats(0.0, 1.0),
    st.sampled_from(KINDS),
    st.sampled_from([channel.name for channel in CHANNELS]),
    st.sampled_from([attacker.name for attacker in (*ATTACKERS, ways.FINE_TUNED)]),
    st.integers(1, 300),
)


@given(st.lists(cells, max_size=12))
@settings(max_examples=60, deadline=None)
def test_no_statement_claims_more_than_was_measured(found: Sequence[Cell]) -> None:
    distinct = tuple({one.row: one for one in found}.values())
    english, chinese = (statement(Judgement(distinct, ()), language) for language in ("en", "zh"))
    assert len(english) == len(chinese)
    for language, said in (("en", english), ("zh", chinese)):
        text = " ".join(said)
        assert not re.search(FORBIDDEN[language], text, re.IGNORECASE)
        assert not re.search(r"\d %|%", text)
        assert all(sentence.endswith("." if language == "en" else "。") for sentence in said)
    assert "no proof against forgery" in english[0]
    assert "arXiv 2510.03747" in english[-2]
    assert "mark" in english[-1]
    missing = set(KINDS) - {one.kind for one in distinct}
    assert any(sentence.startswith("Not measured: ") for sentence in english) or not missing


@pytest.mark.parametrize(
    ("stopped", "by_chance", "words"),
    [
        (1.0, 0.0, "stopped: JPEG 75"),
        (MOSTLY, 0.0, "stopped: JPEG 75"),
        (0.5, 0.0, "stopped on some faces only: JPEG 75"),
        (0.1, 0.0, "NOT stopped: JPEG 75"),
        (0.0, 0.0, "NOT stopped: JPEG 75"),
        (1.0, 0.9, "random noise does as much: JPEG 75"),
        (None, 0.0, "not measured, because it does nothing with these faces: JPEG 75"),
    ],
)
def test_what_is_not_stopped_is_said_and_chance_is_no_merit(
    stopped: float | None, by_chance: float, words: str
) -> None:
    one = cell(stopped, by_chance, "editor", "JPEG 75", "no attacker", 200)
    said = statement(Judgement((one,), ()), "en")
    assert said[1] == f"editor-1 (editor of looks, trained here) - {words}."


def test_attackers_have_sentences_of_their_own() -> None:
    held_out = [
        replace(cell(share, 0.0, "editor", channel, attacker, 200), held_out=True)
        for share, channel, attacker in (
            (1.0, "as saved", "no attacker"),
            (0.0, "JPEG 50", "no attacker"),
            (0.0, "as saved", "fine-tuned generator"),
        )
    ]
    said = statement(Judgement(tuple(held_out), ()), "en")
    name = "editor-1 (editor of looks, trained here, held out)"
    assert said[1] == f"{name} - stopped: as saved; NOT stopped: JPEG 50."
    assert said[2] == f"{name}, its program retrained on protected pictures - NOT stopped: as saved."
    assert statement(Judgement(tuple(held_out), ()), "zh")[1] == (
        "editor-1（外貌编辑器，由本项目训练，未用于优化）——被阻止：原样保存；未被阻止：JPEG 50。"
    )


def test_one_picture_is_said_to_be_little_evidence() -> None:
    few, many = (statement(Judgement((cell(1.0, 0.0, "editor", "JPEG 75", "blur", n),), ()), "en") for n in (1, 200))
    assert any("little of other pictures" in sentence for sentence in few)
    assert not any("little of other pictures" in sentence for sentence in many)
