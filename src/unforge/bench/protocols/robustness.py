"""`robustness`: what is left of the ranking when clips have been through the world, or faces are cropped otherwise.

The face collection of the clips is decoded once. Of each clip the surroundings of its main face are kept as they are,
pixel by pixel, for a few seconds: that part goes through every condition, its faces are found anew, and the examiners
judge as ever. Coding works on blocks much smaller than that part, so it suffers what the whole frame would.

Crop margins and other face detectors are asked of the network alone: another crop of the same frame, the mean logit
over the looks. Its own margin is the row `network, own crop`, to which these conditions are compared.

`loss` is the AUC without the condition minus the AUC under it, on the same clips, with a paired bootstrap interval over
the clips. A clip in which nobody finds or judges a face counts as an llr of 0, and its share is `abstained`.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import channel, faces
from unforge.bench import figures, judge, material, network
from unforge.bench.judge import Contestant, Stored
from unforge.bench.network import Network
from unforge.bench.protocols import OnProgress
from unforge.bench.protocols.clips import FACE_COLLECTION
from unforge.bench.record import Record, Value, of_today
from unforge.errors import MediaError, UsageError
from unforge.exhibit import RATE_HZ, Exhibit
from unforge.faces import FaceTrack
from unforge.faces.find import find
from unforge.faces.mesh import OUTER_EYES, mesh
from unforge.media.frame import Frame
from unforge.media.video import frames
from unforge.media.write import write_video

if TYPE_CHECKING:
    from unforge.media.probe import MediaFacts

SECONDS = 2.0  # kept of each clip
ROOM = 0.9  # kept around the face on each side, in its own sizes: the widest crop and what the face detector needs
UNTOUCHED, OWN_CROP = "untouched", "network, own crop"
CRFS = (18, 23, 28, 35)
JPEG_QUALITY = 40
BLUR_PX = 1.5
NOISE_LEVELS = 5.0
MARGINS = (1.1, 1.2, 1.4, 1.6, 1.8)

Picture = NDArray[np.uint8]
Condition = Callable[[list[Frame]], list[Frame]]
Finder = Callable[[Picture], NDArray[np.float32] | None]  # (468, 2) of the main face


Place = tuple[str, str]  # who, under which condition


class Score(NamedTuple):
    """What somebody says of a clip: an llr or a mean logit, 0.0 where nothing could be judged."""

    value: float
    abstained: bool


NOTHING = Score(0.0, True)


@dataclass(frozen=True, slots=True)
class Part:
    """What is kept of a clip: the surroundings of its main face, frame by frame, and what the file was."""

    frames: list[Frame]
    facts: "MediaFacts"


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Judge the clips of the face collection under every condition.

    Raises UsageError for a folder without a manifest, or without clips of that collection.
    """
    material.no_list("robustness", listed)
    clips = [clip for clip in material.read(data, split, "video") if clip.dataset == FACE_COLLECTION]
    if not clips:
        raise UsageError(f"robustness: expected clips of the data set {FACE_COLLECTION!r} in the split {split!r}")
    peers = tuple(dict.fromkeys(peers))
    contestants = judge.contestants(examiners, peers)
    networks = [*network.judging(examiners), *(_network(one) for one in contestants[1:])]
    scores: dict[Place, list[Score]] = {}
    for n, clip in enumerate(clips):
        if on_progress is not None:
            on_progress(clip.path, n / len(clips))
        for place, score in scores_of((data or Path()) / clip.path, contestants, networks).items():
            scores.setdefault(place, []).append(score)
    fakes = np.array([clip.fake for clip in clips])
    own = [judge.OWN, *(one.name for one in networks[: len(networks) - len(peers)])]
    return of_today(
        name="-".join(("robustness", split, *(examiners or ()), *(["peers"] if peers else []))),
        protocol="robustness",
        split=split,
        rows=_rows(scores, fakes, own),
        manifest_sha256=material.sha256(data),
        weights=judge.sha256s(contestants),
        seed=figures.SEED,
        settings={
            "clips": len(clips),
            "seconds_of_each": SECONDS,
            "bootstrap_rounds": figures.ROUNDS,
            "figures": "95 % intervals: Wilson score for abstained, bootstrap over clips else, paired for the loss",
        },
    )


def _network(peer: Contestant) -> Network:
    found: Network = peer.examiners[0].network  # type: ignore[attr-defined]  # a peer is one examiner with a network
    return found


