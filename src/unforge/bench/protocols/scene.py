"""`scene`: how well each figure of the examiner `scene` tells forged faces from untouched ones, and at which coding.

`forged clips`: the face collection, forged against untouched; of each clip the surroundings of its main face are kept
for a few seconds and coded again with H.264 at several qualities (as they are, they have been coded before, too).
`face at half resolution`: the untouched clips beside themselves with a face that lost half its resolution, which is
what figures are meant to answer to; where they no longer do, coding has taken the trace. `animated`: stills that were
set in motion, against the untouched clips. `forged stills`: photographs with the same face sizes in both classes.

Each figure is given as the AUC of its value: below 0.5, forged faces have the lower one. `unusual` is how many figures
lie outside of what untouched faces show; `together` a logistic model of all figures, judged on people that it has not
seen (folds by who was forged into whom). `learned on stills, tried on clips` is what such a model of the stills is
worth on the clips: an AUC that is high on the stills and near 0.5 here has learned the collection, not forgery.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from unforge import faces
from unforge.bench import figures, judge, material
from unforge.bench.material import Item
from unforge.bench.protocols import OnProgress, robustness, stills
from unforge.bench.protocols.clips import FACE_COLLECTION, OTHERS
from unforge.bench.record import Record, Value, of_today
from unforge.detect import _backdrop
from unforge.detect import scene as examiner
from unforge.errors import MediaError, UsageError
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack, align
from unforge.faces.regions import OVAL, hull_mask
from unforge.media.frame import Frame
from unforge.media.video import frames
from unforge.media.write import write_video
from unforge.train import datasets

CRFS = (18, 23, 28, 33)
STRATA: tuple[int | None, ...] = (None, *CRFS)
IN_PICTURES = ("noise_ratio", "sharpness_ratio", "ela_ratio", "blocks_ratio", "neck_delta_e", "ears_delta_e")
OF_STILLS = (*IN_PICTURES, "ghost_gap")
IN_MOTION = ("background_motion_px", "background_follows_face", "background_change_levels", "face_motion_px")
PARTNERS = ("openforensics256", "openforensics256_train")
MOST_STILLS = 200  # of each class
FEWEST = 3  # of each class, for a figure to be ranked
FOLDS = 5
RIDGE = 0.05
SEED = 7

Picture = NDArray[np.uint8]
Measured = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Read:
    """A clip or still and its figures; group: who was forged into whom, the same number for all of them."""

    item: Item
    figures: Measured
    group: int
    face_px: float = 0.0


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Measure the figures of `scene`. Raises UsageError for a folder without a manifest or a split without clips."""
    material.no_list("scene", listed)
    material.no_peers("scene", peers)
    if examiners is not None and list(examiners) != ["scene"]:
        raise UsageError(f"scene: expected no examiners but scene; got {', '.join(examiners)}")

    def tell(what: str, share: float) -> None:
        if on_progress is not None:
            on_progress(what, share)

    groups = people(data)
    clips = material.read(data, split, "video")
    by_stratum: dict[int | None, list[Read]] = {crf: [] for crf in STRATA}
    made: dict[int | None, list[Read]] = {crf: [] for crf in STRATA}
    others: list[Read] = []
    for n, clip in enumerate(clips):
        tell(clip.path, 0.8 * n / len(clips))
        part = _Part.of((data or Path()) / clip.path)
        if part is None:
            continue
        group = groups.get(clip.path, -1)
        if clip.dataset == FACE_COLLECTION:
            for crf in STRATA:
                read = Read(clip, part.coded(crf), group)
                by_stratum[crf].append(read)
                made[crf] += [] if clip.fake else [read, Read(_forged(clip), part.halved(crf), group)]
        else:
            others.append(Read(clip, part.coded(None), group))
    pictures = _stills(data, split, groups, lambda what, share: tell(what, 0.8 + 0.2 * share))
    return of_today(
        name=f"scene-{split}",
        protocol="scene",
        split=split,
        rows=_rows(by_stratum, made, others, pictures),
        manifest_sha256=material.sha256(data),
        weights={},
        seed=SEED,
        settings={
            "seconds_of_each": robustness.SECONDS,
            "folds": FOLDS,
            "bootstrap_rounds": figures.ROUNDS,
            "figures": "AUC of each figure, with 95 % bootstrap intervals over clips or stills",
        },
    )


