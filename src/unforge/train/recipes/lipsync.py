"""`lipsync`: two small towers that make lips and voice comparable, from real talking clips and their shifted sound.

Seventy seconds of speech are too few for gradient descent (it overfits within a hundred steps), so the towers come in
closed form, as the first step of a contrastive fit: how much more lip and voice columns vary together at the true
offset than at shifted ones, on a whitened scale, reduced to its strongest directions. At weight zero that is the
gradient of the InfoNCE loss (van den Oord et al., 2018, eq. 4) with shifted sound as the negatives.

Data: real clips with sound of the training split. Every figure on the card leaves the people out whom it is about: of
a true pair the one person, of a mismatched pair both. The plain correlation of mouth opening and loudness is measured
in the same run; where the net does not beat it, nothing is written.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh

from unforge import metrics
from unforge.detect import _lips
from unforge.detect._agreement import REACH, Agreement, agreement
from unforge.detect._lips import Lips
from unforge.detect._voice import Voice
from unforge.detect.lipsync import MIN_SPEECH_S, OFFSET_CONFIDENCE, voice_around
from unforge.errors import MediaError, UsageError, WeightsError
from unforge.exhibit import Exhibit
from unforge.media.sound import Sound
from unforge.nets.lipsync import PARTS, SHAPES, SIGNALS, LipVoiceNet
from unforge.train import calibrate, card, datasets, export
from unforge.train.sample import Sample
from unforge.weights.calibration import Calibration

VERSION = "lipsync-1"
SPOKEN = ("grid_lipnet", "nicknochnack", "videoretalking")  # recorded as speech; others were cut again, sound and all
SAME_PERSON = {  # seen to be the same people
    "nicknochnack_test_video": "grid_lipnet_bbaf2n",
    "grid_lipnet_pwij3p": "grid_lipnet_id2_vcd_swwp2s",
}
SAME_CLIP = ("lia_inputs_obama",)  # the film is there twice
SHIFT_ROWS = tuple(range(-REACH, REACH + 1, 2))
PART_ROWS = 4  # every fourth row: the mouth looks much the same 20 ms later
SHRINK = 0.1  # of the mean variance, added to every direction before whitening
TOLERANCE_MS = 40.0  # a frame at 25 Hz
# Ten to one would be carried by the set. But what is calibrated is whether a voice belongs to these lips: dubbing and
# narration are common and honest, and recordings worse than these fit less. So a mismatch is held to weak support.
MAX_LLR = math.log(3.0)

Floats = NDArray[np.float64]
Towers = Callable[[Lips, Voice], tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True)
class Clip:
    """A person who talks, with the sound around the close-up."""

    name: str
    person: str
    dataset: str
    lips: Lips
    sound: Sound
    voice: Voice

    @property
    def spoken(self) -> bool:
        """Whether it may teach what an offset of 0 is."""
        return self.dataset in SPOKEN


@dataclass(frozen=True, slots=True)
class Found:
    """What one way to compare found of true and of mismatched pairs.

    confidence, offset_ms: (N,) of the true ones, offset nan where it is the last that could be tried. datasets: of the
    N. strangers: for each of the N, the confidence of its lips with the voices of other people.
    """

    confidence: Floats
    offset_ms: Floats
    datasets: tuple[str, ...]
    strangers: tuple[Floats, ...]

    @property
    def presumed(self) -> NDArray[np.bool_]:
        """(N,) whether their true offset is presumed to be 0."""
        return np.array([dataset in SPOKEN for dataset in self.datasets], np.bool_)

    def auc(self, drawn: NDArray[np.intp] | None = None) -> float:
        """How well mismatched pairs are told from true ones; drawn: which of the N, with all their strangers."""
        chosen = range(len(self.confidence)) if drawn is None else drawn.tolist()
        others = np.concatenate([self.strangers[n] for n in chosen])
        scores = -np.concatenate([self.confidence[list(chosen)], others])
        return metrics.auc(scores, np.repeat([False, True], [len(scores) - len(others), len(others)]))


def main(
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    seed: int = 1,
    on_progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Fit, measure, calibrate, export; returns the folder with `lipsync.onnx` and its card `lipsync.toml`.

    data: a folder with a `manifest.csv`. The fit is in closed form: it takes seconds, draws nothing and leaves nothing
    to resume, so that `minutes`, `resume` and `seed` change nothing. Raises UsageError with fewer than three people who
    talk, WeightsError where the plain correlation is as good.
    """
    finish(material(data, on_progress), out, on_progress)
    return out