def scores_of(path: Path, contestants: Sequence[Contestant], networks: Sequence[Network]) -> dict[Place, Score]:
    """What everybody says of a clip under every condition."""
    part = kept_part(path)
    scores: dict[Place, Score] = {}
    for name, condition in conditions().items():
        said = [NOTHING] * len(contestants)
        if part is not None:
            seen = Stored(path, part.facts, faces.scan(_looks(condition(part.frames))))
            said = [Score(one.llr, one.abstained) for one in judge.judge(seen, contestants)]
        scores |= {(who.name, name): one for who, one in zip(contestants, said, strict=True)}
    looks = [] if part is None else _looks(part.frames)
    found = {finder: [(look.rgb, finder(look.rgb)) for look in looks] for finder, _ in crops().values()}
    for name, (finder, margin) in crops().items():
        for one in networks:
            views = [one.view(rgb, points, margin) for rgb, points in found[finder] if points is not None]
            scores[one.name, name] = Score(float(one.ask(views).logits.mean()), False) if views else NOTHING
    return scores


def _rows(
    scores: Mapping[Place, Sequence[Score]], fakes: NDArray[np.bool_], own: Sequence[str]
) -> dict[str, dict[str, Value]]:
    """One row per contestant and condition; ours stand first, and without a name where there is only one network."""
    several = len([name for name in own if name != judge.OWN]) > 1
    numbers = {place: np.array([one.value for one in given]) for place, given in scores.items()}
    rows = {}
    for who, name in sorted(scores, key=lambda place: (place[0] not in own, place[0] != judge.OWN)):
        base = OWN_CROP if name in crops() else UNTOUCHED
        abstained = np.array([one.abstained for one in scores[who, name]])
        values = {"auc": figures.auc(numbers[who, name], fakes)}
        if name != base:
            values["loss"] = figures.auc_difference(numbers[who, base], numbers[who, name], fakes)
        values["abstained"] = figures.rate(abstained, np.ones(len(fakes), np.bool_))
        plain = who == judge.OWN or (who in own and not several)
        rows[name if plain else f"{who}: {name}"] = values
    return rows


# What is kept of a clip


def kept_part(path: Path) -> Part | None:
    """The surroundings of the main face over the first seconds; None where there is no face or nothing decodes."""
    exhibit = Exhibit(path)
    try:
        with frames(path, rate_hz=RATE_HZ) as source:
            tracks = faces.scan(_begun(source)).tracks
        if not tracks:
            return None
        main = max(tracks, key=lambda track: float(track.size_px.sum()))
        with frames(path) as source:
            kept = [_cut(frame, main) for frame in _begun(source)]
        return Part(kept, exhibit.facts)
    except MediaError:
        return None


def _begun(source: Iterable[Frame]) -> Iterator[Frame]:
    """The frames of the first seconds."""
    return takewhile(lambda frame: frame.time_s <= SECONDS, source)


def _cut(frame: Frame, track: FaceTrack) -> Frame:
    """The part of a frame around all places of a face; sides are even, as the codec wants them."""
    boxes_px = track.boxes_px / frame.scale
    room = ROOM * float(track.size_px.max()) / frame.scale
    height, width = frame.rgb.shape[:2]
    low = np.clip(boxes_px[:, :2].min(axis=0) - room, 0, [width - 2, height - 2]).astype(int) // 2 * 2
    high = np.clip(boxes_px[:, 2:].max(axis=0) + room, low + 2, [width, height]).astype(int)
    high = low + (high - low) // 2 * 2
    return Frame(frame.time_s, np.ascontiguousarray(frame.rgb[low[1] : high[1], low[0] : high[0]]))


def _looks(all_frames: Sequence[Frame]) -> list[Frame]:
    """The first frame at or after each multiple of the examiner's step, as the exhibit takes them."""
    looks: list[Frame] = []
    for frame in all_frames:
        if frame.time_s >= len(looks) / RATE_HZ - 1e-6:
            looks.append(frame)
    return looks


# What happens to frames


@cache
def conditions() -> Mapping[str, Condition]:
    """What a clip goes through, by name."""
    return {
        UNTOUCHED: lambda kept: kept,
        **{f"H.264, CRF {crf}": _coded(crf) for crf in CRFS},
        f"JPEG {JPEG_QUALITY}": _each(_jpeg),
        "half size": _each(_half),
        f"blur, sigma {BLUR_PX} px": _each(_blur),
        f"noise, {NOISE_LEVELS:.0f} levels": _each(_noise),
    }


