"""What every examiner says of held-out faces and film, untouched and forged: what fusion is learned from."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge import detect
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack, Scan, quality
from unforge.media.write import write_video
from unforge.train import fakes, hard_clips, temporal_fakes
from unforge.train.clips import Clip
from unforge.train.fakes import Face
from unforge.train.material import Material
from unforge.train.moves import Stretch
from unforge.train.pairs import draw_way
from unforge.verdict import votes

STILLS = 500  # at most
ROUNDS = 3  # forgeries of each held-out stretch: so many of stills' families, so many over time
Tell = Callable[[str, float], None] | None


@dataclass(frozen=True, slots=True)
class Heard:
    """One exhibit: what kind of material, whether forged, and the llr of every source that spoke."""

    kind: str
    fake: bool
    said: Mapping[str, float]


class OneDonor:
    """The same other face for every frame of a stretch."""

    def __init__(self, donors: fakes.Donors, landmarks_px: NDArray[np.float32], rng: np.random.Generator) -> None:
        self._near = donors.near(landmarks_px, rng)
        self._again = donors.again(landmarks_px, rng)

    def near(self, landmarks_px: NDArray[np.float32], rng: np.random.Generator) -> Face:
        return self._near

    def again(self, landmarks_px: NDArray[np.float32], rng: np.random.Generator) -> Face | None:
        return self._again


def listen(
    seen: Material, stretches: Sequence[Stretch], examiners: Sequence[str], folder: Path, tell: Tell = None
) -> list[Heard]:
    """Ask every examiner about all held-out material; answers are kept in a folder, and what is there is not redone."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = [*_stills(seen), *_stretches(seen, stretches), *_labelled(seen)]
    found = []
    for n, (name, kind, fake, make) in enumerate(asked):
        key = hashlib.sha256(" ".join((name, *examiners)).encode()).hexdigest()[:20]
        file = folder / f"{key}.json"
        if not file.exists():
            with make() as path_or_exhibit:
                said = _said(path_or_exhibit, examiners)
            file.write_text(json.dumps(asdict(Heard(kind, fake, said))))
        data = json.loads(file.read_text())
        found.append(Heard(data["kind"], data["fake"], data["said"]))
        if tell is not None:
            tell("listening", (n + 1) / len(asked))
    return [one for one in found if one.said]


def _said(exhibit: Exhibit, examiners: Sequence[str]) -> dict[str, float]:
    answers = [detect.load(name).examine(exhibit) for name in examiners]
    return {answer.source: answer.llr for answer in answers if answer.question == "manipulated" and votes(answer)}


class _Shown:
    """An exhibit for the time of a question."""

    def __init__(self, make: Callable[[Path], Exhibit]) -> None:
        self._make = make

    def __enter__(self) -> Exhibit:
        self._folder = tempfile.TemporaryDirectory()
        return self._make(Path(self._folder.name))

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


Asked = tuple[str, str, bool, Callable[[], _Shown]]
"""Name, kind, whether forged, and how to come by the exhibit."""


def _stills(seen: Material) -> Iterator[Asked]:
    """Held-out photographs and one forgery of each, both degraded in the same way; forged photographs as they are."""
    store = seen.store
    rows = [n for n in store.where(label="real", kind="image").tolist() if seen.held_out(store.rows[n])]
    rows = [rows[round(at)] for at in np.linspace(0, len(rows) - 1, min(STILLS, len(rows)))]
    names = fakes.available()
    for count, n in enumerate(rows):
        family = names[count % len(names)]
        yield f"still {n}", "held-out stills", False, _still(seen, n, family, False)
        yield f"forged still {n}", f"still {family}", True, _still(seen, n, family, True)
    for n in store.where(label="fake", kind="image").tolist():
        if seen.held_out(store.rows[n]):
            yield f"labelled still {n}", "face-swapped stills", True, _still(seen, n, "", False)