def material(
    data: Path,
    on_progress: Callable[[str, float], None] | None = None,
    *,
    split: str = "train",
    label: str = "real",
) -> list[Clip]:
    """The clips of a split in which somebody is seen and heard to talk."""
    samples = [
        sample
        for sample in datasets.index("manifest", data)
        if (sample.kind, sample.label, sample.split) == ("video", label, split)
    ]
    found = []
    for n, sample in enumerate(samples):
        if on_progress is not None:
            on_progress("lips and voices", n / len(samples))
        clip = read(sample)
        if clip is not None:
            found.append(clip)
    return found


def read(sample: Sample) -> Clip | None:
    """The most visible person of a clip and its sound; None where nobody is seen and heard to talk."""
    exhibit, name = Exhibit(sample.path), sample.path.stem
    try:
        if name in SAME_CLIP or not exhibit.facts.has_sound or not exhibit.close_ups:
            return None
        track, sound = _lips.steady(exhibit.close_ups[0]), exhibit.sound
    except MediaError:
        return None
    if track is None:
        return None
    lips = _lips.read(track)
    voice = voice_around(sound, lips)
    if voice is None or voice.speech_s < MIN_SPEECH_S:
        return None
    person = sample.identity or SAME_PERSON.get(name, name)
    return Clip(name, person, sample.dataset, lips, sound, voice)


# The fit


def fit(clips: Sequence[Clip]) -> LipVoiceNet:
    """Both towers from true pairs and shifted ones, in closed form; clips that are not `spoken` teach nothing."""
    clips = [clip for clip in clips if clip.spoken]
    if len({clip.person for clip in clips}) < 2:
        raise UsageError("lipsync: expected two people or more who talk; their lips and voices are what is learned")
    net = LipVoiceNet()
    net.eval()
    with torch.no_grad():
        net.parts.weight.copy_(torch.from_numpy(_parts(clips)))
        columns = [_columns(net, clip) for clip in clips]
        shares = np.array([math.sqrt(clip.voice.speech_s) for clip in clips])
        shares /= shares.sum()
        lips_white, voice_white = (
            _whitening([np.cov(one[side], rowvar=False) for one in columns], shares) for side in (0, 1)
        )
        contrast = sum(
            share * _contrast(clip, lips, voice)
            for share, clip, (lips, voice) in zip(shares, clips, columns, strict=True)
        )
        left, strength, right = np.linalg.svd(lips_white.T @ contrast @ voice_white)
        scale = np.sqrt(strength[:SIGNALS] / strength[0])
        net.lips.weight.copy_(torch.from_numpy((lips_white @ left[:, :SIGNALS] * scale).T))
        net.voice.weight.copy_(torch.from_numpy((voice_white @ right[:SIGNALS].T * scale).T))
    return net


def _parts(clips: Sequence[Clip]) -> Floats:
    """The main directions (PARTS, pixels) in which pictures of mouths change, each with its largest pixel positive."""
    pictures = np.concatenate([clip.lips.features[::PART_ROWS, SHAPES:] for clip in clips]).astype(np.float64)
    # By the smaller side: there are fewer such rows than pixels.
    variance, rows = eigh(pictures @ pictures.T, subset_by_index=(len(pictures) - PARTS, len(pictures) - 1))
    directions = (rows[:, ::-1] / np.sqrt(variance[::-1])).T @ pictures
    signs = np.sign(np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1))
    return np.asarray(directions * signs, np.float64)


def _columns(net: LipVoiceNet, clip: Clip) -> tuple[Floats, Floats]:
    """Columns of the lips (T, 22) and, where somebody speaks, of the voice (S, 50), else 0."""
    lips = net.lip_columns(torch.from_numpy(clip.lips.features)).numpy().astype(np.float64)
    voice = net.voice_columns(torch.from_numpy(clip.voice.bands.astype(np.float32))).numpy().astype(np.float64)
    return lips, voice * clip.voice.speech[:, None]


