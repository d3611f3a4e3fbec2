"""Stretches of real film beside their temporal forgeries, as features: made once, kept on disk, resumable."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.detect import _motion, finegrained
from unforge.errors import MediaError
from unforge.train import clips, hard_clips, temporal_fakes
from unforge.train.clips import Clip
from unforge.train.sample import Sample
from unforge.train.sampling import HeldOut

FAMILIES: Mapping[str, float] = {"flicker": 0.32, "kinematic": 0.24, "mouth": 0.2, "animate": 0.24}
VERSIONS = 2  # of every stretch that is not forged here: as it is, and coded again
Tell = Callable[[str, float], None] | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where a stretch lies on disk, and what it shows."""

    file: Path
    sample: Sample
    held_out: bool

    def clip(self) -> Clip:
        with np.load(self.file) as data:
            return Clip(data["rgb"], data["times_s"], data["landmarks_px"])


@dataclass(frozen=True, slots=True)
class Moves:
    """Parallel arrays over N stretches: features (N, T, D); family, "" where nothing was forged; sample and held_out.

    partner: position of the untouched partner of a pseudo-fake, -1 elsewhere.
    """

    features: NDArray[np.float32]
    family: tuple[str, ...]
    samples: tuple[Sample, ...]
    held_out: NDArray[np.bool_]
    partner: NDArray[np.int64]
    stretch: tuple[str, ...]

    @property
    def forged(self) -> NDArray[np.bool_]:
        """(N,) pseudo-fakes."""
        return self.partner >= 0

    @property
    def partnered(self) -> NDArray[np.bool_]:
        """(N,) untouched stretches that went the same way as their pseudo-fake."""
        found = np.zeros(len(self.partner), np.bool_)
        found[self.partner[self.forged]] = True
        return found


def stretches(samples: Sequence[Sample], folder: Path, tell: Tell = None) -> list[Stretch]:
    """Cut every clip of the training split into stretches; those that are there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    held_out, found = HeldOut(samples), []
    videos = [sample for sample in samples if sample.kind == "video" and sample.split == "train"]
    for n, sample in enumerate(videos):
        name = hashlib.sha256("/".join(sample.path.parts[-3:]).encode()).hexdigest()[:16]
        done = folder / f"{name}.json"
        if not done.exists():
            try:
                cut = clips.cut(sample.path)
            except MediaError as error:  # one bad file must not end a run, nor be taken for one without a face
                if tell is not None:
                    tell(f"left out: {sample.path}: {error}", n / len(videos))
                continue
            for number, clip in enumerate(cut):
                np.savez(
                    folder / f"{name}-{number}.npz", rgb=clip.rgb, times_s=clip.times_s, landmarks_px=clip.landmarks_px
                )
            done.write_text(json.dumps(len(cut)))
        count = json.loads(done.read_text())
        found += [Stretch(folder / f"{name}-{n}.npz", sample, held_out.of(sample)) for n in range(count)]
        if tell is not None:
            tell("cutting film", (n + 1) / len(videos))
    return found


@dataclass(frozen=True, slots=True)
class Job:
    """One pair to be made: an untouched stretch, a family ("" for none: the stretch alone), a seed, where it goes."""

    stretch: Stretch
    family: str
    seed: int
    file: Path
    coded: bool = True


def jobs(found: Sequence[Stretch], folder: Path, pairs: int, versions: int = VERSIONS) -> list[Job]:
    """`pairs` pseudo-fakes of real stretches, data sets by the root of their size; and every stretch as it is."""
    real = [one for one in found if one.sample.label == "real"]
    counts = {one.sample.dataset: sum(o.sample.dataset == one.sample.dataset for o in real) for one in real}
    shares = np.array([counts[one.sample.dataset] ** -0.5 for one in real])
    made = [_drawn(real, shares / shares.sum(), n, folder) for n in range(pairs)]
    made += [
        Job(one, "", 10**6 + n, folder / f"plain-{one.file.stem}-{n}.npz", coded=n > 0)
        for one in found
        for n in range(versions)
    ]
    return made


def _drawn(real: Sequence[Stretch], shares: NDArray[np.float64], n: int, folder: Path) -> Job:
    """The n-th pair, whatever number of them is wanted."""
    rng = np.random.default_rng([5, n])
    stretch = real[int(rng.choice(len(real), p=shares))]
    family = str(rng.choice(list(FAMILIES), p=list(FAMILIES.values())))
    return Job(stretch, family, n, folder / f"pair-{n:05d}.npz")


def build(todo: Sequence[Job], processes: int = 1, tell: Tell = None) -> Moves:
    """Make what is missing and gather the features of all; a face that gets lost leaves its pair out."""
    missing = [job for job in todo if not job.file.exists()]
    if missing:
        missing[0].file.parent.mkdir(parents=True, exist_ok=True)
        with get_context("spawn").Pool(processes) as pool:
            for n, _ in enumerate(pool.imap_unordered(_make, missing, chunksize=1)):
                if tell is not None:
                    tell("forging motion", (n + 1) / len(missing))
    return _gathered(todo)


def _make(job: Job) -> None:
    rng = np.random.default_rng([job.seed, 3])
    clip = job.stretch.clip()
    versions = [clip] if not job.family else [clip, temporal_fakes.load(job.family).make(clip, rng)]
    if job.coded:
        layer, crf = hard_clips.draw(len(clip), rng), int(rng.integers(*hard_clips.CRF))
        versions = [clips.coded(layer(version), crf) for version in versions]
    rows = [_features(version) for version in versions]
    lost = any(row is None for row in rows)
    part = job.file.with_suffix(".part.npz")
    np.savez(part, features=np.zeros(0, np.float32) if lost else np.stack([row for row in rows if row is not None]))
    part.replace(job.file)


def _features(clip: Clip) -> NDArray[np.float32] | None:
    track = clips.seen(clip)
    if track is None:
        return None
    details = weights.card(finegrained.CARD).details
    looked = _motion.look(weights.session(finegrained.CARD), track, float(details["margin"]), int(details["size_px"]))
    return _motion.features(_motion.motion(track), looked)


def _gathered(todo: Sequence[Job]) -> Moves:
    features: list[NDArray[np.float32]] = []
    families: list[str] = []
    samples: list[Sample] = []
    held: list[bool] = []
    partners: list[int] = []
    names: list[str] = []
    for job in todo:
        with np.load(job.file) as data:
            rows = data["features"]
        for number, row in enumerate(rows):
            features.append(row)
            families.append(job.family if number else "")
            samples.append(job.stretch.sample)
            held.append(job.stretch.held_out)
            partners.append(len(features) - 2 if number else -1)
            names.append(job.stretch.file.stem)
    return Moves(
        np.stack(features),
        tuple(families),
        tuple(samples),
        np.array(held),
        np.array(partners, np.int64),
        tuple(names),
    )
