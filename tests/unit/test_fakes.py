"""Pseudo-fakes: what every family keeps, what each of them means, and donors who are somebody else."""

import pickle
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.faces_samples import portrait
from unforge import weights
from unforge.errors import UsageError
from unforge.faces import regions, scan
from unforge.media.frame import Frame
from unforge.train import fakes
from unforge.train.crops import Store
from unforge.train.donors import NearestDonors
from unforge.train.fakes import _alter, _coarse, _fit, _mask, decoder, frequency, part_swap, reenact

Face = tuple[NDArray[np.uint8], NDArray[np.float32]]

families = pytest.mark.parametrize("name", fakes.available())
NEED_DONORS = ("cross_blend", "part_swap", "reenact")
SEEDS = range(12)


@cache
def the_face() -> Face:
    return _seen(portrait())


def _seen(rgb: NDArray[np.uint8]) -> Face:
    track = scan([Frame(0.0, np.ascontiguousarray(rgb))]).tracks[0]
    return track.crops[0], track.crop_landmarks_px[0]


@cache
def people() -> Store:
    """The portrait and pictures that differ from it in side, colour and shape; each counts as a person."""
    rgb = portrait()
    wide = cv2.resize(rgb, None, fx=1.12, fy=1.0, interpolation=cv2.INTER_AREA)
    pictures = [rgb, rgb[:, ::-1], np.clip(rgb * (0.7, 0.8, 0.9), 0, 255).astype(np.uint8), wide, wide[:, ::-1]]
    faces = [_seen(picture) for picture in pictures]
    rows = [{"path": f"{n}.png", "label": "real"} for n in range(len(faces))]
    return Store(rows, np.stack([crop for crop, _ in faces]), np.stack([points for _, points in faces]))


@cache
def donors() -> NearestDonors:
    return NearestDonors(people(), range(len(people().rows)))


@pytest.fixture
def face() -> Face:
    return the_face()


def forged(name: str, seed: int) -> fakes.Fake:
    return fakes.load(name).make(*the_face(), np.random.default_rng(seed), donors())


@families
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_family_returns_a_forgery_its_partner_and_where(name: str, seed: int) -> None:
    crop, points = the_face()
    before, points_before = crop.copy(), points.copy()
    fake = forged(name, seed)
    assert fake.rgb.shape == fake.real.shape == crop.shape
    assert fake.rgb.dtype == fake.real.dtype == np.uint8
    assert fake.mask.shape == crop.shape[:2]
    assert fake.mask.dtype == np.float32
    assert 0.0 <= fake.mask.min() <= fake.mask.max() <= 1.0
    assert fake.mask.max() > 0.3
    assert fake.artefacts
    assert len(set(fake.artefacts)) == len(fake.artefacts)
    assert set(fake.artefacts) <= set(fakes.ARTEFACTS)
    assert fake.region in fakes.REGIONS
    assert np.array_equal(crop, before)
    assert np.array_equal(points, points_before)


@families
def test_the_same_seed_forges_the_same(name: str) -> None:
    first, second = forged(name, 11), forged(name, 11)
    assert np.array_equal(first.rgb, second.rgb)
    assert np.array_equal(first.real, second.real)
    assert np.array_equal(first.mask, second.mask)
    assert (first.artefacts, first.region) == (second.artefacts, second.region)


@families
def test_other_seeds_forge_otherwise(name: str) -> None:
    assert len({forged(name, seed).rgb.tobytes() for seed in range(5)}) == 5


@families
def test_a_family_knows_whether_it_needs_donors(name: str, face: Face) -> None:
    family, rng = fakes.load(name), np.random.default_rng(3)
    if name in NEED_DONORS:
        with pytest.raises(UsageError, match="donors"):
            family.make(*face, rng)
    else:
        assert family.make(*face, rng).rgb.shape == face[0].shape


