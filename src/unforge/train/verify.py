"""What a trained `finegrained` network is worth on faces that were held out; and its file with card and calibration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unforge import metrics
from unforge.detect import finegrained as detector
from unforge.faces import align
from unforge.train import calibrate, card, export, fakes
from unforge.train.crops import Row, Store
from unforge.train.fakes import self_blend
from unforge.train.material import Material
from unforge.train.pairs import Pair, View, make_pair
from unforge.verdict import any_of
from unforge.weights.calibration import Calibration

Judge = Callable[[Sequence[NDArray[np.uint8]]], detector.Read]
HeldOut = Callable[[Row], bool]

PLAIN_VIEW = View(size_px=160, margin_low=1.3, margin_high=1.3)  # as the examiner looks
VERSION = "finegrained-2"
RESEARCH_ONLY = {"ffpp_c23", "utkface_adult", "ytfaces_udacity_p1"}  # collections whose terms say so
THRESHOLDS = (0.01, 0.03)  # false-positive rates that the card tells the llr of
FEWEST = 40  # of a class in a stratum; a stratum with fewer takes the calibration of all


@dataclass(frozen=True, slots=True)
class Forged:
    """A held-out face and its forgery, with the family that made it."""

    family: str
    pair: Pair


def held_out_pairs(
    store: Store, held_out: HeldOut, donors: fakes.Donors, families: Sequence[str], most: int = 1200
) -> list[Forged]:
    """One forgery of each held-out real look, stills first, the families in turn; always the same ones."""
    looks = [n for n in store.where(label="real").tolist() if held_out(store.rows[n])]
    rows = [n for n in looks if store.rows[n]["kind"] == "image"]
    rows += [n for n in looks if store.rows[n]["kind"] == "video" and n % 3 == 0]
    made = []
    for count, n in enumerate(rows[:most]):
        family = families[count % len(families)]
        rng = np.random.default_rng([7, n])
        crop, mesh = store.crops[n], store.landmarks_px[n]
        made.append(Forged(family, make_pair(crop, mesh, fakes.load(family), PLAIN_VIEW, rng, donors=donors)))
    return made


# While it learns


def by_net(net: nn.Module) -> Judge:
    """A torch net in the place of its file."""
    device = next(net.parameters()).device

    class Session:
        def run(self, names: Sequence[str], feed: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
            with torch.no_grad():
                answer = net.eval()(torch.from_numpy(feed["rgb"]).to(device, memory_format=torch.channels_last))
            return [getattr(answer, name).cpu().numpy() for name in names]

    return lambda views: detector.read_views(Session(), views, 0.0)


def pair_auc(net: nn.Module, made: Sequence[Forged]) -> float:
    """How well a net ranks held-out forgeries above their partners."""
    judge = by_net(net)
    reals, forged = (judge([getattr(one.pair, side) for one in made]).logits for side in ("real", "fake"))
    return _auc(reals, forged)


def forgery_auc(net: nn.Module, store: Store, held_out: HeldOut) -> float:
    """The same for labelled forgeries of the held-out part, single looks; nan where the data have none."""
    judge = by_net(net)
    scores = [
        judge(_views(store, _rows(store, held_out, label=label))).logits
        for label in ("real", "fake")
        if _rows(store, held_out, label=label)
    ]
    return _auc(*scores) if len(scores) == 2 else float("nan")


def _auc(reals: NDArray[np.float32], forged: NDArray[np.float32]) -> float:
    return metrics.auc(np.concatenate([reals, forged]), np.repeat([False, True], [len(reals), len(forged)]))


def _rows(store: Store, held_out: HeldOut, **wanted: str) -> list[int]:
    """Held-out rows with these columns that the examiner would judge; of a clip every third look."""
    rows = [n for n in store.where(**wanted).tolist() if held_out(store.rows[n])]
    rows = [n for n in rows if float(store.rows[n]["size_px"]) >= detector.MIN_FACE_PX]
    return [n for n in rows if store.rows[n]["kind"] == "image" or n % 3 == 0]


def _views(store: Store, rows: Sequence[int]) -> list[NDArray[np.uint8]]:
    return [view(store.crops[n], store.landmarks_px[n]) for n in rows]


def view(crop: NDArray[np.uint8], landmarks_px: NDArray[np.float32]) -> NDArray[np.uint8]:
    """What the examiner shows the network of a crop."""
    matrix = align.face_square(landmarks_px, PLAIN_VIEW.margin_low, PLAIN_VIEW.size_px)
    return align.warp(crop, matrix, PLAIN_VIEW.size_px)


def draw_curves(folder: Path) -> None:
    """`curves.png`: losses and AUC over the steps, from the logs of a run."""
    import csv

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for axis, name in zip(axes, ("log.csv", "probe.csv"), strict=True):
        with (folder / name).open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        for column in [key for key in (rows[0] if rows else {}) if key not in ("step", "elapsed_s")]:
            axis.plot([int(row["step"]) for row in rows], [float(row[column]) for row in rows], label=column)
        axis.set_xlabel("step")
        axis.legend(fontsize="small")
    axes[0].set_title("training (running means)")
    axes[1].set_title("held-out faces, averaged weights")
    figure.savefig(folder / "curves.png", dpi=90)
    pyplot.close(figure)


# When it has learned


@dataclass(frozen=True, slots=True)
class History:
    """How a net came about, for its card.

    start: what it started from, in words; families: of its pseudo-fakes; labelled: whether it has seen labelled ones.
    """

    start: str
    families: tuple[str, ...]
    labelled: bool = False


def finish(net: nn.Module, seen: Material, history: History, folder: Path) -> None:
    """Export, measure on held-out faces, calibrate, and write the card beside the file."""
    import onnxruntime

    store, held_out = seen.store, seen.held_out
    example = np.stack(_views(store, range(0, len(store.rows), max(1, len(store.rows) // 8)))).transpose(0, 3, 1, 2)
    path = folder / "finegrained.onnx"
    difference = export.export(
        net, path, PLAIN_VIEW.size_px, detector.OUTPUTS, torch.from_numpy(example.astype(np.float32)), fused=False
    )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    made = held_out_pairs(store, held_out, seen.donors, history.families)
    threshold = mask_threshold(session, made)

    def judge(views: Sequence[NDArray[np.uint8]]) -> detector.Read:
        return detector.read_views(session, views, threshold)

    lines, artefact_numbers = artefacts(judge, made)
    cues = {f"single_cue_auc_{region}": by_cue(judge, store, held_out, region) for region in ("face", "mouth")}
    numbers = {**measure(judge, made), **artefact_numbers, **cues, "onnx_torch_difference": difference}
    looks = material(judge, store, held_out, made)
    calibration = calibrate.by_stratum(looks, detector.STRATA, FEWEST)
    parameters = sum(parameter.numel() for parameter in net.parameters())
    calibration["window"] = _window(judge, seen, made, looks, calibration)
    card.write(
        folder / "finegrained.toml",
        {
            **_words(path, threshold, parameters, history, _data(seen, history)),
            "numbers": numbers,
            "artefacts": lines,
            "calibration": {name: asdict(found) for name, found in calibration.items()},
            "thresholds": {
                name: calibrate.thresholds(_within(looks, name), calibration[name], THRESHOLDS)
                for name in detector.STRATA
            },
        },
    )


def fitted(made: Sequence[Forged]) -> NDArray[np.bool_]:
    """(N,) whether a forgery sets thresholds and lines; the others measure what these are worth."""
    return np.random.default_rng(3).random(len(made)) < 0.5


def mask_threshold(session: Any, made: Sequence[Forged]) -> float:
    """The mask logit from which on a place counts as marked: the best mean IoU over held-out forgeries."""
    marked = [one for one, chosen in zip(made, fitted(made), strict=True) if chosen and (one.pair.mask > 0.5).any()]
    heats = detector.read_views(session, [one.pair.fake for one in marked], 0.0).heats
    truth = np.stack([one.pair.mask > 0.5 for one in marked])
    thresholds = np.linspace(-2.5, 1.0, 36)

    def mean_iou(threshold: float) -> float:
        found = heats > 1.0 / (1.0 + np.exp(-threshold))
        return float(((truth & found).sum(axis=(1, 2)) / (truth | found).sum(axis=(1, 2))).mean())

    return float(thresholds[int(np.argmax([mean_iou(float(t)) for t in thresholds]))])


def measure(judge: Judge, made: Sequence[Forged]) -> dict[str, Any]:
    """Ranking by family and mask, with 95 % bootstrap intervals over the pairs."""
    reals, forged = (judge([getattr(one.pair, side) for one in made]) for side in ("real", "fake"))
    labels = np.repeat([False, True], len(made))
    scores = np.concatenate([reals.logits, forged.logits]).astype(np.float64)
    low, high = metrics.interval(lambda rows: metrics.auc(scores[rows], labels[rows]), labels)
    return {
        "held_out_auc": metrics.auc(scores, labels),
        "held_out_auc_interval": [low, high],
        "held_out_pairs": len(made),
        "held_out_auc_by_family": {
            family: _auc(
                reals.logits[[one.family == family for one in made]],
                forged.logits[[one.family == family for one in made]],
            )
            for family in dict.fromkeys(one.family for one in made)
        },
        **_of_masks(forged.heats, made),
        "mask_share_marked_on_reals": float((reals.heats > 0.5).mean()),
        "mask_share_marked_on_fakes": float((forged.heats > 0.5).mean()),
    }


def _of_masks(heats: NDArray[np.float32], made: Sequence[Forged]) -> dict[str, Any]:
    """How well heats (N, h, w) fit, on forgeries that set no threshold; nothing where few faces leave none."""
    others = [n for n in np.flatnonzero(~fitted(made)).tolist() if (made[n].pair.mask > 0.5).any()]
    if not others:
        return {}
    ious = np.array([metrics.iou(heats[n], made[n].pair.mask) for n in others])
    hits = np.array([metrics.points_at(heats[n], made[n].pair.mask) for n in others], np.float64)
    low, high = metrics.interval(lambda rows: float(ious[rows].mean()), np.zeros(len(ious)))
    return {
        "mask_iou": float(ious.mean()),
        "mask_iou_interval": [low, high],
        "mask_iou_of_a_fixed_ellipse": ellipse_iou([made[n].pair.mask for n in others]),
        "mask_pointing": float(hits.mean()),
    }


def by_cue(judge: Judge, store: Store, held_out: HeldOut, region: str, most: int = 120) -> dict[str, float]:
    """AUC with one injected cue at a time and no other loss: a net that has learned a few cues only shows here."""
    rows = [n for n in store.where(label="real").tolist() if held_out(store.rows[n])]
    rows = [n for n in rows if float(store.rows[n]["size_px"]) >= detector.SMALL_PX][:most]
    found = {}
    for cue in self_blend.SINGLE_CUES:
        family = self_blend.SingleCue(cue, region)
        made = [
            make_pair(store.crops[n], store.landmarks_px[n], family, PLAIN_VIEW, np.random.default_rng([9, n]), False)
            for n in rows
        ]
        found[cue] = _auc(*(judge([getattr(pair, side) for pair in made]).logits for side in ("real", "fake")))
    return found


def ellipse_iou(masks: Sequence[NDArray[np.float32]]) -> float:
    """What a guess reaches that never looks: an ellipse where faces are."""
    side = masks[0].shape[0]
    y, x = (np.mgrid[:side, :side] + 0.5) / side - 0.5
    guess = ((x / 0.30) ** 2 + (y / 0.36) ** 2 < 1.0).astype(float)
    return float(np.mean([metrics.iou(guess, mask) for mask in masks]))


def artefacts(judge: Judge, made: Sequence[Forged]) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Platt's line of each kind of trace, fitted on one half of the forgeries and measured on the other."""
    raw = judge([one.pair.fake for one in made]).artefacts.astype(np.float64)
    truth = np.array([[name in one.pair.artefacts for name in detector.ARTEFACTS] for one in made])
    lines, precision, chosen = {}, {}, fitted(made)
    for column, name in enumerate(detector.ARTEFACTS):
        known, told = truth[chosen, column], truth[~chosen, column]
        if known.all() or not known.any() or not told.any():
            continue
        slope, intercept = calibrate.platt(raw[chosen, column], known)
        precision[name] = metrics.average_precision(raw[~chosen, column], told)
        lines[name] = {"slope": slope, "intercept": intercept, "share": float(truth[:, column].mean())}
    return lines, {
        "artefact_average_precision": precision,
        "artefact_map": float(np.mean(list(precision.values()))) if precision else 0.0,
    }