def _whitening(covariances: Sequence[Floats], shares: Floats) -> Floats:
    values, vectors = np.linalg.eigh(sum(s * c for s, c in zip(shares, covariances, strict=True)))
    return np.asarray(vectors / np.sqrt(values + SHRINK * values.mean()), np.float64)


def _contrast(clip: Clip, lips: Floats, voice: Floats) -> Floats:
    """(22, 50): how columns vary together at the true offset, less the mean over all offsets."""
    found = []
    for rows in SHIFT_ROWS:
        shift = clip.lips.first - clip.voice.first + rows
        start, end = max(0, -shift), min(len(lips), len(voice) - shift)
        spoken = max(1, int(clip.voice.speech[start + shift : end + shift].sum()))
        found.append(lips[start:end].T @ voice[start + shift : end + shift] / spoken)
    return np.asarray(found[len(found) // 2] - np.mean(found, axis=0), np.float64)


# Measuring


def plain(lips: Lips, voice: Voice) -> tuple[Floats, Floats]:
    """The plain correlation: opening of the mouth against loudness."""
    return lips.opening[:, None], voice.level_db[:, None]


def towers(net: LipVoiceNet) -> Towers:
    """The signals of a net."""

    def signals(lips: Lips, voice: Voice) -> tuple[Floats, Floats]:
        with torch.no_grad():
            found = net(torch.from_numpy(lips.features), torch.from_numpy(voice.bands.astype(np.float32)))
        return found[0].numpy().astype(np.float64), found[1].numpy().astype(np.float64)

    return signals


def compare(signals: Towers, lips: Lips, voice: Voice, lag_rows: int = 0) -> Agreement | None:
    """Lips against a voice that is moved by rows first."""
    lip_signals, voice_signals = signals(lips, voice)
    return agreement(lip_signals, lips.first, voice_signals, voice.first + lag_rows, voice.speech)


class LeftOut:
    """Nets that have never seen somebody, each fitted once."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self.clips = clips
        self._known: dict[frozenset[str], Towers] = {}

    def __call__(self, *people: str) -> Towers:
        """The signals of the net fitted without these people."""
        key = frozenset(people)
        if key not in self._known:
            self._known[key] = towers(fit([clip for clip in self.clips if clip.person not in key]))
        return self._known[key]


def without_net(*people: str) -> Towers:
    """The plain correlation, which has seen nobody."""
    return plain


def measure(
    clips: Sequence[Clip],
    signals: Callable[..., Towers],
    on_progress: Callable[[str, float], None] | None = None,
) -> Found:
    """All true pairs and all mismatched ones, each with the signals for those who must not have been seen before.

    Speech of somebody else begins with the speech it replaces: as dubbing does, and so that leading silence is no cue.
    Raises UsageError where no clip gives a true and a mismatched pair.
    """
    rows = []
    for n, clip in enumerate(clips):
        if on_progress is not None:
            on_progress("measuring, people left out", n / len(clips))
        true = compare(signals(clip.person), clip.lips, clip.voice)
        strangers = [
            compare(signals(clip.person, other.person), clip.lips, other.voice, _begins(clip.voice, other.voice))
            for other in clips
            if other.person != clip.person
        ]
        heard = np.array([found.confidence.max() for found in strangers if found is not None], np.float64)
        if true is not None and len(heard):
            rows.append((float(true.confidence.max()), _number(true.offset_ms), clip.dataset, heard))
    if not rows:
        raise UsageError("lipsync: expected people who are seen and heard to talk, two or more; got too few")
    confidence, offset_ms, names, heards = zip(*rows, strict=True)
    return Found(np.array(confidence), np.array(offset_ms), names, heards)


def worse(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """The same people as they are recorded elsewhere, by what was done to them."""
    return {
        "noise 10 dB below the sound": [louder(clip, _noise(clip, n), -10.0) for n, clip in enumerate(clips)],
        "another voice 15 dB below": [
            louder(clip, clips[(n + len(clips) // 2) % len(clips)].sound.samples, -15.0) for n, clip in enumerate(clips)
        ],
        "12.5 frames a second": [replace(clip, lips=_seldom(clip.lips)) for clip in clips],
    }


def louder(clip: Clip, samples: NDArray[np.floating], level_db: float) -> Clip:
    """With more in its sound, cut or repeated to fit; level_db: power that is added over the power that was there."""
    own = clip.sound.samples.astype(np.float64)
    added = np.resize(samples, len(own)).astype(np.float64)
    added *= math.sqrt(np.mean(own**2) / np.mean(added**2)) * 10.0 ** (level_db / 20.0)
    return heard(clip, replace(clip.sound, samples=(own + added).astype(np.float32)))


def heard(clip: Clip, sound: Sound) -> Clip:
    """With another sound; one that ends before the lips are seen leaves the clip as it was."""
    return replace(clip, sound=sound, voice=voice_around(sound, clip.lips) or clip.voice)


def _noise(clip: Clip, seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal(len(clip.sound.samples))


def _seldom(lips: Lips, every: int = 4) -> Lips:
    """Known in every fourth row only, on straight lines between."""
    known, rows = np.arange(0, len(lips.features), every), np.arange(len(lips.features))
    after = np.minimum(rows // every + 1, len(known) - 1)
    share = np.clip((rows - known[after - 1]) / every, 0.0, 1.0)[:, None]
    features = (1.0 - share) * lips.features[known[after - 1]] + share * lips.features[known[after]]
    return replace(lips, features=features.astype(np.float32), opening=np.interp(rows, known, lips.opening[known]))


def _begins(voice: Voice, other: Voice) -> int:
    """By how many rows another voice is moved to begin with this one."""
    return voice.first + int(np.argmax(voice.speech)) - other.first - int(np.argmax(other.speech))


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def numbers(found: Found) -> dict[str, Any]:
    """Figures with 95 % intervals: of the AUC over clips with all their strangers, Wilson scores of the rates.

    An offset within one frame is one that rounds to -1, 0 or 1 frame of 40 ms.
    """
    strangers = np.concatenate(found.strangers)
    sure = found.confidence >= OFFSET_CONFIDENCE
    asked = sure & found.presumed
    apart_ms = np.abs(found.offset_ms)
    told: dict[str, Any] = {
        "auc": found.auc(),
        "auc_interval": list(metrics.interval(found.auc, np.zeros(len(found.confidence)))),
        "clips": len(found.confidence),
        "mismatched_pairs": len(strangers),
        "mean_confidence": float(found.confidence.mean()),
        "mean_confidence_of_mismatched": float(strangers.mean()),
        "offset_stated": float(sure.mean()),
        "offset_stated_on_mismatched": float((strangers >= OFFSET_CONFIDENCE).mean()),
        "offsets_presumed_0_and_stated": int(asked.sum()),
    }
    for name, most_ms in (("offset_within_40_ms", TOLERANCE_MS), ("offset_within_one_frame", 1.5 * TOLERANCE_MS)):
        if asked.any():
            near = int((asked & (apart_ms <= most_ms)).sum())
            told |= {name: near / int(asked.sum()), f"{name}_interval": list(metrics.wilson(near, int(asked.sum())))}
    return told


# After the fit


def finish(clips: Sequence[Clip], out: Path, on_progress: Callable[[str, float], None] | None = None) -> None:
    """Measure, fit on all, export, calibrate, and write the card beside the file."""
    if len({clip.person for clip in clips if clip.spoken}) < 4:
        people = len({clip.person for clip in clips})
        raise UsageError(f"lipsync: expected four people or more who are seen and heard to talk; got {people}")
    signals = LeftOut(clips)
    by_net, by_plain = measure(clips, signals, on_progress), measure(clips, without_net)
    if by_net.auc() <= by_plain.auc():
        told = f"its AUC is {by_net.auc():.3f}, that of the plain correlation {by_plain.auc():.3f}"
        raise WeightsError(f"lipsync: expected a net that beats the plain correlation; {told}, so none is written")
    found = {"as they are": by_net} | {name: measure(altered, signals) for name, altered in worse(clips).items()}
    net, path = fit(clips), out / "lipsync.onnx"
    out.mkdir(parents=True, exist_ok=True)
    difference = _export(net, path, clips[0])
    card.write(out / "lipsync.toml", _card(path, clips, found, by_plain, difference))


def calibrated(found: Mapping[str, Found], people: int) -> Calibration:
    """Confidence of true pairs against mismatched ones, all ways of recording alike.

    Capped by the number of people, and by MAX_LLR.
    """
    scored = [calibrate.Scored(f"true pairs, {name}", False, -one.confidence) for name, one in found.items()]
    scored += [
        calibrate.Scored(f"mismatched pairs, {name}", True, -np.concatenate(one.strangers))
        for name, one in found.items()
    ]
    line = calibrate.fit(scored)
    return replace(line, cap=min(line.cap, math.log(people), MAX_LLR))


def _export(net: LipVoiceNet, path: Path, example: Clip) -> float:
    """Write both towers as ONNX; returns the largest difference from torch. Raises WeightsError beyond `PARITY`."""
    import onnxruntime

    fed = (torch.from_numpy(example.lips.features), torch.from_numpy(example.voice.bands.astype(np.float32)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is marked as the older one; it needs no torch.export
        torch.onnx.export(
            net,
            fed,
            str(path),
            dynamo=False,
            opset_version=export.OPSET,
            input_names=["lips", "bands"],
            output_names=["lip_signals", "voice_signals"],
            dynamic_axes={"lips": {0: "t"}, "lip_signals": {0: "t"}, "bands": {0: "s"}, "voice_signals": {0: "s"}},
        )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    got = session.run(["lip_signals", "voice_signals"], {"lips": fed[0].numpy(), "bands": fed[1].numpy()})
    with torch.no_grad():
        difference = max(float(np.abs(g - w.numpy()).max()) for g, w in zip(got, net(*fed), strict=True))
    if difference > export.PARITY:
        path.unlink()
        raise WeightsError(f"export: expected ONNX and torch to agree within {export.PARITY}; got {difference:.2g}")
    return difference


def _card(
    path: Path, clips: Sequence[Clip], found: Mapping[str, Found], by_plain: Found, difference: float
) -> dict[str, Any]:
    people = len({clip.person for clip in clips})
    taught = [clip for clip in clips if clip.spoken]
    calibration = calibrated(found, people)
    return {
        "name": "lipsync",
        "version": VERSION,
        "file": path.name,
        "sha256": export.sha256(path),
        "licence": "Apache-2.0 for the weights as such; what they were fitted on may allow less, see data",
        "origin": "fitted by unforge (train/recipes/lipsync.py) in closed form, from nothing",
        "purpose": "turns lips and voice into signals that correlate where they belong together, for the offset of "
        "sound against picture and for how well they fit",
        "feed": "lips (T, 1029) float32: five distances and a picture of the mouth of 32 x 32, without their means "
        "(detect/_lips.py); bands (S, 10) float32: log mel bands, standardised (detect/_voice.py); rows of 20 ms; "
        "outputs lip_signals (T, 4), voice_signals (S, 4)",
        "parameters": sum(parameter.numel() for parameter in LipVoiceNet().parameters()),
        "data": f"{sum(clip.voice.speech_s for clip in taught):.0f} s of speech in {len(taught)} real clips of "
        f"{len({clip.person for clip in taught})} people ({', '.join(SPOKEN)}); measured and calibrated on "
        f"{len(clips)} clips of {people} people, as they are and made worse in {len(found) - 1} ways, each left out "
        "of the fit when asked. GRID is CC BY 4.0; the rights in the other clips are unclear.",
        "cannot": "say who forged what: dubbing, a voice-over and music give mismatches, too, and lips that were "
        "forged to fit a voice fit it",
        "trained": datetime.now(UTC).date().isoformat(),
        "numbers": {
            "onnx_torch_difference": difference,
            "plain correlation": numbers(by_plain),
            **{name: numbers(one) for name, one in found.items()},
        },
        "calibration": {**asdict(calibration), "refits": [list(line) for line in calibration.refits]},
    }
