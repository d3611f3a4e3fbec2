"""`pulse`: whether the beats that a face shows are the ones that it has, and what is said where it has none.

Injected: a recorded contact PPG, played faster or slower, tints the skin of a still by as much as a heart does, while
the head sways at random in front of a noisy camera; then H.264 at several qualities. The reference are the counted
beats. `error_bpm` is the mean absolute error of the pulses told, `error_bpm_all` that of every clip's strongest
rhythm, whether told or not; `told` is how often a pulse was told, `coherence` the mean correlation between patches.
Frozen: the same without a pulse, where every pulse told is wrong. Noise: colours at random in place of a skin; `told`
must not exceed the level of the test, 1 %.

At rest: the films of real faces in the folder `pulse`, without a reference. Videos: those of the split, untouched and
forged. `told_without_gates` counts those with a significant pulse when length, movement and so on do not matter, and
`coherence_auc` is how far a lack of coherence then separates forged from untouched ones; 0.5 is chance.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unforge.bench import figures, material
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.detect import _rhythm, _skin
from unforge.detect.pulse import SIGNIFICANT, Person, Pulse
from unforge.errors import MediaError, UsageError
from unforge.exhibit import Exhibit
from unforge.faces.regions import LEFT_BROW, LEFT_EYE, MOUTH, OVAL, RIGHT_BROW, RIGHT_EYE, hull_mask
from unforge.media.image import read_image
from unforge.media.write import write_video

CONTACT = Path("pulse") / "contact_ppg_250hz.mat"
AT_REST = "pulse/*.mp4"
CONTACT_HZ = 250.0
TINT = (0.33, 0.77, 0.53)  # of a pulse in red, green and blue (Wang et al. 2017)
AMPLITUDE = 0.005  # standard deviation of the tint
NOISE_LEVELS = 1.5
SIDE_PX, FACE_PX = 400, 200
RATE_HZ, DURATION_S = 30.0, 10.0
SWAY = 0.03  # of the face's size, root mean square; it changes within about a second
SWAY_S = 0.8
FACES, NOISES = 5, 1000
TRIED = 120  # stills at most, until there are enough large frontal faces
SHORTEST_S = 3.0  # of a video of which coherence is read with the gates set aside
CLOSE_BPM = 2.0
SEED = 11

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ppg:
    """A contact recording: values at CONTACT_HZ, and when its beats were counted, in seconds."""

    values: Floats
    beats_s: Floats

    @property
    def bpm(self) -> float:
        return _bpm(self.beats_s)


@dataclass(frozen=True, slots=True)
class Face:
    """A still to be given a pulse: (S, S, 3), and how much of each place (S, S) is skin, in [0, 1]."""

    rgb: Picture
    skin: NDArray[np.float32]

    @property
    def level(self) -> float:
        """Mean grey level of the skin: how dark it is."""
        return float((self.rgb.mean(axis=-1) * self.skin).sum() / self.skin.sum())


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to film a face."""

    name: str
    bpm: tuple[float, ...]
    crf: int = 23
    sway: float = SWAY
    rate_hz: float = RATE_HZ
    amplitude: float = AMPLITUDE


