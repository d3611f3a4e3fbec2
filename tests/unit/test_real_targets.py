"""The real targets: each sees the clean face, and nothing where there is none."""

import sys
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faces_samples import portrait, scene
from unforge.faces import find, mesh
from unforge.protect import outcomes, targets
from unforge.protect.targets import Points, Target, mtcnn

REAL = targets.all_targets()
BY_NAME = {target.name: target for target in REAL}
detectors = pytest.mark.parametrize("target", [t for t in REAL if t.kind == "detector"], ids=lambda t: t.name)
real = pytest.mark.parametrize("target", REAL, ids=lambda t: t.name)
WITH_MTCNN = pytest.mark.skipif("mtcnn" not in BY_NAME, reason="needs torch and the wheel facenet-pytorch")


def meshes(rgb: NDArray[np.uint8]) -> list[Points]:
    found = find.find(rgb)
    seen = [mesh.mesh(rgb, box, eyes) for box, eyes in zip(found.boxes_px, found.eyes_px, strict=True)]
    return [points[:, :2] for points in seen if points is not None]


@pytest.fixture(scope="module")
def face() -> Points:
    return meshes(portrait())[0]


def test_the_real_ones_need_no_folder_and_are_not_trained_here() -> None:
    assert {"full-range", "short-range", "landmarks", "haar"} <= set(BY_NAME)
    assert not any(target.is_trained_here for target in REAL)
    assert {name for name, target in BY_NAME.items() if not target.may_train} <= {"haar", "mtcnn"}
    assert all(target.network is not None and target.network.is_file() for target in REAL if target.may_train)


@detectors
def test_a_detector_finds_the_clean_face_once(target: Target, face: Points) -> None:
    boxes = target.respond(portrait(), face)
    assert (boxes.shape, boxes.dtype) == ((1, 5), np.float32)
    assert outcomes.found(face, boxes, boxes) == {"found_clean": 1.0, "still_found": 1.0}


@detectors
def test_a_detector_finds_both_of_two_faces(target: Target) -> None:
    rgb = scene((1000, 500), (250, 220, 130), (740, 240, 130))
    known = meshes(rgb)
    boxes = target.respond(rgb, known[0])
    assert len(known) == len(boxes) == 2
    assert all(outcomes.found(one, boxes, boxes)["found_clean"] == 1.0 for one in known)


@detectors
@pytest.mark.parametrize("size_wh", [(320, 240), (17, 9), (1, 1)])
def test_a_detector_sees_nothing_where_nothing_is(target: Target, size_wh: tuple[int, int], face: Points) -> None:
    boxes = target.respond(scene(size_wh), face)
    assert (boxes.shape, boxes.dtype) == ((0, 5), np.float32)


@real
def test_a_target_answers_the_same_twice_and_leaves_the_picture_alone(target: Target, face: Points) -> None:
    rgb = portrait()
    first = target.respond(rgb, face)
    assert np.array_equal(first, target.respond(rgb, face))
    assert np.array_equal(rgb, portrait())


def test_landmarks_lie_where_they_were_known_to_lie(face: Points) -> None:
    points = BY_NAME["landmarks"].respond(portrait(), face)
    assert outcomes.located(face, face, points)["broken"] == 0.0
    assert BY_NAME["landmarks"].respond(scene((512, 512)), face).shape == (0, 2)


def test_one_network_alone_sees_what_both_together_see(face: Points) -> None:
    alone, together = find.alone(find.FULL, portrait()), find.find(portrait())
    assert np.array_equal(alone.boxes_px, together.boxes_px)
    assert len(find.alone(find.SHORT, portrait())) == 1


@WITH_MTCNN
def test_the_cascade_is_sure_of_the_portrait_and_places_it_tightly(face: Points) -> None:
    (box,) = BY_NAME["mtcnn"].respond(portrait(), face)
    assert box[4] > 0.99
    assert np.abs(box[:4] - [181, 62, 267, 173]).max() < 3.0


@WITH_MTCNN
def test_the_package_with_the_weights_is_read_and_never_imported(face: Points) -> None:
    BY_NAME["mtcnn"].respond(portrait(), face)
    assert not any(name.split(".")[0] in ("facenet_pytorch", "torchvision") for name in sys.modules)


def test_without_the_weights_there_is_no_cascade(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(mtcnn, "distribution", missing)
    assert mtcnn.targets(None) == ()


def test_without_torch_there_is_no_cascade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mtcnn, "find_spec", lambda name: None if name == "torch" else find_spec(name))
    assert mtcnn.targets(None) == ()
