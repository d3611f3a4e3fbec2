"""A person against the surroundings: each figure answers to what it is named after, and the answer never votes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests import film_samples
from tests.faces_samples import portrait
from unforge import faces
from unforge.detect import _backdrop, _surroundings, scene
from unforge.evidence import Evidence
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack, align
from unforge.faces.regions import OVAL, hull_mask
from unforge.media.frame import Frame
from unforge.media.write import write_video
from unforge.verdict import weigh

Picture = NDArray[np.uint8]
Mesh = NDArray[np.float32]
Floats = NDArray[np.float64]

SIDE_PX = 300


@pytest.fixture(scope="module")
def still() -> tuple[Picture, Mesh]:
    """The portrait and its mesh."""
    (track,) = faces.scan([Frame(0.0, portrait())]).tracks
    return portrait(), np.asarray(track.landmarks_px[0], np.float32)


def cropped(rgbs: Sequence[Picture], meshes: Sequence[Mesh], rate_hz: float = 25.0) -> FaceTrack:
    """A track of pictures whose meshes are known, without any network."""
    matrices = [align.face_square(mesh, align.CROP_MARGIN, align.CROP_PX) for mesh in meshes]
    crops = [align.warp(rgb, matrix, align.CROP_PX) for rgb, matrix in zip(rgbs, matrices, strict=True)]
    on_crops = [mesh @ matrix[:, :2].T + matrix[:, 2] for mesh, matrix in zip(meshes, matrices, strict=True)]
    boxes = [np.concatenate([mesh.min(axis=0), mesh.max(axis=0)]) for mesh in meshes]
    count = len(rgbs)
    return FaceTrack(
        id=0,
        times_s=np.arange(count) / rate_hz,
        boxes_px=np.array(boxes, np.float32),
        landmarks_px=np.array(meshes, np.float32),
        size_px=np.array([np.ptp(mesh, axis=0).max() for mesh in meshes], np.float32),
        sharpness=np.full(count, 20.0, np.float32),
        yaw_deg=np.zeros(count, np.float32),
        blockiness=np.ones(count, np.float32),
        crops=np.stack(crops),
        crop_landmarks_px=np.array(on_crops, np.float32),
    )


def altered(rgb: Picture, mesh: Mesh, change: Callable[[Floats], Floats]) -> Picture:
    """The picture with something done to the face within its outline."""
    mask = cv2.GaussianBlur(hull_mask(mesh[list(OVAL)], rgb.shape[:2]), (0, 0), 2.0)[..., None]
    changed = change(rgb.astype(np.float64))
    return np.asarray(np.clip(np.round(rgb * (1 - mask) + changed * mask), 0, 255), np.uint8)


def noisy(rgb: Floats) -> Floats:
    return rgb + np.random.default_rng(3).normal(0.0, 6.0, rgb.shape)


def blurred(rgb: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), 1.2))


def tinted(rgb: Floats) -> Floats:
    return rgb * np.array([0.85, 1.05, 0.95])


def measured(rgb: Picture, mesh: Mesh) -> dict[str, float]:
    return scene.in_looks(cropped([rgb], [mesh]), (rgb.shape[1], rgb.shape[0]))


@pytest.mark.parametrize(
    ("change", "name", "rises"),
    [
        (noisy, "noise_ratio", True),
        (blurred, "noise_ratio", False),
        (blurred, "sharpness_ratio", False),
        (noisy, "ela_ratio", True),
        (tinted, "neck_delta_e", True),
    ],
)
def test_a_figure_answers_to_what_was_done_to_the_face(
    change: Callable[[Floats], Floats], name: str, rises: bool, still: tuple[Picture, Mesh]
) -> None:
    rgb, mesh = still
    before, after = measured(rgb, mesh), measured(altered(rgb, mesh, change), mesh)
    ratio = after[name] / before[name]
    assert ratio > 1.2 if rises else ratio < 0.83


def test_what_is_done_to_the_whole_picture_falls_out(still: tuple[Picture, Mesh]) -> None:
    rgb, mesh = still
    before = measured(rgb, mesh)
    for change in (blurred, lambda rgb: 0.8 * rgb + 20.0):
        after = measured(np.asarray(np.clip(change(rgb.astype(float)), 0, 255), np.uint8), mesh)
        for name in ("noise_ratio", "sharpness_ratio"):
            assert after[name] == pytest.approx(before[name], rel=0.25)


def test_coding_takes_the_traces_away(still: tuple[Picture, Mesh]) -> None:
    rgb, mesh = still

    def effect(quality: int) -> float:
        def noise(picture: Picture) -> float:
            return np.log(measured(np.asarray(_surroundings._as_jpeg(picture, quality), np.uint8), mesh)["noise_ratio"])

        return abs(noise(altered(rgb, mesh, blurred)) - noise(rgb))

    assert effect(25) < 0.6 * effect(98)


def test_a_grid_of_blocks_in_the_face_alone_shows() -> None:
    rng = np.random.default_rng(1)
    rgb = np.asarray(rng.normal(128.0, 3.0, (200, 200)), np.float32)
    inside = np.zeros((200, 200), bool)
    inside[40:160, 40:160] = True
    steps = 10.0 * rng.standard_normal((25, 25)).repeat(8, 0).repeat(8, 1)[:200, :200]
    level = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    blocks = _surroundings.blockiness(np.where(inside, rgb + steps, rgb).astype(np.float32), inside, ~inside, level)
    even = _surroundings.blockiness(rgb, inside, ~inside, level)
    assert even["blocks_ratio"] == pytest.approx(1.0, abs=0.1)
    assert (blocks["blocks_ratio"] or 0.0) > 1.5
    assert _surroundings.blockiness(rgb, inside, ~inside, 0.3 * level) == {}


def test_a_face_that_was_saved_before_is_told_by_its_quality(still: tuple[Picture, Mesh]) -> None:
    rgb, mesh = still
    once = np.asarray(_surroundings._as_jpeg(rgb, 60), np.uint8)
    oval = hull_mask(mesh[list(OVAL)], rgb.shape[:2])[..., None] > 0
    pasted = np.asarray(_surroundings._as_jpeg(np.where(oval, once, rgb).astype(np.uint8), 98), np.uint8)
    plain = np.asarray(_surroundings._as_jpeg(rgb, 98), np.uint8)
    found, untouched = _surroundings.ghosts(pasted, mesh, 98), _surroundings.ghosts(plain, mesh, 98)
    assert found["ghost_quality_face"] == 60.0
    assert "ghost_quality_surroundings" not in found
    assert "ghost_quality_face" not in untouched
    assert found["ghost_gap"] > 2.0 * untouched["ghost_gap"]
    alike = _surroundings.ghosts(np.asarray(_surroundings._as_jpeg(once, 98), np.uint8), mesh, 98)
    assert (alike["ghost_quality_face"], alike["ghost_quality_surroundings"]) == (60.0, 60.0)
    assert not any(name.startswith("ghost_quality") for name in _surroundings.ghosts(once, mesh, 60))  # its only save


def test_the_mirrored_edge_of_a_crop_is_no_surroundings(still: tuple[Picture, Mesh]) -> None:
    _, mesh = still
    assert _surroundings.inside_picture(mesh, (512, 512)).all()
    right = int(mesh[:, 0].max()) + 2
    inside = _surroundings.inside_picture(mesh, (right, 512))
    assert 0.5 < inside.mean() < 0.9
    assert not inside[:, -20:].any()


# Motion


def scenery() -> Picture:
    rng = np.random.default_rng(2)
    soft = cv2.GaussianBlur(rng.uniform(0, 255, (SIDE_PX, SIDE_PX, 3)), (0, 0), 3.0)
    return np.asarray(np.clip(128.0 + 6.0 * (soft - soft.mean()), 0, 255), np.uint8)


def film(head: Callable[[int], tuple[float, float]], behind: Callable[[int], tuple[float, float]], count: int = 60):
    """Frames and meshes: a head of the sample before scenery, each of which moves in its own way."""
    rgb, mesh = film_samples.still()
    outline = 1.15 * (mesh[list(OVAL)] - mesh.mean(0)) + mesh.mean(0)
    mask = cv2.GaussianBlur(hull_mask(outline, rgb.shape[:2]), (0, 0), 2.0)
    size, view = (SIDE_PX, SIDE_PX), scenery()
    shown, meshes = [], []
    for n in range(count):
        there = np.array([[1.0, 0.0, 30.0 + head(n)[0]], [0.0, 1.0, 40.0 + head(n)[1]]])
        back = np.array([[1.0, 0.0, behind(n)[0]], [0.0, 1.0, behind(n)[1]]])
        face, cover = cv2.warpAffine(rgb, there, size), cv2.warpAffine(mask, there, size)[..., None]
        below = cv2.warpAffine(view, back, size, borderMode=cv2.BORDER_REFLECT_101)
        shown.append(np.asarray(np.round(face * cover + below * (1.0 - cover)), np.uint8))
        meshes.append((mesh + there[:, 2]).astype(np.float32))
    return shown, meshes


def swaying(n: int) -> tuple[float, float]:
    return 8.0 * np.sin(n / 7.0), 5.0 * np.cos(n / 9.0)


def resting(n: int) -> tuple[float, float]:
    return 0.0, 0.0


def backdrop(head: Callable[[int], tuple[float, float]], behind: Callable[[int], tuple[float, float]]):
    found = _backdrop.measure(cropped(*film(head, behind)), (SIDE_PX, SIDE_PX))
    assert found is not None
    return found.facts


def test_a_background_that_rests_behind_a_moving_head_is_told() -> None:
    facts = backdrop(swaying, resting)
    assert facts["background_motion_px"] < 0.3
    assert abs(facts["background_follows_face"]) < 0.1
    assert facts["face_motion_px"] == pytest.approx(5.0, abs=2.0)


def test_a_background_that_goes_along_is_told_with_how_far() -> None:
    along = backdrop(swaying, swaying)
    assert along["background_follows_face"] == pytest.approx(1.0, abs=0.15)
    assert along["background_motion_px"] == pytest.approx(along["face_motion_px"], rel=0.2)
    half = backdrop(swaying, lambda n: (0.5 * swaying(n)[0], 0.5 * swaying(n)[1]))
    assert half["background_follows_face"] == pytest.approx(0.5, abs=0.15)


def test_a_camera_that_pans_past_a_still_head_is_not_followed() -> None:
    facts = backdrop(resting, lambda n: (0.6 * n, 0.0))
    assert facts["background_motion_px"] == pytest.approx(3.0, rel=0.2)
    assert "background_follows_face" not in facts  # the head hardly moves: nothing can follow it
    panned = backdrop(lambda n: (8.0 * np.sin(n / 7.0) + 0.3 * n, 0.0), lambda n: (0.3 * n, 0.0))
    assert abs(panned["background_follows_face"]) < 0.2


def test_a_plain_wall_says_nothing_of_motion() -> None:
    shown, meshes = film(swaying, resting)
    for rgb, mesh in zip(shown, meshes, strict=True):
        oval = 1.3 * (mesh[list(OVAL)] - mesh.mean(0)) + mesh.mean(0)
        rgb[hull_mask(oval, rgb.shape[:2]) == 0] = 90
    found = _backdrop.measure(cropped(shown, meshes), (SIDE_PX, SIDE_PX))
    assert found is not None
    assert set(found.facts) == {"face_motion_px", "background_change_levels"}
    assert found.facts["background_change_levels"] < 0.5


def test_slow_and_short_films_are_measured_or_left_out() -> None:
    shown, meshes = film(swaying, resting)
    slow = _backdrop.measure(cropped(shown[:40], meshes[:40], rate_hz=12.0), (SIDE_PX, SIDE_PX))
    assert slow is not None
    assert 0.2 <= float(np.diff(slow.times_s).min()) < 0.3
    assert _backdrop.measure(cropped(shown[:12], meshes[:12]), (SIDE_PX, SIDE_PX)) is None
    assert _backdrop.measure(cropped(shown[:20], meshes[:20], rate_hz=2.0), (SIDE_PX, SIDE_PX)) is None
    assert _backdrop.unchanged_share(cropped(shown[:1], meshes[:1])) is None


def test_frames_without_change_are_counted_though_the_mesh_trembles() -> None:
    clip = film_samples.moving(16)
    rng = np.random.default_rng(5)

    def share(hold: int) -> float:
        places = [n // hold for n in range(16 * hold)]
        meshes = [clip.landmarks_px[n] + rng.normal(0.0, 0.1, (468, 2)) for n in places]
        return _backdrop.unchanged_share(cropped([clip.rgb[n] for n in places], meshes)) or 0.0

    assert share(1) < 0.05
    assert share(2) == pytest.approx(0.5, abs=0.08)
    assert share(4) == pytest.approx(0.75, abs=0.08)


# The examiner


def png(path: Path, rgb: Picture) -> Path:
    cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return path


def examined(path: Path) -> Evidence:
    """Figures explain and never vote, in both languages."""
    answer = scene.load().examine(Exhibit(path))
    assert (answer.question, answer.source, answer.llr, answer.abstained) == ("manipulated", "scene-1", 0.0, True)
    assert weigh([answer]).band == "not_assessable"
    assert answer.note.endswith(".")
    assert str(answer.facts["note_zh"]).endswith("。")
    assert all(region.box_px is None and region.heat is None and region.llr == 0.0 for region in answer.regions)
    assert all(isinstance(value, str) or np.isfinite(value) for value in answer.facts.values())
    return answer


def test_a_still_has_figures_and_one_region_for_its_person(tmp_path: Path) -> None:
    answer = examined(png(tmp_path / "a.png", portrait()))
    (region,) = answer.regions
    assert region.facts["noise_ratio"] == answer.facts["noise_ratio"]
    assert (answer.facts["faces"], answer.facts["faces_measured"], answer.facts["max_abs_llr"]) == (1.0, 1.0, 0.0)
    assert not any(name.startswith(("background", "ghost")) for name in answer.facts)  # neither film nor JPEG
    assert answer.curves == ()


def test_what_is_unusual_is_named_with_what_is_usual(still: tuple[Picture, Mesh], tmp_path: Path) -> None:
    loud = altered(*still, lambda rgb: noisy(noisy(rgb)))
    answer = examined(png(tmp_path / "a.png", loud))
    assert float(answer.facts["noise_ratio"]) > scene.SHOWN["noise_ratio"].picture[1]
    assert "noise, face over surroundings" in answer.note
    assert "(usually 0.42 to 1.46)" in answer.note
    assert "counts neither way" in answer.note
    assert answer.facts["figures_unusual"] == len(scene.unusual(dict(answer.regions[0].facts), "image"))


def test_a_jpeg_on_its_own_grid_is_asked_for_earlier_saves(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), portrait()[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert "ghost_gap" in examined(tmp_path / "a.jpg").facts


def test_a_film_has_motion_and_its_curves(tmp_path: Path) -> None:
    shown, _ = film(swaying, resting, 40)
    write_video(tmp_path / "a.mp4", shown, (n / 25.0 for n in range(40)))
    answer = examined(tmp_path / "a.mp4")
    assert float(answer.facts["background_motion_px"]) < 0.5 < float(answer.facts["face_motion_px"])
    assert [curve.name for curve in answer.curves] == ["face_motion", "background_motion"]
    assert all((curve.x_unit, curve.y_unit, curve.track) == ("s", "px", 0) for curve in answer.curves)


def test_the_reason_of_an_abstention_can_be_checked(still: tuple[Picture, Mesh]) -> None:
    rgb, mesh = still
    small = cropped([rgb], [mesh * 0.3 + 200.0])
    assert scene.in_looks(small, (512, 512)) == {}
    assert "px across; this examiner needs 64 px" in scene._why_not(small, 1).en
    dark = cropped([np.asarray(rgb // 12, np.uint8)], [mesh])
    assert "too dark" in scene._why_not(dark, 3).en
    assert scene._why_not(dark, 3).en.startswith("The most visible of 3 faces")