def _coded(crf: int) -> Condition:
    def code(kept: list[Frame]) -> list[Frame]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "part.mp4"
            write_video(path, (frame.rgb for frame in kept), (frame.time_s for frame in kept), crf)
            with frames(path, rate_hz=RATE_HZ) as source:
                return list(source)

    return code


def _each(effect: Callable[[Picture], Picture]) -> Condition:
    """Frames are independent here, so only those that will be looked at are touched."""
    return lambda kept: [Frame(frame.time_s, effect(frame.rgb)) for frame in _looks(kept)]


def _jpeg(rgb: Picture) -> Picture:
    strength = (100 - JPEG_QUALITY) / 75.0
    return channel.load("jpeg").apply(rgb, strength, np.random.default_rng(0))


def _blur(rgb: Picture) -> Picture:
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), BLUR_PX), np.uint8)


def _half(rgb: Picture) -> Picture:
    size_wh = max(1, rgb.shape[1] // 2), max(1, rgb.shape[0] // 2)
    return np.asarray(cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _noise(rgb: Picture) -> Picture:
    grain = np.random.default_rng(0).standard_normal(rgb.shape, np.float32)
    return np.asarray(np.clip(np.round(rgb + NOISE_LEVELS * grain), 0, 255), np.uint8)


# Other crops


@cache
def crops() -> Mapping[str, tuple[Finder, float | None]]:
    """Ways to crop the main face for a network, by name: where its mesh comes from, and the margin around it."""
    return {
        OWN_CROP: (_by_blazeface, None),
        **{f"network, margin {margin}": (_by_blazeface, margin) for margin in MARGINS},
        "network, Haar faces": (_by_haar, None),
        "network, Haar boxes, no mesh": (_haar_box_alone, None),
        "network, BlazeFace boxes, no mesh": (_blazeface_box_alone, None),
    }


def _by_blazeface(rgb: Picture) -> NDArray[np.float32] | None:
    found = find(rgb)
    for n in np.argsort(-(found.boxes_px[:, 2] - found.boxes_px[:, 0]), kind="stable"):
        points = mesh(rgb, found.boxes_px[n], found.eyes_px[n])
        if points is not None:
            return points[:, :2]
    return None


def _blazeface_box_alone(rgb: Picture) -> NDArray[np.float32] | None:
    boxes_px = find(rgb).boxes_px
    return _as_mesh(boxes_px[int(np.argmax(boxes_px[:, 2] - boxes_px[:, 0]))]) if len(boxes_px) else None


def _by_haar(rgb: Picture) -> NDArray[np.float32] | None:
    box_px = _haar_box(rgb)
    if box_px is None:
        return None
    eyes_px = box_px[:2] + (box_px[2] - box_px[0]) * np.array([[0.3, 0.4], [0.7, 0.4]], np.float32)
    points = mesh(rgb, box_px, eyes_px)
    return None if points is None else points[:, :2]


def _haar_box_alone(rgb: Picture) -> NDArray[np.float32] | None:
    box_px = _haar_box(rgb)
    return None if box_px is None else _as_mesh(box_px)


def _haar_box(rgb: Picture) -> NDArray[np.float32] | None:
    """(4,) the largest face that the cascade of OpenCV finds (Viola and Jones, CVPR 2001)."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    found = np.asarray(_cascade().detectMultiScale(grey, 1.1, 5), np.float32).reshape(-1, 4)
    if not len(found):
        return None
    x, y, width, height = found[int(np.argmax(found[:, 2]))]
    return np.array([x, y, x + width, y + height], np.float32)


@cache
def _cascade() -> Any:
    folder = cv2.data.haarcascades  # type: ignore[attr-defined]  # its stubs forget the module
    return cv2.CascadeClassifier(folder + "haarcascade_frontalface_default.xml")


def _as_mesh(box_px: NDArray[np.float32]) -> NDArray[np.float32]:
    """(468, 2) points with the box around them and its upper edge for the line between the eyes: a level crop."""
    points = np.tile((box_px[:2] + box_px[2:]) / 2.0, (468, 1)).astype(np.float32)
    points[OUTER_EYES[0]], points[OUTER_EYES[1]] = box_px[:2], box_px[[2, 1]]
    points[0] = box_px[2:]
    return points