def material(judge: Judge, store: Store, held_out: HeldOut, made: Sequence[Forged]) -> list[calibrate.Scored]:
    """Raw scores of everything that calibrates; a clip counts once, pooled as the examiner pools a person."""
    stills = {label: _rows(store, held_out, kind="image", label=label) for label in ("real", "fake")}
    forged = judge([one.pair.fake for one in made])
    sizes = np.full(len(made), 150.0, np.float32)  # a pair's own loss of size shows as softness
    return [
        _looks("held-out stills", False, judge(_views(store, stills["real"])), _sizes(store, stills["real"])),
        _clips("held-out clips", judge, store, held_out, "real"),
        _looks("pseudo-fakes", True, forged, sizes),
        _looks("face-swapped stills", True, judge(_views(store, stills["fake"])), _sizes(store, stills["fake"])),
        _clips("forged clips", judge, store, held_out, "fake"),
    ]


def _within(looks: Sequence[calibrate.Scored], stratum: str) -> list[calibrate.Scored]:
    """The material of a stratum, or all of it where no real is in there."""
    part = [scored.within(stratum) for scored in looks]
    return part if any(len(scored.scores) for scored in part if not scored.fake) else list(looks)


def _sizes(store: Store, rows: Sequence[int]) -> NDArray[np.float32]:
    return np.array([float(store.rows[n]["size_px"]) for n in rows], np.float32)