def _rows(
    by_stratum: Mapping[int | None, Sequence[Read]],
    made: Mapping[int | None, Sequence[Read]],
    others: Sequence[Read],
    pictures: Sequence[Read],
) -> dict[str, dict[str, Value]]:
    rows = {}
    for crf, read in by_stratum.items():
        rows[f"forged clips, {_name(crf)}"] = row(read, (*IN_PICTURES, *IN_MOTION), "video")
    for crf, read in made.items():
        rows[f"face at half resolution, {_name(crf)}"] = row(read, IN_PICTURES, "video", together=False)
    animated = [one for one in others if one.item.path.startswith(OTHERS["animated"]) and one.item.fake]
    untouched = [one for one in (*by_stratum[None], *others) if not one.item.fake]
    rows["animated"] = row([*untouched, *animated], IN_MOTION, "video", together=False)
    rows["forged stills, sizes matched"] = row(pictures, OF_STILLS, "image")
    learned = transferred(pictures, by_stratum[None], IN_PICTURES)
    rows["learned on stills, tried on clips"] = {} if learned is None else {"together": learned}
    return {name: found for name, found in rows.items() if found}


def _name(crf: int | None) -> str:
    return "as they are" if crf is None else f"CRF {crf}"


def _forged(clip: Item) -> Item:
    return Item(clip.path, True, clip.kind, clip.dataset, "half resolution", clip.central_face)


def people(data: Path | None) -> dict[str, int]:
    """A number for each file whose people are known: the same for all who were forged into each other."""
    known = [sample for sample in datasets.index("manifest", data or Path()) if sample.identity]
    names = sorted({name for sample in known for name in sample.identity.split("+")})
    place = {name: n for n, name in enumerate(names)}
    pairs = [(place[one.identity.split("+")[0]], place[one.identity.split("+")[-1]]) for one in known]
    first, second = (np.array(side, int) for side in zip(*pairs, strict=True)) if pairs else (np.empty(0, int),) * 2
    links = coo_array((np.ones(len(pairs)), (first, second)), shape=(len(names), len(names)))
    group = connected_components(links, directed=False)[1] if names else np.empty(0, int)
    root = data or Path()
    return {one.path.relative_to(root).as_posix(): int(group[n]) for one, n in zip(known, first.tolist(), strict=True)}


# Clips


@dataclass(frozen=True, slots=True)
class _Part:
    """The surroundings of a clip's main face, frame by frame, and that face as it is in them."""

    frames: Sequence[Frame]
    face: FaceTrack

    @classmethod
    def of(cls, path: Path) -> "_Part | None":
        part = robustness.kept_part(path)
        if part is None or not part.frames:
            return None
        looks = [frame for n, frame in enumerate(part.frames) if n % 6 == 0]
        tracks = faces.scan(looks).tracks
        if not tracks:
            return None
        main = max(tracks, key=lambda track: float(track.size_px.sum()))
        close_up = faces.follow(part.frames, [main])
        if not close_up:
            return None
        seen = set(close_up[0].times_s.tolist())
        return cls([frame for frame in part.frames if frame.time_s in seen], close_up[0])

    def coded(self, crf: int | None) -> dict[str, float]:
        """Figures of the part after H.264 at this quality."""
        return self._figures([frame.rgb for frame in self.frames], crf)

    def halved(self, crf: int | None) -> dict[str, float]:
        """The same with a face of half the resolution."""
        meshes = self.face.landmarks_px
        shown = [half_resolution(frame.rgb, mesh) for frame, mesh in zip(self.frames, meshes, strict=True)]
        return self._figures(shown, crf)

    def _figures(self, shown: Sequence[Picture], crf: int | None) -> dict[str, float]:
        """Meshes stay those of the part as it is, so that nothing but the coding differs."""
        seen = shown if crf is None else _coded(shown, self.face.times_s, crf)
        crops = [
            align.warp(rgb, align.face_square(mesh, align.CROP_MARGIN, align.CROP_PX), align.CROP_PX)
            for rgb, mesh in zip(seen, self.face.landmarks_px, strict=True)
        ]
        track = replace(self.face, crops=np.stack(crops))
        size_wh = (shown[0].shape[1], shown[0].shape[0])
        motion = _backdrop.measure(track, size_wh)
        return examiner.in_looks(track, size_wh) | ({} if motion is None else motion.facts)