SETTINGS = (
    Setting("injected, CRF 18", (56.0, 92.0), crf=18),
    Setting("injected, CRF 23", (52.0, 68.0, 84.0, 115.0)),
    Setting("injected, CRF 28", (56.0, 92.0), crf=28),
    Setting("injected, CRF 33", (56.0, 92.0), crf=33),
    Setting("injected, CRF 23, swaying 4 times as far", (56.0, 92.0), sway=4 * SWAY),
    Setting("injected, CRF 23, 15 frames a second", (56.0, 92.0), rate_hz=15.0),
    Setting("frozen, CRF 23", (60.0, 60.0), amplitude=0.0),
)
BY_TONE = "injected, CRF 23"


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of one clip. bpm, coherence: None where the gates let nothing be read."""

    true_bpm: float
    level: float
    told: bool
    bpm: float | None
    coherence: float | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was said of one video, and what its most visible person shows with the gates set aside."""

    fake: bool
    abstained: bool
    significant: bool
    coherence: float


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Measure the examiner `pulse`. Raises UsageError for a folder without a manifest or without the recording."""
    material.no_list("pulse", listed)
    material.no_peers("pulse", peers)
    if examiners is not None and list(examiners) != ["pulse"]:
        raise UsageError(f"pulse: expected no examiners but pulse; got {', '.join(examiners)}")

    def tell(what: str, share: float) -> None:
        if on_progress is not None:
            on_progress(what, share)

    ppg, faces = contact(data), _faces(data, split)
    rows: dict[str, dict[str, Value]] = {}
    for n, setting in enumerate(SETTINGS):
        tell(setting.name, 0.6 * n / len(SETTINGS))
        rows |= _setting_rows(setting, _filmed(setting, faces, ppg))
    tell("noise", 0.6)
    rows["noise, each patch for itself"] = noise_figures(NOISES, shared=False)
    rows["noise, most of it shared"] = noise_figures(NOISES, shared=True)
    rows |= _at_rest(data)
    rows |= _videos(data, split, lambda what, share: tell(what, 0.65 + 0.35 * share))
    return of_today(
        name=f"pulse-{split}",
        protocol="pulse",
        split=split,
        rows=rows,
        manifest_sha256=material.sha256(data),
        weights={},
        seed=SEED,
        settings={
            "faces": len(faces),
            "face_px": FACE_PX,
            "amplitude": AMPLITUDE,
            "noise_levels": NOISE_LEVELS,
            "sway": SWAY,
            "duration_s": DURATION_S,
            "significant": SIGNIFICANT,
            "figures": "95 % intervals: Wilson score for rates (told, abstained, within_2_bpm), bootstrap for the rest",
        },
    )


# Faces that are given a pulse


def contact(data: Path | None) -> Ppg:
    """The contact recording of a data folder. Raises UsageError where there is none."""
    from scipy.io import loadmat

    path = (data or Path()) / CONTACT
    if data is None or not path.is_file():
        raise UsageError(f"pulse: expected a contact recording {CONTACT} below the data folder; got {data}")
    recording = loadmat(path, squeeze_me=True)["PPG"][()]
    return Ppg(np.asarray(recording["data"], np.float64), np.asarray(recording["peaks"], np.float64) / CONTACT_HZ)


def played(ppg: Ppg, bpm: float, start_s: float, times_s: Floats) -> tuple[Floats, float]:
    """The recording played at about `bpm` from `start_s` on: values at times_s of deviation 1, and the true rate."""
    speed = bpm / ppg.bpm
    within_s = start_s + speed * times_s
    values = np.interp(within_s, np.arange(len(ppg.values)) / CONTACT_HZ, ppg.values)
    beats_s = ppg.beats_s[(ppg.beats_s >= within_s[0]) & (ppg.beats_s <= within_s[-1])]
    return (values - values.mean()) / values.std(), speed * _bpm(beats_s)


def face(rgb: Picture, landmarks_px: NDArray[np.floating], side_px: int = SIDE_PX, face_px: float = FACE_PX) -> Face:
    """A still brought to one size, its face in the middle, and where its skin is."""
    skin = hull_mask(landmarks_px[list(OVAL)], rgb.shape[:2])
    for part in (LEFT_EYE + LEFT_BROW, RIGHT_EYE + RIGHT_BROW, MOUTH):
        skin *= 1.0 - hull_mask(landmarks_px[list(part)], rgb.shape[:2])
    low, high = landmarks_px.min(axis=0), landmarks_px.max(axis=0)
    scale = face_px / float((high - low).max())
    matrix = np.column_stack([scale * np.eye(2), side_px / 2.0 - scale * (low + high) / 2.0])
    smooth = cv2.GaussianBlur(rgb, (0, 0), 0.4 / scale) if scale < 1.0 else rgb
    laid, mask = _moved(np.asarray(smooth), matrix, side_px), _moved(skin, matrix, side_px)
    return Face(np.asarray(laid, np.uint8), np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.0), np.float32))


def film(still: Face, beat: Floats, times_s: Floats, sway: float, amplitude: float, seed: int) -> Iterator[Picture]:
    """Frames of a face whose skin follows `beat` (N,), with a swaying head, drifting light and a noisy camera."""
    rng = np.random.default_rng(seed)
    side_px = len(still.rgb)
    x, y, turn, zoom = sway * wandering(times_s, 4, rng)
    light = 1.0 + 0.01 * wandering(times_s, 1, rng)[0]
    bank = rng.normal(0.0, NOISE_LEVELS, (8, 2 * side_px, side_px, 3)).astype(np.float32)
    for n in range(len(times_s)):
        middle = (side_px / 2.0, side_px / 2.0)
        matrix = np.asarray(cv2.getRotationMatrix2D(middle, 30.0 * float(turn[n]), 1.0 + 0.5 * float(zoom[n])))
        matrix[:, 2] += FACE_PX * np.array([x[n], 0.6 * y[n]])
        rgb, skin = (_moved(part.astype(np.float32), matrix, side_px) for part in (still.rgb, still.skin))
        tinted = rgb * (1.0 - amplitude * beat[n] * skin[..., None] * np.array(TINT, np.float32))
        which, top = rng.integers(len(bank)), rng.integers(side_px)
        yield np.clip(np.round(tinted * light[n] + bank[which, top : top + side_px]), 0, 255).astype(np.uint8)


def _moved(picture: NDArray[Any], matrix: NDArray[Any], side_px: int) -> NDArray[Any]:
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_REFLECT_101
    return np.asarray(cv2.warpAffine(picture, matrix, (side_px, side_px), flags=flags, borderMode=border))


def wandering(times_s: Floats, count: int, rng: np.random.Generator) -> Floats:
    """(count, N): smooth random courses of deviation 1 that forget themselves within about a second."""
    step_s = float(np.median(np.diff(times_s)))
    courses = ndimage.gaussian_filter1d(rng.standard_normal((count, len(times_s))), SWAY_S / step_s, mode="wrap")
    return np.asarray(courses / courses.std(axis=1, keepdims=True))


def _bpm(beats_s: Floats) -> float:
    return 60.0 * (len(beats_s) - 1) / float(beats_s[-1] - beats_s[0])


def _faces(data: Path | None, split: str) -> list[Face]:
    """Large frontal faces of untouched stills, evenly over the split. Raises UsageError without any."""
    stills = [item for item in material.read(data, split, "image") if not item.fake]
    found: list[Face] = []
    for item in material.evenly(stills, TRIED):
        path = (data or Path()) / item.path
        try:
            tracks = Exhibit(path).tracks
        except MediaError:
            continue
        if tracks and tracks[0].size_px[0] >= FACE_PX / 2.0 and abs(tracks[0].yaw_deg[0]) <= 15.0:
            found.append(face(read_image(path).rgb, tracks[0].landmarks_px[0]))
        if len(found) == FACES:
            return found
    if not found:
        raise UsageError(f"pulse: expected stills of large frontal faces in the split {split!r}; there is none")
    return found


# What is said of them


def _filmed(setting: Setting, faces: Sequence[Face], ppg: Ppg) -> list[Told]:
    """Every face filmed at every rate of a setting."""
    times_s = np.arange(round(DURATION_S * setting.rate_hz)) / setting.rate_hz
    told = []
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        for n, still in enumerate(faces):
            for m, bpm in enumerate(setting.bpm):
                span_s = len(ppg.values) / CONTACT_HZ - DURATION_S * bpm / ppg.bpm
                beat, true_bpm = played(ppg, bpm, max(0.0, span_s) * n / len(faces), times_s)
                frames = film(still, beat, times_s, setting.sway, setting.amplitude, SEED + 10 * n + m)
                write_video(clip, frames, times_s.tolist(), setting.crf)
                try:
                    told.append(_said(clip, true_bpm, still.level))
                except MediaError:  # a busy machine may run out of time; `n` tells how many are left
                    continue
    return told


def _said(clip: Path, true_bpm: float, level: float) -> Told:
    exhibit = Exhibit(clip)
    people = [Pulse().read(track, exhibit.facts.size_wh) for track in exhibit.close_ups[:1]]
    if not people or not isinstance(people[0], Person):
        return Told(true_bpm, level, False, None, None)
    person = people[0]
    return Told(true_bpm, level, person.finding == "pulse", person.rhythm.bpm, person.rhythm.coherence)


def _setting_rows(setting: Setting, told: Sequence[Told]) -> dict[str, dict[str, Value]]:
    rows = {setting.name: setting_figures(told, beating=setting.amplitude > 0.0)}
    if setting.name == BY_TONE:
        middle = float(np.median([one.level for one in told]))
        dark, light = ([one for one in told if (one.level <= middle) == is_dark] for is_dark in (True, False))
        rows |= {f"{setting.name}, darker half": setting_figures(dark, beating=True)} if dark else {}
        rows |= {f"{setting.name}, lighter half": setting_figures(light, beating=True)} if light else {}
    return rows


def setting_figures(told: Sequence[Told], *, beating: bool) -> dict[str, Value]:
    """Figures over clips; errors only where there is a beat to be found."""
    found = {"told": _rate([one.told for one in told])}
    if beating:
        errors = [abs(one.bpm - one.true_bpm) for one in told if one.told and one.bpm is not None]
        found["error_bpm"] = figures.mean(errors)
        found["within_2_bpm"] = _rate([error <= CLOSE_BPM for error in errors])
        found["error_bpm_all"] = figures.mean([abs(one.bpm - one.true_bpm) for one in told if one.bpm is not None])
    found["coherence"] = figures.mean([one.coherence for one in told if one.coherence is not None])
    return found


def noise_figures(count: int, *, shared: bool) -> dict[str, Value]:
    """How often a pulse is told of colours at random, by p-value alone, at two levels of the test."""
    p_values = np.array([noise_p(n, shared=shared) for n in range(count)])
    return {
        "told": _rate((p_values <= SIGNIFICANT).tolist()),
        "told_at_5_percent": _rate((p_values <= 0.05).tolist()),
    }


def noise_p(seed: int, *, shared: bool) -> float:
    """The p-value of patches that tremble each for itself, every other one with drifts; or also all alike."""
    rng = np.random.default_rng([SEED, seed])
    times_s = np.arange(round(DURATION_S * RATE_HZ)) / RATE_HZ
    steps = rng.standard_normal((len(_skin.PATCHES), len(times_s), 3))
    if shared:
        steps += 2.0 * rng.standard_normal(steps.shape[1:])
    if seed % 2:
        steps += 0.3 * np.cumsum(rng.standard_normal(steps.shape), axis=1)
    colours = 120.0 + 0.2 * steps
    place_px = 0.01 * rng.standard_normal((len(times_s), 2))
    skin = _skin.Skin(times_s, colours.mean(axis=0), colours, None, None, 0.0, place_px, np.ones(len(times_s)))
    return _rhythm.measure(skin, rng).p_value


# Films as they are


def _at_rest(data: Path | None) -> dict[str, dict[str, Value]]:
    rows = {}
    for path in sorted((data or Path()).glob(AT_REST)):
        facts = Pulse().examine(Exhibit(path)).facts
        names = [name for name in ("pulse_bpm", "p_value", "coherence", "snr_db") if name in facts]
        rows[f"at rest: {path.stem}"] = {name: Value(float(facts[name]), None, None, 1) for name in names}
    return rows


def _videos(data: Path | None, split: str, tell: OnProgress) -> dict[str, dict[str, Value]]:
    clips = material.read(data, split, "video")
    seen: list[Seen] = []
    for n, clip in enumerate(clips):
        tell(clip.path, n / len(clips))
        try:
            seen.append(_seen(Exhibit((data or Path()) / clip.path), clip.fake))
        except MediaError:
            continue
    rows = {}
    for name, fake in (("untouched videos", False), ("forged videos", True)):
        chosen = [one for one in seen if one.fake == fake]
        if chosen:
            rows[name] = {
                "abstained": _rate([one.abstained for one in chosen]),
                "told_without_gates": _rate([one.significant for one in chosen]),
            }
    known = [one for one in seen if np.isfinite(one.coherence)]
    fakes, coherence = np.array([one.fake for one in known], np.bool_), np.array([one.coherence for one in known])
    if fakes.any() and not fakes.all():
        rows["forged against untouched videos"] = {"coherence_auc": figures.auc(-coherence, fakes)}
    return rows


def _seen(exhibit: Exhibit, fake: bool) -> Seen:
    abstained, tracks = Pulse().examine(exhibit).abstained, exhibit.close_ups
    if not tracks or tracks[0].times_s[-1] - tracks[0].times_s[0] < SHORTEST_S:
        return Seen(fake, abstained, False, float("nan"))
    rhythm = _rhythm.measure(_skin.read(tracks[0], exhibit.facts.size_wh), np.random.default_rng(SEED))
    return Seen(fake, abstained, rhythm.p_value <= SIGNIFICANT, rhythm.coherence)


def _rate(hits: Sequence[bool]) -> Value:
    return figures.rate(np.array(hits, np.bool_), np.ones(len(hits), np.bool_))