def _looks(kind: str, fake: bool, read: detector.Read, sizes_px: NDArray[np.float32]) -> calibrate.Scored:
    strata = [
        detector.stratum(sizes_px[n : n + 1], read.sharpness[n : n + 1], read.quality[n : n + 1])
        for n in range(len(read.logits))
    ]
    return calibrate.Scored(kind, fake, read.logits.astype(np.float64), tuple(strata))


def _clips(kind: str, judge: Judge, store: Store, held_out: HeldOut, label: str) -> calibrate.Scored:
    scores, strata = [], []
    for rows in _rows_by_clip(store, held_out, label):
        read = judge(_views(store, rows))
        scores.append(detector.pooled(read.logits))
        strata.append(detector.stratum(_sizes(store, rows), read.sharpness, read.quality))
    return calibrate.Scored(kind, label == "fake", np.array(scores), tuple(strata))


def _rows_by_clip(store: Store, held_out: HeldOut, label: str) -> list[list[int]]:
    """The looks of each held-out clip that the examiner would judge."""
    by_clip: dict[str, list[int]] = {}
    for n in store.where(kind="video", label=label).tolist():
        if held_out(store.rows[n]) and float(store.rows[n]["size_px"]) >= detector.MIN_FACE_PX:
            by_clip.setdefault(store.rows[n]["path"], []).append(n)
    return list(by_clip.values())