@families
def test_a_forgery_can_be_seen(name: str) -> None:
    """A change that rounding hides would be a wrong label; of many draws, all but a few can be seen."""
    seen = [_mask.change(forged(name, seed)) >= _mask.MIN_CHANGE for seed in SEEDS]
    assert np.mean(seen) > 0.9


@pytest.mark.parametrize("name", [name for name in fakes.available() if name != "self_blend"])
def test_outside_of_the_mask_nothing_was_touched(name: str, face: Face) -> None:
    """There the forgery is the original, or the partner where the original was sampled once."""
    for seed in SEEDS:
        fake = forged(name, seed)
        outside = fake.mask == 0.0
        versions = (face[0], fake.real)
        assert any(np.array_equal(fake.rgb[outside], version[outside]) for version in versions)


@pytest.mark.parametrize("name", fakes.available())
def test_a_transform_is_no_label(name: str, face: Face) -> None:
    """The partner is the plain picture about half of the time only."""
    plain = [np.array_equal(forged(name, seed).real, face[0]) for seed in range(60)]
    assert 0.25 < np.mean(plain) < 0.75


# Masks


@pytest.mark.parametrize("region", ["face", "inner face", "lower face", "mouth", "eyes", "nose", "half"])
def test_every_region_lies_on_the_face(region: str, face: Face) -> None:
    crop, points = face
    for seed in range(8):
        mask = _mask.region_mask(points, crop.shape[:2], np.random.default_rng(seed), region)
        y, x = np.nonzero(mask > 0.3)
        assert len(y) > 20
        low, high = points.min(axis=0) - 30, points.max(axis=0) + 30
        assert (x > low[0]).mean() > 0.95
        assert ((x < high[0]) & (y < high[1]) & (y > low[1])).mean() > 0.95