def half_resolution(rgb: Picture, landmarks_px: NDArray[np.floating]) -> Picture:
    """A picture whose face, within its outline, has been reduced to half and enlarged again."""
    height, width = rgb.shape[:2]
    small = cv2.resize(rgb, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    mask = cv2.GaussianBlur(hull_mask(landmarks_px[list(OVAL)], (height, width)), (0, 0), 3.0)[..., None]
    return np.asarray(np.round(rgb * (1.0 - mask) + soft * mask), np.uint8)


def _coded(shown: Sequence[Picture], times_s: NDArray[np.float64], crf: int) -> list[Picture]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.mp4"
        write_video(path, shown, (times_s - times_s[0]).tolist(), crf)
        with frames(path) as source:
            return [frame.rgb for frame in source]


# Stills


def _stills(data: Path | None, split: str, groups: Mapping[str, int], tell: OnProgress) -> list[Read]:
    """Forged and untouched photographs of the same face sizes."""
    try:
        items = [item for item in material.read(data, split, "image") if item.dataset in PARTNERS]
    except UsageError:
        return []
    chosen = [
        item
        for fake in (False, True)
        for item in material.evenly([one for one in items if one.fake == fake], MOST_STILLS)
    ]
    read = []
    for n, item in enumerate(chosen):
        tell(item.path, n / len(chosen))
        found = _still((data or Path()) / item.path)
        if found is not None:
            read.append(Read(item, found[1], groups.get(item.path, -1 - n), found[0]))
    return _matched(read) if read else []


def _matched(read: Sequence[Read]) -> list[Read]:
    known = [(stills.Still(one.item, one.face_px, ()), one) for one in read]
    kept = {id(still) for still in stills.matched([still for still, _ in known])}
    return [one for still, one in known if id(still) in kept]


def _still(path: Path) -> tuple[float, Measured] | None:
    """Size and figures of the face in the middle; None where there is none that can be measured."""
    try:
        exhibit = judge.central(Exhibit(path))
        if not exhibit.tracks:
            return None
        person = examiner.Scene().read(exhibit.tracks[0], None, exhibit)
    except MediaError:
        return None
    return None if person is None else (float(exhibit.tracks[0].size_px[0]), person.figures)


# Figures


def row(read: Sequence[Read], names: Sequence[str], kind: str, *, together: bool = True) -> dict[str, Value]:
    """The AUC of every figure with its interval, of all together, and of how many are unusual."""
    fakes = np.array([one.item.fake for one in read], np.bool_)
    found = {}
    for name in names:
        values = np.array([one.figures.get(name, np.nan) for one in read], np.float64)
        known = np.isfinite(values)
        if _ranked(fakes[known]):
            found[name] = figures.auc(values[known], fakes[known])
    if not _ranked(fakes):
        return found
    strange = np.array([len(examiner.unusual(one.figures, kind)) for one in read], np.float64)
    found["unusual"] = figures.auc(strange, fakes)
    if together:
        found["together"] = figures.auc(cross_validated(read, names), fakes)
    return found


def _ranked(fakes: NDArray[np.bool_]) -> bool:
    return bool(min(int(fakes.sum()), int((~fakes).sum())) >= FEWEST)


def cross_validated(read: Sequence[Read], names: Sequence[str]) -> NDArray[np.float64]:
    """(N,) what a model of the others says of each: people who were forged into each other share a fold."""
    fold, scores = _folds(read), np.zeros(len(read))
    for number in range(FOLDS):
        inside = fold == number
        learning = [one for one, held in zip(read, inside, strict=True) if not held]
        if inside.any() and _ranked(np.array([one.item.fake for one in learning], np.bool_)):
            model = Model.of(learning, names)
            scores[inside] = model.scores([one for one, held in zip(read, inside, strict=True) if held])
    return scores


def _folds(read: Sequence[Read]) -> NDArray[np.int64]:
    """(N,) the fold of each; strangers stand for themselves."""
    groups = np.array([one.group if one.group >= 0 else -1 - n for n, one in enumerate(read)])
    names, place = np.unique(groups, return_inverse=True)
    return np.asarray(np.random.default_rng(SEED).permutation(len(names))[place] % FOLDS, np.int64)


def transferred(learning: Sequence[Read], tried: Sequence[Read], names: Sequence[str]) -> Value | None:
    """The AUC on some material of a model that learned on other material."""
    fakes = np.array([one.item.fake for one in tried], np.bool_)
    if not _ranked(fakes) or not _ranked(np.array([one.item.fake for one in learning], np.bool_)):
        return None
    return figures.auc(Model.of(learning, names).scores(tried), fakes)


@dataclass(frozen=True, slots=True)
class Model:
    """A logistic line over figures; ratios count by their logarithm, and what is missing counts as usual."""

    names: tuple[str, ...]
    middle: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, read: Sequence[Read], names: Sequence[str]) -> "Model":
        """Fitted with both classes weighing the same and a pull of the weights towards 0."""
        values = _table(read, names)
        known = np.asarray(np.isfinite(values).any(axis=0))
        names = [name for name, there in zip(names, known.tolist(), strict=True) if there]
        values = values[:, known]
        middle, spread = np.nanmedian(values, axis=0), np.nanstd(values, axis=0) + 1e-9
        model = cls(tuple(names), middle, spread, np.zeros(len(names) + 1))
        fakes = np.array([one.item.fake for one in read], np.bool_)
        return cls(model.names, middle, spread, _fitted(model.seen(read), fakes))

    def seen(self, read: Sequence[Read]) -> NDArray[np.float64]:
        """(N, 1 + F) what the line is laid over, within three deviations of the usual."""
        scaled = np.clip((_table(read, self.names) - self.middle) / self.spread, -3.0, 3.0)
        return np.column_stack([np.ones(len(read)), np.nan_to_num(scaled)])

    def scores(self, read: Sequence[Read]) -> NDArray[np.float64]:
        """(N,) log odds."""
        return np.asarray(self.seen(read) @ self.weights, np.float64)


def _table(read: Sequence[Read], names: Sequence[str]) -> NDArray[np.float64]:
    values = np.array([[one.figures.get(name, np.nan) for name in names] for one in read], np.float64)
    ratios = np.array([name.endswith("_ratio") for name in names], np.bool_)
    values[:, ratios] = np.log(np.maximum(values[:, ratios], 1e-3))
    return values


def _fitted(seen: NDArray[np.float64], fakes: NDArray[np.bool_]) -> NDArray[np.float64]:
    signs = np.where(fakes, 1.0, -1.0)
    share = np.where(fakes, 0.5 / max(int(fakes.sum()), 1), 0.5 / max(int((~fakes).sum()), 1))
    pulled = np.append(0.0, np.ones(seen.shape[1] - 1))

    def cost(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = signs * (seen @ line)
        slopes = -share * signs * expit(-margins)
        value = float(share @ np.logaddexp(0.0, -margins)) + 0.5 * RIDGE * float(pulled @ line**2)
        return value, seen.T @ slopes + RIDGE * pulled * line

    return np.asarray(minimize(cost, np.zeros(seen.shape[1]), jac=True, method="BFGS").x, np.float64)