def _window(
    judge: Judge,
    seen: Material,
    made: Sequence[Forged],
    looks: Sequence[calibrate.Scored],
    whole: Mapping[str, Calibration],
) -> Calibration:
    """The calibration of the most telling second; its threshold is that of both answers about a clip together."""
    seconds = windows(judge, seen.store, seen.held_out, made)
    enough = all(any(len(part.scores) for part in seconds if part.fake == fake) for fake in (False, True))
    window = calibrate.fit(seconds if enough else looks)
    together = []
    for rows in _rows_by_clip(seen.store, seen.held_out, "real"):
        read = judge(_views(seen.store, rows))
        if len(rows) >= 2 * detector.WINDOW:
            name = detector.stratum(_sizes(seen.store, rows), read.sharpness, read.quality)
            llrs = [whole[name].llr(detector.pooled(read.logits)), window.llr(detector.loudest_window(read.logits))]
            together.append(any_of(llrs))
    if not together:
        return window
    return replace(window, llr_manipulated=max(calibrate.highest_percent(np.array(together)), 0.0))


def windows(judge: Judge, store: Store, held_out: HeldOut, made: Sequence[Forged]) -> list[calibrate.Scored]:
    """Scores of the most telling second: of untouched clips, and of the same clips with a forged second in them.

    What is put in are looks at held-out forgeries: labelled ones, and pseudo-fakes of stills, four at a time. Stills
    take the place of clips where the data have none.
    """
    width = detector.WINDOW
    clips = [judge(_views(store, rows)).logits for rows in _rows_by_clip(store, held_out, "real")]
    clips = [logits for logits in clips if len(logits) >= 2 * width]
    if not clips:
        stills = judge([one.pair.real for one in made]).logits
        clips = [stills[n : n + 4 * width] for n in range(0, len(stills) - width + 1, 4 * width)]
    seconds = [
        ("pseudo-fakes", judge([one.pair.fake for one in made]).logits),
        *(("forged clips", judge(_views(store, rows)).logits) for rows in _rows_by_clip(store, held_out, "fake")),
    ]
    rng = np.random.default_rng(5)
    forged: dict[str, list[float]] = {"pseudo-fakes": [], "forged clips": []}
    for kind, logits in seconds:
        for n in range(0, len(logits) - width + 1, width):
            within = clips[rng.integers(len(clips))].copy()
            at = int(rng.integers(len(within) - width + 1))
            within[at : at + width] = logits[n : n + width]
            forged[kind].append(detector.loudest_window(within))
    reals = np.array([detector.loudest_window(logits) for logits in clips])
    return [
        calibrate.Scored("held-out clips", False, reals),
        *(calibrate.Scored(kind, True, np.array(scores)) for kind, scores in forged.items()),
    ]