def test_a_forgery_that_cannot_be_seen_is_drawn_again(face: Face) -> None:
    mask = np.zeros(face[0].shape[:2], np.float32)
    mask[80:140, 80:140] = 1.0
    levels = iter([0, 0, 9, 20])

    def attempt() -> fakes.Fake:
        return fakes.Fake(face[0] // 2 + next(levels), face[0] // 2, mask, ("colour",))

    assert _mask.change(_mask.until_visible(attempt)) == pytest.approx(9.0)


# Fitting


def test_a_plate_brings_points_to_their_places(face: Face) -> None:
    crop, points = face
    marks = np.zeros_like(crop)
    moved = points + (6.0, -4.0) + 3.0 * np.sin(points / 40.0)
    for x, y in points[[1, 33, 263, 61, 291]]:
        cv2.circle(marks, (round(float(x)), round(float(y))), 2, (255, 255, 255), -1)
    holding = list(_fit.HOLDING)
    bent = _fit.bent_onto(marks, points[holding], moved[holding], crop.shape[:2])[..., 0]
    for x, y in moved[[1, 33, 263, 61, 291]]:
        near = bent[round(y) - 3 : round(y) + 4, round(x) - 3 : round(x) + 4]
        assert near.max() > 120


def test_colours_are_taken_over_as_far_as_asked(face: Face) -> None:
    crop, points = face
    where = _fit.outline(points, crop.shape[:2])
    other = _alter.altered(
        np.clip(crop * (0.6, 0.7, 0.8), 0, 255).astype(np.uint8), "compression", np.random.default_rng(0)
    )
    inside = where > 0.5

    def distance(rgb: NDArray[np.uint8]) -> float:
        return float(np.abs(rgb[inside].mean(axis=0) - crop[inside].mean(axis=0)).max())

    half, whole = (_fit.coloured_like(other, crop, where, strength) for strength in (0.5, 1.0))
    assert distance(whole) < 4.0 < distance(half) < distance(other)
    assert "colour" in _fit.mismatch(other, crop, where)
    assert "colour" not in _fit.mismatch(whole, crop, where)


def test_a_sharper_face_is_softened_to_its_target_and_a_softer_one_left(face: Face) -> None:
    crop, points = face
    where = _fit.outline(points, crop.shape[:2])
    soft = np.asarray(cv2.GaussianBlur(crop, (0, 0), 2.0), np.uint8)
    assert "sharpness" in _fit.mismatch(crop, soft, where)
    assert "sharpness" not in _fit.mismatch(_fit.as_sharp_as(crop, soft, where), soft, where)
    assert np.array_equal(_fit.as_sharp_as(soft, crop, where), soft)


def test_cloning_into_itself_changes_nothing_and_an_empty_mask_is_refused(face: Face) -> None:
    crop, points = face
    mask = _mask.region_mask(points, crop.shape[:2], np.random.default_rng(1), "face")
    cloned = _fit.cloned(crop, crop, mask)
    assert cloned is not None
    assert np.abs(cloned.astype(int) - crop).mean() < 1.0
    assert _fit.cloned(crop, crop, np.zeros_like(mask)) is None
    everywhere = _fit.cloned(crop, crop, np.ones_like(mask))
    assert everywhere is None or everywhere.shape == crop.shape


def test_a_whole_grid_leads_there_and_back(face: Face) -> None:
    crop = face[0]
    soft = np.asarray(cv2.GaussianBlur(crop, (0, 0), 3.0), np.uint8)
    forth, size_wh = _coarse.whole_grid(crop.shape, 0.7, 0.1)
    back = np.linalg.inv(np.vstack([forth, (0, 0, 1)]))[:2]
    _, again = _coarse.through(soft, forth, size_wh, back)
    assert np.abs(again.astype(int) - soft)[8:-8, 8:-8].mean() < 2.0


# What each family means


def test_a_cross_blend_brings_another_face() -> None:
    changes = [_mask.change(forged("cross_blend", seed)) for seed in range(20)]
    assert np.median(changes) > 4.0


@pytest.mark.parametrize("way", list(part_swap.WAYS))
@pytest.mark.parametrize("part", list(part_swap.PARTS))
def test_a_swapped_part_stays_within_its_part(part: str, way: str, face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_swap, "PARTS", {part: 1.0})
    monkeypatch.setattr(part_swap, "WAYS", {way: 1.0})
    points = {
        "eyes": part_swap.LEFT + part_swap.RIGHT,
        "mouth": regions.MOUTH,
        "nose": regions.NOSE,
    }[part]
    room = _mask.grown(regions.hull_mask(face[1][list(points)], face[0].shape[:2]), 0.2 * _mask.face_px(face[1]))
    for seed in range(4):
        fake = forged("part_swap", seed)
        assert fake.region == part
        assert "geometry" in fake.artefacts
        changed = np.abs(fake.rgb.astype(int) - fake.real).sum(axis=2) > 6
        assert changed.any()
        assert not changed[room == 0].any()


@pytest.mark.parametrize("part", list(part_swap.MIRRORED))
def test_a_mirrored_part_lies_on_the_part(part: str, face: Face) -> None:
    here, there = (face[1][list(points)] for points in part_swap.MIRRORED[part])
    seen = _fit.similarity(there * (-1.0, 1.0), here)
    assert np.abs(seen - here).max() < 0.06 * _mask.face_px(face[1])


def test_a_coarse_grid_takes_detail_away(face: Face) -> None:
    kept = []
    for seed in SEEDS:
        fake = forged("warp", seed)
        inside = fake.mask > 0.9 * fake.mask.max()
        kept.append(_fit.detail(fake.rgb, inside) / _fit.detail(face[0], inside))
        assert "sharpness" in fake.artefacts
    assert np.median(kept) < 0.9


@pytest.mark.parametrize("way", list(frequency.WAYS))
def test_tampering_with_frequencies_leaves_the_face_where_it_is(way: str, face: Face) -> None:
    for seed in range(6):
        tampered = frequency.TAMPERING[way](face[0], np.random.default_rng(seed))
        calm, before = (cv2.GaussianBlur(rgb, (0, 0), 9).astype(int) for rgb in (tampered, face[0]))
        assert not np.array_equal(tampered, face[0])
        assert np.abs(calm - before).mean() < 4.0


def test_a_grid_shows_in_the_spectrum_at_its_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frequency, "PERIODS_PX", (4,))
    grey = np.full((96, 96, 3), 120, np.uint8)
    peaks = 0
    for seed in range(8):
        spectrum = np.abs(np.fft.fft2(frequency._grid(grey, np.random.default_rng(seed))[..., 1].astype(float) - 120))
        at_period = spectrum[::24, ::24].sum() / spectrum.sum()
        peaks += at_period > 0.8
    assert 1 <= peaks < 8  # the others were stretched