def _still(seen: Material, n: int, family: str, fake: bool) -> Callable[[], _Shown]:
    def make(_: Path) -> Exhibit:
        crop, mesh = np.array(seen.store.crops[n]), np.array(seen.store.landmarks_px[n])
        if family:
            rng = np.random.default_rng([13, n])
            made = fakes.load(family).make(crop, mesh, rng, seen.donors)
            crop = draw_way(rng).of(made.rgb if fake else made.real)
        row = seen.store.rows[n]
        exhibit = Exhibit(row["path"])
        exhibit.__dict__["scan"] = Scan((_track(crop, mesh, float(row["size_px"])),), (0.0,), ())
        return exhibit

    return lambda: _Shown(make)


def _track(crop: NDArray[np.uint8], mesh: NDArray[np.float32], size_px: float) -> FaceTrack:
    points = mesh * (size_px / quality.size_px(mesh))
    box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    return FaceTrack(
        id=0,
        times_s=np.zeros(1),
        boxes_px=box[None],
        landmarks_px=points[None],
        size_px=np.array([size_px], np.float32),
        sharpness=np.array([quality.sharpness(crop)], np.float32),
        yaw_deg=np.zeros(1, np.float32),
        blockiness=np.ones(1, np.float32),
        crops=crop[None],
        crop_landmarks_px=mesh[None],
    )


def _stretches(seen: Material, found: Sequence[Stretch]) -> Iterator[Asked]:
    """Held-out film untouched, forged frame by frame in one way, and forged over time; coded alike."""
    still, moving = fakes.available(), temporal_fakes.available()
    held = [one for one in found if one.held_out and one.sample.label == "real"]
    for n, stretch in enumerate(held):
        for turn in range(ROUNDS):
            seed, name = 100 * n + turn, f"{stretch.file.stem} {turn}"
            yield f"film {name}", "held-out film", False, _film(seen, stretch, "", seed)
            family = still[(ROUNDS * n + turn) % len(still)]
            yield f"{family} {name}", f"film {family}", True, _film(seen, stretch, family, seed)
            family = moving[(ROUNDS * n + turn) % len(moving)]
            yield f"{family} {name}", f"film {family}", True, _film(seen, stretch, family, seed)


def _film(seen: Material, stretch: Stretch, family: str, seed: int) -> Callable[[], _Shown]:
    def make(folder: Path) -> Exhibit:
        rng = np.random.default_rng([17, seed])
        clip = stretch.clip()
        layer, crf = hard_clips.draw(len(clip), rng), int(rng.integers(*hard_clips.CRF))
        if family in temporal_fakes.available():
            clip = temporal_fakes.load(family).make(clip, rng)
        elif family:
            clip = framewise(clip, family, seen.donors, rng)
        path = folder / "film.mp4"
        write_video(path, layer(clip).rgb, clip.times_s, crf)
        return Exhibit(path)

    return lambda: _Shown(make)


def framewise(clip: Clip, family: str, donors: fakes.Donors, rng: np.random.Generator) -> Clip:
    """A stretch of which every frame is forged by a family of stills, in the same way as far as that goes."""
    seed, donor = int(rng.integers(2**31)), OneDonor(donors, clip.landmarks_px[0], rng)
    made = fakes.load(family)
    pictures = [
        made.make(rgb, mesh, np.random.default_rng(seed), donor).rgb
        for rgb, mesh in zip(clip.rgb, clip.landmarks_px, strict=True)
    ]
    return clip.showing(pictures)


def _labelled(seen: Material) -> Iterator[Asked]:
    """Held-out clips as they are."""
    for sample in seen.samples:
        if sample.kind == "video" and sample.split == "train" and seen.held_out.of(sample):
            fake = sample.label == "fake"
            kind = "forged clips" if fake else "held-out clips"
            yield f"clip {sample.path}", kind, fake, _clip(sample.path)


def _clip(path: Path) -> Callable[[], _Shown]:
    return lambda: _Shown(lambda _: Exhibit(path))