def _words(path: Path, threshold: float, parameters: int, history: History, data: str) -> dict[str, Any]:
    return {
        "name": "finegrained",
        "version": VERSION,
        "file": path.name,
        "sha256": export.sha256(path),
        "licence": "Apache-2.0 for the weights as such; what they were trained on may allow less, see data",
        "origin": f"trained by unforge (train/recipes/finegrained.py) from {history.start}",
        "purpose": "tells forged faces from untouched ones, where they were changed, and by what kind of trace",
        "feed": f"(N, 3, {PLAIN_VIEW.size_px}, {PLAIN_VIEW.size_px}) float32 RGB in 0..255, level square of "
        f"{PLAIN_VIEW.margin_low} x the face mesh",
        "size_px": PLAIN_VIEW.size_px,
        "margin": PLAIN_VIEW.margin_low,
        "mask_threshold": threshold,
        "parameters": parameters,
        "data": data,
        "cannot": "faces under 64 px, strong blur, profiles; faces generated or animated as a whole mostly",
        "trained": datetime.now(UTC).date().isoformat(),
    }


def _data(material: Material, history: History) -> str:
    """What the network has seen, in words."""
    seen = [row for row in material.store.rows if row["split"] == "train" and not material.held_out(row)]
    reals = sorted({row["dataset"] for row in seen if row["label"] == "real"})
    said = f"Real faces of {', '.join(reals)}, and forgeries made of them ({', '.join(sorted(history.families))})"
    if history.labelled:
        forged = sorted({f"{row['method']} of {row['dataset']}" for row in seen if row["label"] == "fake"})
        said += f"; in a short last stage labelled forgeries: {', '.join(forged)}"
    restricted = sorted(RESEARCH_ONLY & {row["dataset"] for row in seen})
    return f"{said}. For research only: {', '.join(restricted)}." if restricted else f"{said}."