def test_a_decoder_draws_the_same_face_with_other_detail(face: Face) -> None:
    """The face stays (what is left without detail agrees); its fine structure is the network's."""
    for seed in SEEDS:
        fake = forged("decoder", seed)
        assert "upsampling" in fake.artefacts
        inside = fake.mask > 0.5 * fake.mask.max()
        new, old = fake.rgb.astype(np.float32), face[0].astype(np.float32)
        if "geometry" not in fake.artefacts:
            calm = np.abs(cv2.GaussianBlur(new, (0, 0), 6) - cv2.GaussianBlur(old, (0, 0), 6))[inside].mean()
            bent = bool((fake.mask == 1.0).all())  # a whole picture is bent a little before it is drawn
            assert calm < (10.0 if bent else 3.0)
        fine = [rgb - cv2.GaussianBlur(rgb, (0, 0), 1.5) for rgb in (new, old)]
        assert np.abs(fine[0] - fine[1])[inside].mean() > 0.15 * np.abs(fine[1])[inside].mean()


def test_a_whole_picture_is_drawn_now_and_then_and_its_partner_is_softened(face: Face) -> None:
    """No seam is left to find: everything is the network's, so the partner must not be told by its sharpness."""
    everywhere = [fake for seed in range(60) if (fake := forged("decoder", seed)).mask.min() == 1.0]
    assert 2 <= len(everywhere) <= 25
    for fake in everywhere:
        assert fake.region == "face"
        assert "upsampling" in fake.artefacts
        assert not np.array_equal(fake.real, face[0])
        fine = [float(np.abs(rgb - cv2.GaussianBlur(rgb, (0, 0), 1.5)).mean()) for rgb in
                (fake.rgb.astype(np.float32), fake.real.astype(np.float32))]  # fmt: skip
        assert 0.5 < fine[0] / fine[1] < 2.0


def test_every_output_of_the_decoder_is_drawn(face: Face) -> None:
    session = weights.session(decoder.NETWORK)
    assert len(session.get_outputs()) == 3
    square = np.ascontiguousarray(face[0][56:168, 56:168])
    drawn = {decoder._drawn(square, np.random.default_rng(seed)).tobytes() for seed in range(12)}
    assert len(drawn) > 3


