"""`lipsync`: lips against voice, on real people who talk.

The clips that talk are few and taught the net, so that every figure comes from nets fitted anew without the people it
is about (train/recipes/lipsync.py): of a true pair without the one person, of a mismatched pair without both. Beside
it stands the plain correlation of mouth opening and loudness, on the same pairs.

`auc` is how well mismatched pairs are told from true ones, `lead_auc` by how much the net is ahead of the plain
correlation. `stated` is how often an offset is stated at all, `stated_on_mismatched` how often wrongly. Where it is
stated, `shift_found` is in how many clips nine of ten known shifts of the sound (SHIFTS_MS) come out within 40 ms,
against the same clip unshifted; `within_40_ms` and `within_one_frame` (which rounds to -1, 0 or 1 frame of 40 ms) how
often the unshifted clip comes out at 0, which is presumed of clips that were recorded as speech. `forged to fit` are
clips animated by their own sound, whose true offset is 0: that they fit is why a match says nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from unforge import weights
from unforge.bench import figures, material
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.detect.lipsync import MIN_SPEECH_S, OFFSET_CONFIDENCE
from unforge.errors import UsageError

if TYPE_CHECKING:
    from unforge.train.recipes.lipsync import Clip, Found, LeftOut

SHIFTS_MS = tuple(range(-600, 601, 120))
TOLERANCE_MS = 40.0
TELEPHONE_HZ = (300.0, 3400.0)
MOST = 0.9
FEWEST_PEOPLE = 4


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Measure the clips of a split in which somebody talks. Needs the train extra.

    Raises UsageError for a folder without a manifest, for other examiners, and with fewer than four people who talk.
    """
    material.no_list("lipsync", listed)
    material.no_peers("lipsync", peers)
    if examiners is not None and tuple(examiners) != ("lipsync",):
        raise UsageError(f"lipsync: expected no other examiner, because it measures one; got {', '.join(examiners)}")
    material.read(data, split, "video")
    from unforge.train.recipes import lipsync as recipe

    root = data or Path()
    tell = on_progress or (lambda what, share: None)
    clips = recipe.material(root, lambda what, share: tell(what, 0.3 * share), split=split)
    if len({clip.person for clip in clips if clip.spoken}) < FEWEST_PEOPLE:
        raise UsageError(
            f"lipsync: expected {FEWEST_PEOPLE} people or more who talk in {split!r}; got {len(clips)} clips"
        )
    fakes = recipe.material(root, lambda what, share: tell(what, 0.3 + 0.2 * share), split=split, label="fake")
    rows = rows_of(clips, fakes, lambda what, share: tell(what, 0.5 + 0.5 * share))
    return of_today(
        name=f"lipsync-{split}",
        protocol="lipsync",
        split=split,
        rows=rows,
        manifest_sha256=material.sha256(data),
        weights={name: weights.card(name).sha256 for name in ("silero_vad", "lipsync")},
        seed=figures.SEED,
        settings={
            "clips": len(clips),
            "people": len({clip.person for clip in clips}),
            "shifts_ms": ", ".join(map(str, SHIFTS_MS)),
            "offset_confidence": OFFSET_CONFIDENCE,
            "figures": "nets fitted without the people asked; 95 % bootstrap intervals over clips, Wilson for rates",
            "bootstrap_rounds": figures.ROUNDS,
        },
    )


def rows_of(clips: "Sequence[Clip]", fakes: "Sequence[Clip]", tell: OnProgress) -> dict[str, dict[str, Value]]:
    """One row for each way to compare and each way of recording."""
    from unforge.train.recipes import lipsync as recipe

    signals = recipe.LeftOut(clips)
    tell("as they are", 0.0)
    by_net, by_plain = recipe.measure(clips, signals), recipe.measure(clips, recipe.without_net)
    rows = {
        "net": {**_figures(by_net), "lead_auc": _lead(by_net, by_plain), "shift_found": _shift_found(clips, signals)},
        "plain correlation": _figures(by_plain),
    }
    stated = by_net.confidence >= OFFSET_CONFIDENCE
    for dataset in sorted(set(by_net.datasets)):
        chosen = np.array([name == dataset for name in by_net.datasets])
        rows[f"net, {dataset}"] = {
            "stated": figures.rate(stated, chosen),
            **_near_zero(by_net.offset_ms, stated & chosen),
            "confidence": figures.mean(by_net.confidence[chosen]),
        }
    altered = {**recipe.worse(clips), "telephone, 300 to 3400 Hz": [_by_telephone(clip) for clip in clips]}
    for n, (name, others) in enumerate(altered.items()):
        tell(name, (n + 1) / (len(altered) + 2))
        rows[f"net, {name}"] = _figures(recipe.measure(others, signals))
    if fakes:
        tell("forged to fit", 1.0)
        rows["net, forged to fit"] = _forged(fakes, signals)
    return rows


