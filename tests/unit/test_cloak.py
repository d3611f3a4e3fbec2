"""Cloaks: where they lie, how large they are at most, and that all else stays."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.faces_samples import portrait, scene
from unforge import protect as protecting
from unforge.errors import NotApplicable, UnknownName, UsageError
from unforge.faces import align
from unforge.media.image import read_image
from unforge.media.write import write_video
from unforge.protect import already, cloak, placing, profile
from unforge.protect.live import Live

protect = protecting.protect


@cache
def face() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The portrait and the mesh of its face."""
    return portrait(), cloak.faces(portrait()).meshes_px[0]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing counts as cloaked already, whatever the network draws."""
    monkeypatch.setattr(already, "is_cloaked", lambda rgb, mesh: False)


def pattern(levels: float) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.normal(size=(placing.SIDE_PX, placing.SIDE_PX, 3)).astype(np.float32), (0, 0), 3.0)
    return np.asarray(levels * noise / np.abs(noise).max(), np.float32)


# Placing


@settings(max_examples=15, deadline=None)
@given(st.floats(-60, 60), st.floats(40, 400), st.floats(0, 500), st.floats(0, 400), st.floats(1.0, 12.0))
def test_a_cloak_is_never_larger_than_drawn_and_stays_in_its_square(
    turn_deg: float, side_px: float, x: float, y: float, levels: float
) -> None:
    rgb = scene((480, 360))
    eyes = np.array([[0.0, 0.0], [np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))]])
    square = align.level_square(np.array([x, y]), side_px, eyes, placing.SIDE_PX)
    after = placing.laid(rgb, [(pattern(levels), square)])
    change = np.abs(after.astype(int) - rgb)
    assert change.max() <= round(levels)
    rows, columns = np.nonzero(change.max(axis=2))
    at = np.column_stack([columns, rows]) @ square[:, :2].T + square[:, 2]
    assert (
        np.abs(at - placing.SIDE_PX / 2.0) <= placing.SIDE_PX / 2.0 + 2.0 * max(1.0, placing.SIDE_PX / side_px)
    ).all()


def test_a_cloak_lies_level_on_its_face() -> None:
    rgb, mesh = face()
    after = placing.laid(rgb, [(pattern(12.0), placing.square(mesh))])
    crops = [align.warp(one, placing.square(mesh), placing.SIDE_PX).astype(np.float32) for one in (rgb, after)]
    assert np.corrcoef((crops[1] - crops[0]).ravel(), pattern(12.0).ravel())[0, 1] > 0.95


def test_where_squares_overlap_the_change_is_not_added_up() -> None:
    rgb, mesh = face()
    square = placing.square(mesh)
    once = placing.laid(rgb, [(pattern(6.0), square)])
    assert np.array_equal(placing.laid(rgb, [(pattern(6.0), square)] * 2), once)


def test_squares_cover_a_picture_without_a_face() -> None:
    for size in ((300, 100), (100, 300), (128, 128)):
        rgb = np.full((size[1], size[0], 3), 100, np.uint8)
        squares = placing.squares_over(rgb)
        flat = np.ones((placing.SIDE_PX, placing.SIDE_PX, 3), np.float32)
        assert (placing.laid(rgb, [(flat, one) for one in squares]) > 100).mean() > 0.95


# Cloaks


def test_same_face_same_bytes_and_nothing_beyond_the_limit() -> None:
    rgb, mesh = face()
    drawn = cloak.Cloak()
    once, again = (drawn.picture(rgb, [mesh]) for _ in range(2))
    assert np.array_equal(once, again)
    change = np.abs(once.astype(int) - rgb)
    assert 1 <= change.max() <= drawn.most_levels
    assert not change[~placing.covered(rgb, [mesh])].any()
    assert np.array_equal(drawn.picture(rgb, []), rgb)


def test_a_stronger_cloak_changes_more() -> None:
    rgb, mesh = face()
    change = [np.abs(cloak.Cloak(s).picture(rgb, [mesh]).astype(int) - rgb).mean() for s in (0.5, 1.0, 2.0)]
    assert change == sorted(change)
    assert change[0] < change[2]


@pytest.mark.parametrize("strength", [0.0, 0.2, 2.1, float("nan")])
def test_other_strengths_are_refused(strength: float) -> None:
    with pytest.raises(UsageError, match="strength"):
        cloak.Cloak(strength)


def test_small_faces_are_told_and_left() -> None:
    found = cloak.faces(scene((900, 500), (200, 200, 110), (600, 250, 42)))
    assert len(found.meshes_px) == 1
    assert len(found.too_small) == 1
    assert abs(found.too_small[0][[0, 2]].mean() - 600) < 20


def test_of_a_crowd_the_largest_are_cloaked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloak, "MOST_FACES", 2)
    found = cloak.faces(scene((1200, 500), (200, 220, 110), (600, 220, 90), (980, 220, 70)))
    assert [round(cloak.size_px(one), -1) for one in found.meshes_px] == pytest.approx([110, 90], abs=15)
    assert len(found.too_many) == 1


def test_profiles_are_known_by_name() -> None:
    assert profile.load("broadcast").crf < profile.load("video").crf
    with pytest.raises(UnknownName, match="photo, video, broadcast"):
        profile.load("cinema")


# Frames


def moving(length: int = 12) -> list[NDArray[np.uint8]]:
    """The head drifts to the right by a pixel a frame."""
    return [scene((420, 300), (150 + n, 160, 110)) for n in range(length)]


def test_a_cloak_moves_with_its_face() -> None:
    live = Live()
    changes = [live.frame(rgb, n / 25.0).astype(float) - rgb for n, rgb in enumerate(moving())]
    assert live.seen == len(changes)
    assert len(live.meshes_px) == 1
    first, last = changes[0], changes[-1]
    along = [float((np.roll(first, shift, axis=1) * last).sum()) for shift in range(25)]
    assert abs(int(np.argmax(along)) - (len(changes) - 1)) <= 2


def test_on_a_face_that_rests_the_cloak_rests() -> None:
    live = Live()
    rng = np.random.default_rng(3)
    still = scene((420, 300), (150, 160, 110)).astype(float)
    noisy = [np.clip(still + rng.normal(0, 1.5, still.shape), 0, 255).astype(np.uint8) for _ in range(6)]
    changes = [live.frame(rgb, n / 25.0).astype(float) - rgb for n, rgb in enumerate(noisy)]
    flicker = np.mean([np.abs(b - a).mean() for a, b in pairwise(changes)])
    own = np.mean([np.abs(b.astype(float) - a).mean() for a, b in pairwise(noisy)])
    assert flicker < 0.5 * own


def test_faces_come_and_go() -> None:
    live = Live()
    empty, one = scene((420, 300)), scene((420, 300), (150, 160, 110))
    assert np.array_equal(live.frame(empty, 0.0), empty)
    assert not np.array_equal(live.frame(one, 0.5), one)
    assert np.array_equal(live.frame(empty, 0.54), empty)
    assert live.seen == 1


# Files


def test_a_picture_is_protected_and_everything_else_in_it_stays(tmp_path: Path, bare: None) -> None:
    source, target = tmp_path / "a.png", tmp_path / "out.png"
    cv2.imwrite(str(source), portrait()[..., ::-1])
    made = protect(source, target)
    assert made.path == target
    assert made.faces == 1
    assert made.kept == 1.0
    assert made.psnr_frame_db > made.psnr_face_db > 30.0
    rgb, mesh = face()
    assert np.array_equal(read_image(target).rgb, cloak.Cloak().picture(rgb, [mesh]))


def test_a_jpeg_bears_its_cloak_after_coding(tmp_path: Path, bare: None) -> None:
    source, target = tmp_path / "a.jpg", tmp_path / "out.jpg"
    cv2.imwrite(str(source), portrait()[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    made = protect(source, target, strength=1.5)
    assert made.kept > 0.5
    assert not np.array_equal(read_image(target).rgb, read_image(source).rgb)


def test_a_film_is_protected_frame_by_frame(tmp_path: Path, bare: None) -> None:
    source, target = tmp_path / "a.mp4", tmp_path / "out.mp4"
    frames = moving()
    write_video(source, frames, [n / 25.0 for n in range(len(frames))])
    told: list[str] = []
    made = protect(source, target, on_progress=lambda what, done: told.append(what))
    assert made.faces == 1
    assert made.psnr_frame_db > 30.0
    assert {"looking for faces", "cloaking"} <= set(told)


def test_what_is_asked_for_last_is_done_last(tmp_path: Path, bare: None) -> None:
    source, target = tmp_path / "a.png", tmp_path / "out.png"
    cv2.imwrite(str(source), portrait()[..., ::-1])
    protect(source, target, finish=lambda rgb: 255 - rgb)
    rgb, mesh = face()
    assert np.array_equal(read_image(target).rgb, 255 - cloak.Cloak().picture(rgb, [mesh]))


@pytest.mark.parametrize("suffix", [".png", ".mp4"])
def test_without_a_face_there_is_nothing_to_protect(suffix: str, tmp_path: Path) -> None:
    source, target = tmp_path / f"a{suffix}", tmp_path / f"out{suffix}"
    empty = scene((320, 240))
    if suffix == ".png":
        cv2.imwrite(str(source), empty)
    else:
        write_video(source, [empty] * 5, [n / 5.0 for n in range(5)])
    with pytest.raises(NotApplicable, match="no face of 48 px"):
        protect(source, target)
    assert list(tmp_path.iterdir()) == [source]


def test_a_picture_without_a_face_is_protected_whole_on_demand(tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "out.png"
    cv2.imwrite(str(source), scene((320, 240)))
    made = protect(source, target, whole_frame=True)
    assert made.faces == 0
    assert not np.array_equal(read_image(target).rgb, read_image(source).rgb)


def test_a_film_without_a_face_is_protected_whole_on_demand(tmp_path: Path) -> None:
    source, target = tmp_path / "a.mp4", tmp_path / "out.mp4"
    write_video(source, [scene((320, 240))] * 4, [n / 10.0 for n in range(4)])
    made = protect(source, target, whole_frame=True)
    assert made.faces == 0
    assert made.kept > 0.5


def test_a_second_cloak_is_refused_unless_forced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(already, "share", lambda rgb, mesh: 0.9)
    source, target = tmp_path / "a.png", tmp_path / "out.png"
    cv2.imwrite(str(source), portrait()[..., ::-1])
    with pytest.raises(NotApplicable, match="a cloak was found"):
        protect(source, target)
    assert not target.exists()
    assert protect(source, target, force=True).faces == 1


def test_films_are_not_optimised(tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    write_video(source, [scene((320, 240))] * 3, [0.0, 0.1, 0.2])
    target = protecting.Target("t", "detector", False, None, True, lambda rgb, mesh: np.zeros((0, 5), np.float32))
    with pytest.raises(UsageError, match="still picture"):
        protect(source, tmp_path / "out.mp4", optimise_against=[target])
