"""What a cloak stops and what it does not: every target, after every channel, against every attacker.

Both the original and the protected picture go the same way before they are compared. Pictures come as they are decoded
from files, uint8: a figure without rounding is not a figure. Beside every figure stands a control, `_random`: the same
change with signs drawn at random, which is as large everywhere and aims at nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unforge import metrics
from unforge.errors import ShapeError, UsageError
from unforge.faces import align
from unforge.metrics import quality
from unforge.protect import outcomes
from unforge.protect.outcomes import Figures
from unforge.protect.targets import ALIGNED_MARGIN, Kind, Picture, Points, Target, aligned
from unforge.protect.ways import AS_SAVED, ATTACKERS, CHANNELS, Attacker, Channel, scaled

CONTROL_SEED = 0
STOPPED = "stopped"
FACE_MARGIN = 1.3  # side of the face crop that quality is measured on, over the box of the mesh

Boxes = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A picture before and after, (H, W, 3) uint8 both, and the mesh (468, 2) of each face that was cloaked."""

    original: Picture
    protected: Picture
    meshes_px: tuple[Points, ...]

    def __post_init__(self) -> None:
        for name, picture in (("original", self.original), ("protected", self.protected)):
            if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
                expected = "(H, W, 3) uint8, as decoded from a file"
                raise ShapeError(f"{name} picture", expected=expected, got=f"{picture.shape} {picture.dtype}")
        if self.original.shape != self.protected.shape:
            raise ShapeError("protected picture", expected=self.original.shape, got=self.protected.shape)
        if not self.meshes_px or any(mesh.shape != (468, 2) for mesh in self.meshes_px):
            got = [mesh.shape for mesh in self.meshes_px]
            raise ShapeError("meshes", expected="(468, 2) for one face or more", got=got)


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over faces with its 95 % interval; None where the faces cannot give one. n: faces that count."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Quality:
    """How much of one cloak can be seen.

    psnr_frame_db, ssim_frame: of the picture; the others of the worst of its faces, in the box of its mesh with a
    margin. ciede2000_p99: what 99 % of the pixels stay under.
    """

    psnr_face_db: float
    psnr_frame_db: float
    ssim_face: float
    ssim_frame: float
    ciede2000_mean: float
    ciede2000_p99: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One target after one channel against one attacker.

    held_out: no cloak was optimised against it. cloak, random: figures of each face, cloaked and with the control.
    unreached: faces in pictures that the channel leaves as they are, which therefore say nothing of it.
    """

    target: str
    kind: Kind
    is_trained_here: bool
    held_out: bool
    channel: str
    attacker: str
    cloak: tuple[Figures, ...]
    random: tuple[Figures, ...]
    unreached: int = 0

    @property
    def row(self) -> str:
        """Its name in tables."""
        return f"{self.target}, {self.channel}, {self.attacker}"

    def figures(self) -> dict[str, Figure]:
        """Every figure of the cloak, and beside it that of the control."""
        found = {}
        for name in dict.fromkeys(name for face in self.cloak for name in face):
            found[name] = figure(name, [face.get(name, outcomes.NAN) for face in self.cloak])
            if name not in outcomes.OF_CLEAN:
                found[f"{name}_random"] = figure(name, [face.get(name, outcomes.NAN) for face in self.random])
        return found

    @property
    def stopped(self) -> Figure:
        """How often the target fails."""
        return figure(STOPPED, [outcomes.stopped(self.kind, face) for face in self.cloak])

    @property
    def stopped_by_random(self) -> Figure:
        """The same for the control."""
        return figure(STOPPED, [outcomes.stopped(self.kind, face) for face in self.random])


@dataclass(frozen=True, slots=True)
class Judgement:
    """All cells, and the quality of every pair."""

    cells: tuple[Cell, ...]
    quality: tuple[Quality, ...]

    def rows(self) -> dict[str, dict[str, Figure]]:
        """Figures by row for tables; targets are never pooled, because one number for all of them misleads."""
        rows = {cell.row: cell.figures() for cell in self.cells if cell.cloak}
        if self.quality:
            rows["quality"] = {
                name: figure(name, [getattr(one, name) for one in self.quality]) for name in Quality.__slots__
            }
        return rows


def judge(
    pairs: Sequence[Pair],
    targets: Sequence[Target],
    channels: Sequence[Channel] = CHANNELS,
    attackers: Sequence[Attacker] = ATTACKERS,
    on_progress: Callable[[str, float], None] | None = None,
) -> Judgement:
    """Show every pair to every target in every way. Raises UsageError for no pair and for two targets of one name."""
    names = [target.name for target in targets]
    if not pairs or len(set(names)) < len(names):
        raise UsageError(
            f"judge: expected a pair or more and targets with names of their own; got {len(pairs)}, {names}"
        )
    cells: list[Cell] = []
    for n, pair in enumerate(pairs):
        for channel in channels:
            if on_progress is not None:
                on_progress(channel.name, n / len(pairs))
            cells += _cells(pair, targets, channel, attackers)
    return merged([Judgement(tuple(cells), tuple(seen(pair) for pair in pairs))])


def merged(judgements: Iterable[Judgement]) -> Judgement:
    """Judgements of different pairs as one: cells of the same target and way become one cell."""
    cells: dict[str, list[Cell]] = defaultdict(list)
    qualities: list[Quality] = []
    for judgement in judgements:
        qualities += judgement.quality
        for cell in judgement.cells:
            cells[cell.row].append(cell)
    return Judgement(tuple(map(_one_cell, cells.values())), tuple(qualities))


def _one_cell(cells: Sequence[Cell]) -> Cell:
    first = cells[0]
    return Cell(
        first.target,
        first.kind,
        first.is_trained_here,
        first.held_out,
        first.channel,
        first.attacker,
        tuple(face for cell in cells for face in cell.cloak),
        tuple(face for cell in cells for face in cell.random),
        sum(cell.unreached for cell in cells),
    )


def control(pair: Pair, seed: int = CONTROL_SEED) -> Picture:
    """The original with the change of the protected picture, each value up or down at random.

    Where one of both would leave the range, the other is taken, so that the change is as large as the cloak's in every
    value of every pixel. The same seed gives the same bytes.
    """
    original = pair.original.astype(np.int16)
    size = np.abs(pair.protected.astype(np.int16) - original)
    up = np.random.default_rng(seed).random(size.shape) < 0.5
    up = (up & (original + size <= 255)) | (original - size < 0)
    return np.asarray(np.where(up, original + size, original - size), np.uint8)


def seen(pair: Pair) -> Quality:
    """The quality of one pair."""
    boxes = [_face_box(pair, mesh) for mesh in pair.meshes_px]
    faces = [(pair.original[y0:y1, x0:x1], pair.protected[y0:y1, x0:x1]) for x0, y0, x1, y1 in boxes]
    colours = [quality.ciede2000(*face) for face in faces]
    return Quality(
        psnr_face_db=min(quality.psnr_db(*face) for face in faces),
        psnr_frame_db=quality.psnr_db(pair.original, pair.protected),
        ssim_face=min(quality.ssim(*face) for face in faces),
        ssim_frame=quality.ssim(pair.original, pair.protected),
        ciede2000_mean=max(float(one.mean()) for one in colours),
        ciede2000_p99=max(float(np.quantile(one, 0.99)) for one in colours),
    )


def _face_box(pair: Pair, mesh_px: Points) -> tuple[int, int, int, int]:
    """The box of a face in the picture, xyxy, at least as large as SSIM needs."""
    low, high = mesh_px.min(axis=0), mesh_px.max(axis=0)
    half = np.maximum(FACE_MARGIN * (high - low) / 2.0, quality.SSIM_SMALLEST_PX)
    limits = pair.original.shape[1], pair.original.shape[0]
    x0, y0 = np.clip(np.floor((low + high) / 2.0 - half), 0, np.array(limits) - quality.SSIM_SMALLEST_PX).astype(int)
    x1, y1 = np.clip(np.ceil((low + high) / 2.0 + half), quality.SSIM_SMALLEST_PX, limits).astype(int)
    return int(x0), int(y0), int(x1), int(y1)


def figure(name: str, values: Sequence[float]) -> Figure:
    """The mean of a figure over faces. Rates of few faces have score intervals, other means bootstrap ones."""
    numbers = np.asarray(values, np.float64)
    numbers = numbers[np.isfinite(numbers)]
    n = len(numbers)
    if not n:
        return Figure(None, None, None, 0)
    mean = float(numbers.mean())
    if name == STOPPED or name in outcomes.RATES:
        # All edits of one face stand or fall together, so that faces are counted, and a face may count in part.
        return Figure(mean, *metrics.wilson(round(mean * n), n), n)
    if n == 1:
        return Figure(mean, None, None, 1)
    low, high = metrics.interval(lambda drawn: float(numbers[drawn].mean()), np.zeros(n))
    return Figure(mean, low, high, n)


# One pair, one channel


@dataclass(frozen=True, slots=True, eq=False)
class _Delivered:
    """What arrives of a pair.

    clean: the original. others: protected and control. meshes_px: where the faces are in them.
    """

    clean: Picture
    others: tuple[Picture, Picture]
    meshes_px: tuple[Points, ...]


def _cells(pair: Pair, targets: Sequence[Target], channel: Channel, attackers: Sequence[Attacker]) -> Iterator[Cell]:
    sent = (pair.original, pair.protected, control(pair))
    arrived = [channel.send(picture) for picture in sent]
    meshes_px = tuple(scaled(mesh, pair.original, arrived[0]) for mesh in pair.meshes_px)
    reached = channel.name == AS_SAVED or not all(map(np.array_equal, sent, arrived))
    identity = next((target for target in targets if target.kind == "identity"), None)
    for attacker in attackers:
        delivered = None
        if reached:
            clean, cloaked, random = (attacker.clean(picture, meshes_px) for picture in arrived)
            delivered = _Delivered(clean, (cloaked, random), meshes_px)
        for target in targets:
            faces = ((), ()) if delivered is None else _answers(target, delivered, identity)
            yield Cell(
                target=target.name,
                kind=target.kind,
                is_trained_here=target.is_trained_here,
                held_out=not target.may_train,
                channel=channel.name,
                attacker=attacker.name,
                cloak=faces[0],
                random=faces[1],
                unreached=0 if reached else len(meshes_px),
            )


def _answers(
    target: Target, delivered: _Delivered, identity: Target | None
) -> tuple[tuple[Figures, ...], tuple[Figures, ...]]:
    """Figures of every face, cloaked and with the control."""
    pictures = (delivered.clean, *delivered.others)
    if target.kind == "detector":
        boxes = [target.respond(picture, delivered.meshes_px[0]) for picture in pictures]
        cloak, random = (
            tuple(outcomes.found(mesh, boxes[0], other) for mesh in delivered.meshes_px) for other in boxes[1:]
        )
        return cloak, random
    faces = [_of_face(target, pictures, mesh, identity) for mesh in delivered.meshes_px]
    return tuple(cloak for cloak, _ in faces), tuple(random for _, random in faces)


def _of_face(
    target: Target, pictures: Sequence[Picture], mesh_px: Points, identity: Target | None
) -> tuple[Figures, Figures]:
    clean, *others = (target.respond(picture, mesh_px) for picture in pictures)
    cloak, random = (_compared(target.kind, pictures[0], mesh_px, clean, other, identity) for other in others)
    return cloak, random


def _compared(
    kind: Kind,
    picture: Picture,
    mesh_px: Points,
    clean: NDArray[np.float32],
    other: NDArray[np.float32],
    identity: Target | None,
) -> Figures:
    if kind == "identity":
        return outcomes.alike(clean, other)
    if kind == "landmarks":
        return outcomes.located(mesh_px, clean, other)
    figures: Mapping[str, float] = outcomes.made(aligned(picture, mesh_px), clean, other)
    if kind == "swap" and identity is not None:
        vectors = [_people(identity, made, mesh_px) for made in (clean, other)]
        figures = {**figures, **outcomes.alike(*vectors)}
    return figures


def _people(identity: Target, made: NDArray[np.float32], mesh_px: Points) -> NDArray[np.float32]:
    """Vectors (A, D) of what a swap makes (A, 3, S, S), seen by the identity encoder."""
    side_px = made.shape[-1]
    matrix = align.face_square(mesh_px, ALIGNED_MARGIN, side_px)
    mesh = np.asarray(mesh_px @ matrix[:, :2].T + matrix[:, 2], np.float32)
    pictures = np.clip(np.rint((made.transpose(0, 2, 3, 1) + 1.0) * 127.5), 0, 255).astype(np.uint8)
    return np.stack([identity.respond(np.ascontiguousarray(picture), mesh) for picture in pictures])