def test_another_moment_of_a_clip_gives_the_expression(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two frames of one clip that differ by a wide mouth: the one shows the other's, at its own place."""
    calm, mesh = the_face()
    wide = part_swap._pulled(calm, [part_swap._bulge(mesh, regions.MOUTH, 1.6, 1.2, 0.0)])
    store = people()
    rows = [{"path": path, "label": "real"} for path in ("clip.mp4", "clip.mp4", "a.png", "b.png")]
    crops = np.stack([calm, wide, store.crops[1], store.crops[2]])
    meshes = np.stack([mesh, mesh + np.float32(0.2), store.landmarks_px[1], store.landmarks_px[2]])
    meshes[1] *= 1.01
    known = NearestDonors(Store(rows, crops, meshes), range(4))
    again = known.again(mesh, np.random.default_rng(0))
    assert again is not None
    assert np.array_equal(again[0], wide)
    assert known.again(store.landmarks_px[1], np.random.default_rng(0)) is None
    assert known.again(store.landmarks_px[3], np.random.default_rng(0)) is None
    shown = reenact._expressing(calm, mesh, np.random.default_rng(0), known)
    x0, y0 = mesh[list(regions.MOUTH)].min(axis=0).astype(int)
    x1, y1 = mesh[list(regions.MOUTH)].max(axis=0).astype(int)
    mouth = np.s_[y0:y1, x0:x1]
    gaps = [np.abs(shown[mouth].astype(int) - other[mouth]).mean() for other in (wide, calm)]
    assert gaps[0] < gaps[1]


def test_a_still_is_bent_to_another_expression_and_stays_the_person(face: Face) -> None:
    for seed in SEEDS:
        fake = forged("reenact", seed)
        assert "geometry" in fake.artefacts
        calm = np.abs(fake.rgb.astype(int) - face[0])
        assert calm.mean() < 8.0
        untouched = cv2.GaussianBlur(face[0], (0, 0), 2).astype(int)
        assert np.abs(cv2.GaussianBlur(fake.real, (0, 0), 2) - untouched).mean() < 3.5


# Donors


def test_a_donor_is_never_the_face_itself_nor_its_file() -> None:
    store, rng = people(), np.random.default_rng(0)
    for n in range(len(store.rows)):
        for _ in range(12):
            crop, mesh = donors().near(store.landmarks_px[n], rng)
            assert crop.shape == (224, 224, 3)
            assert mesh.shape == (468, 2)
            assert not np.array_equal(mesh, store.landmarks_px[n])


def test_frames_of_one_clip_do_not_lend_to_each_other() -> None:
    store = people()
    rows = [{"path": path, "label": "real"} for path in ("clip.mp4", "clip.mp4", "clip.mp4", "a.png", "b.png")]
    meshes = store.landmarks_px.copy()
    meshes[1], meshes[2] = meshes[0] + 0.01, meshes[0] * 1.0001
    lenders = NearestDonors(Store(rows, store.crops, meshes), range(5))
    rng = np.random.default_rng(1)
    seen = {lenders.near(meshes[0], rng)[1].tobytes() for _ in range(20)}
    assert seen == {meshes[3].tobytes(), meshes[4].tobytes()}


def test_only_the_given_rows_lend() -> None:
    store, rng = people(), np.random.default_rng(2)
    lenders = NearestDonors(store, [1, 2])
    seen = {lenders.near(store.landmarks_px[4], rng)[1].tobytes() for _ in range(20)}
    assert seen == {store.landmarks_px[1].tobytes(), store.landmarks_px[2].tobytes()}


def test_nearer_shapes_lend_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one choice only, a slightly narrowed face gets the face that it was made from, however large it is."""
    monkeypatch.setattr("unforge.train.donors.CHOICES", 1)
    store = people()
    narrowed = (store.landmarks_px[1] * (0.99, 1.0) * 0.5 + 20.0).astype(np.float32)
    lent = NearestDonors(store, [1, 3, 4]).near(narrowed, np.random.default_rng(0))
    assert np.array_equal(lent[1], store.landmarks_px[1])


def test_donors_need_two_files() -> None:
    with pytest.raises(UsageError, match="two files"):
        NearestDonors(people(), [0])


def test_donors_travel_to_workers_without_their_pixels(tmp_path: Path) -> None:
    store = people()
    mapped = np.memmap(tmp_path / "crops.u8", np.uint8, "w+", shape=store.crops.shape)
    mapped[:] = store.crops
    mapped.flush()
    kept = Store(store.rows, mapped, store.landmarks_px)
    assert len(pickle.dumps(kept)) < store.crops.nbytes
    again = pickle.loads(pickle.dumps(kept))
    assert np.array_equal(again.crops, store.crops)
    assert again.rows == store.rows
    lenders = NearestDonors(kept, range(5))
    packed = pickle.dumps(lenders)
    assert len(packed) < store.crops.nbytes
    mesh = store.landmarks_px[0]
    here, there = (one.near(mesh, np.random.default_rng(4)) for one in (lenders, pickle.loads(packed)))
    assert np.array_equal(here[0], there[0])
    assert np.array_equal(here[1], there[1])