def _figures(found: "Found") -> dict[str, Value]:
    clips = np.zeros(len(found.confidence))
    strangers = np.concatenate(found.strangers)
    stated = found.confidence >= OFFSET_CONFIDENCE
    everybody = np.ones(len(stated), np.bool_)
    return {
        "auc": figures.bootstrapped(found.auc, clips),
        "stated": figures.rate(stated, everybody),
        "stated_on_mismatched": figures.bootstrapped(lambda drawn: _share_stated(found, drawn), clips),
        **_near_zero(found.offset_ms, stated & found.presumed),
        "confidence": figures.mean(found.confidence),
        "confidence_of_mismatched": replace(
            figures.bootstrapped(lambda drawn: float(np.mean([found.strangers[n].mean() for n in drawn])), clips),
            n=len(strangers),
        ),
    }


def _share_stated(found: "Found", drawn: NDArray[np.intp]) -> float:
    return float((np.concatenate([found.strangers[n] for n in drawn]) >= OFFSET_CONFIDENCE).mean())


def _near_zero(offset_ms: NDArray[np.float64], asked: NDArray[np.bool_]) -> dict[str, Value]:
    apart_ms = np.abs(offset_ms)
    return {
        "within_40_ms": figures.rate(apart_ms <= TOLERANCE_MS, asked),
        "within_one_frame": figures.rate(apart_ms <= 1.5 * TOLERANCE_MS, asked),
    }


def _lead(first: "Found", second: "Found") -> Value:
    return figures.paired_difference(first.auc, second.auc, np.zeros(len(first.confidence)))


def _shift_found(clips: "Sequence[Clip]", signals: "LeftOut") -> Value:
    """Over the clips whose offset is stated: at how many most known shifts come out."""
    shares = np.array([_share_found(clip, signals) for clip in clips])
    return figures.rate(shares >= MOST, np.isfinite(shares))


def _share_found(clip: "Clip", signals: "LeftOut") -> float:
    """nan where the offset of the clip itself is not stated, or that of no shift."""
    own_ms = _stated_ms(clip, signals)
    if own_ms is None:
        return float("nan")
    hits = []
    for shift_ms in SHIFTS_MS:
        found_ms = _stated_ms(shifted(clip, shift_ms), signals)
        if found_ms is not None:
            hits.append(abs(found_ms - own_ms - shift_ms) <= TOLERANCE_MS)
    return float(np.mean(hits)) if hits else float("nan")


def shifted(clip: "Clip", shift_ms: float) -> "Clip":
    """The same clip with its sound so much later."""
    from unforge.train.recipes import lipsync as recipe

    return recipe.heard(clip, replace(clip.sound, start_s=clip.sound.start_s + shift_ms / 1000.0))


def _stated_ms(clip: "Clip", signals: "LeftOut") -> float | None:
    from unforge.train.recipes import lipsync as recipe

    found = recipe.compare(signals(clip.person), clip.lips, clip.voice)
    if found is None or float(found.confidence.max()) < OFFSET_CONFIDENCE:
        return None
    if clip.voice.speech_within_s(clip.lips.first, len(clip.lips.opening)) < MIN_SPEECH_S:
        return None
    return found.offset_ms


def _by_telephone(clip: "Clip") -> "Clip":
    from unforge.train.recipes import lipsync as recipe

    band = butter(4, TELEPHONE_HZ, "bandpass", fs=clip.sound.rate_hz, output="sos")
    samples = sosfiltfilt(band, clip.sound.samples.astype(np.float64))
    return recipe.heard(clip, replace(clip.sound, samples=samples.astype(np.float32)))


def _forged(fakes: "Sequence[Clip]", signals: "LeftOut") -> dict[str, Value]:
    """Clips animated by their own sound: nobody of them taught the net."""
    from unforge.train.recipes import lipsync as recipe

    found = [recipe.compare(signals(), clip.lips, clip.voice) for clip in fakes]
    confidence = np.array([np.nan if one is None else one.confidence.max() for one in found])
    offset_ms = np.array([np.nan if one is None or one.offset_ms is None else one.offset_ms for one in found])
    stated = confidence >= OFFSET_CONFIDENCE
    return {
        "stated": figures.rate(stated, np.ones(len(stated), np.bool_)),
        **_near_zero(offset_ms, stated),
        "confidence": figures.mean(confidence),
    }
