"""The manipulators and the identity encoder that measure cloaks: two steps of each on made faces, and their files."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from math import inf
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install unforge[train]")
pytest.importorskip("onnx", reason="needs the train extra: pip install unforge[train]")

import torch

from tests.faces_samples import portrait
from unforge.faces import scan
from unforge.media.frame import Frame
from unforge.media.write import write_video
from unforge.nets.onnx_graph import OnnxGraph
from unforge.protect.targets import all_targets
from unforge.train import export
from unforge.train.recipes import targets
from unforge.train.targets import attributes, editor, identity, swap
from unforge.train.targets.faces import Faces, gather
from unforge.train.targets.run import Run

SHAPES = {"editor": (3, 3, 64, 64), "fader": (3, 3, 64, 64), "swap": (2, 3, 64, 64), "identity": (128,)}
HEAD = np.s_[0:300, 75:375]
FRAMES = 10


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four stills, and clips of four people, half of each for training."""
    folder = tmp_path_factory.mktemp("data")
    lines = ["path,label,kind,dataset,method,identity,split"]
    for n, split in enumerate(("train", "train", "val", "val")):
        shown = np.clip(portrait()[HEAD] * (0.6 + 0.2 * n), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{n}.png"), np.ascontiguousarray(shown[..., ::-1]))
        write_video(folder / f"{n}.mp4", [np.roll(shown, t, axis=1) for t in range(FRAMES)], np.arange(FRAMES) / 12.5)
        lines += [f"{n}.png,real,image,nasa,,,{split}", f"{n}.mp4,real,video,ffpp_c23,,{n:03d},{split}"]
    (folder / "manifest.csv").write_text("\n".join([*lines, "0.png,fake,image,nasa,x,,train"]) + "\n")
    return folder


@pytest.fixture(scope="module")
def brief() -> Iterator[None]:
    """Two batches for each network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(targets, "PLANS", tuple(replace(plan, steps=2) for plan in targets.PLANS))
        yield


@pytest.fixture(scope="module")
def out(data: Path, brief: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return targets.main(data, tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def faces(data: Path, out: Path) -> Faces:
    return gather(data, out)


def test_every_network_is_written_small_and_as_it_is_recorded(out: Path) -> None:
    record = json.loads((out / "targets.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert list(record) == [
        f"{kind}-{n}"
        for kind, n in (
            p.split() for p in ("editor 1", "identity 1", "swap 1", "editor 2", "fader 1", "fader 2", "swap 2")
        )
    ]
    for name, entry in record.items():
        assert entry["sha256"] == export.sha256(out / f"{name}.onnx")
        assert entry["seed"] == int(name[-1])
        assert entry["parameters"] < 1_600_000
        assert entry["training"]["step"] == 2
    assert 0.0 <= record["editor-1"]["quality"]["share_changed"] <= 1.0
    assert record["swap-2"]["quality"]["reconstruction_error"] > 0.0
    assert record["identity-1"]["quality"]["people"] == 2


@pytest.mark.parametrize("kind", SHAPES)
def test_a_file_is_plain_enough_to_give_gradients_for_any_number_of_faces(out: Path, kind: str) -> None:
    graph = OnnxGraph(out / f"{kind}-1.onnx")
    for n in (1, 3):
        rgb = (torch.rand(n, 3, 64, 64, generator=torch.Generator().manual_seed(n)) * 2.0 - 1.0).requires_grad_()
        (answer,) = graph(rgb)
        assert answer.shape == (n, *SHAPES[kind])
        assert float(answer.detach().abs().max()) <= 1.0
        answer.square().flatten(1)[:, 0].sum().backward()
        assert rgb.grad is not None
        assert float(rgb.grad.abs().max()) > 0.0


def test_targets_answer_as_their_kind_does_and_seed_two_is_held_out(out: Path) -> None:
    track = scan([Frame(0.0, portrait())]).tracks[0]
    found = {target.name: target for target in all_targets(out) if target.is_trained_here}
    assert {name for name, target in found.items() if not target.may_train} == {"editor-2", "fader-2", "swap-2"}
    for name, target in found.items():
        answer = target.respond(portrait(), track.landmarks_px[0])
        assert answer.dtype == np.float32
        assert answer.shape == SHAPES[name[:-2]]
        assert target.kind == {"fader": "editor"}.get(name[:-2], name[:-2])
        assert target.network == out / f"{name}.onnx"
        np.testing.assert_array_equal(answer, target.respond(portrait(), track.landmarks_px[0]))
    assert np.linalg.norm(found["identity-1"].respond(portrait(), track.landmarks_px[0])) == pytest.approx(
        1.0, abs=1e-4
    )


def test_what_is_finished_is_not_made_again(data: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(targets, "make", lambda faces, plan, run, out: made.append(plan.name))
    targets.main(data, out)
    assert made == []
    targets.main(data, out, seed=7)
    assert made == [plan.name for plan in targets.PLANS]


def test_a_file_that_is_not_the_recorded_one_is_not_finished(out: Path, tmp_path: Path) -> None:
    (tmp_path / "targets.json").write_bytes((out / "targets.json").read_bytes())
    (tmp_path / "swap-1.onnx").write_bytes(b"something else")
    swap_1 = next(plan for plan in targets.PLANS if plan.name == "swap-1")
    assert targets.is_finished(out, swap_1, seed=1)
    assert not targets.is_finished(tmp_path, swap_1, seed=1)


def test_a_network_that_was_begun_goes_on(faces: Faces, tmp_path: Path) -> None:
    for steps, resume in ((2, False), (5, True)):
        identity.learn(faces, Run(1, inf, steps, tmp_path, resume))
    steps_told = [line.split(",")[0] for line in (tmp_path / "log.csv").read_text("utf-8").splitlines()]
    assert steps_told == ["step", "2", "5"]


def test_batches_depend_on_seed_and_step_alone(faces: Faces) -> None:
    has = attributes.read(faces.plain(range(len(faces.store.rows))))
    later = next(editor.batches(faces, has, seed=3, first=4))
    on_the_way = list(islice(editor.batches(faces, has, seed=3, first=2), 3))[2]
    assert all(torch.equal(a, b) for a, b in zip(later, on_the_way, strict=True))
    assert not torch.equal(later.pictures, next(editor.batches(faces, has, seed=4, first=4)).pictures)


def test_nothing_is_learned_from_the_validation_split(faces: Faces) -> None:
    splits = {faces.store.rows[n]["split"] for n in np.flatnonzero(faces.drawn)}
    assert splits == {"train"}
    assert {clip.identity for clip in faces.clips_of("train")} == {"000", "001"}
    assert len(faces.measured) == 2


def test_what_a_swap_learns_and_what_measures_it_are_different_pictures(faces: Faces) -> None:
    learned, kept = (swap.people(faces, seed=1, learned=learned) for learned in (True, False))
    assert [len(crops) for crops, _ in learned] == [8, 8]
    assert [len(crops) for crops, _ in kept] == [2, 2]


def test_attributes_follow_the_picture() -> None:
    grey = np.full((1, 64, 64, 3), 120, np.uint8)
    hair, skin = attributes.HAIR, attributes.SKIN
    blond, tanned = grey.copy(), grey.copy()
    blond[:, hair[0], hair[1]] = 210
    tanned[:, skin[0], skin[1]] = (150, 80, 60)
    plain = attributes.read(grey)[0]
    assert attributes.read(blond)[0] == pytest.approx([1.0, *plain[1:]])
    assert attributes.read(tanned)[0][2] == 1.0
    assert attributes.read(tanned)[0][1] < plain[1]


def test_agreement_is_cheap_only_where_partners_are_near() -> None:
    known = torch.nn.functional.normalize(torch.randn(6, 16, generator=torch.Generator().manual_seed(0)), dim=1)
    right, _ = identity.agreement(known, known)
    wrong, _ = identity.agreement(known, known.roll(1, 0))
    assert float(right) < 0.5 < float(wrong)
