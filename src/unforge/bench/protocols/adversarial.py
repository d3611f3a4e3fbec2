"""`adversarial`: what is left of our own frame detectors under attack, and whether the attack is told.

Forged and untouched stills of equal face sizes, as the protocol `stills` draws them. Attacks stay within a budget of
grey levels around the view of the network; every figure is taken after rounding to uint8, and `auc_saved` after JPEG
quality 90 as well. `auc` is what the network reads; `hardened_auc` what it reads after a light blur
(detect/_views.py). `loss` and `hardened_loss` are what each loses against its own reading of the same faces when nobody
attacks. `accuracy` is the share on the right side of a likelihood ratio of 1. `found` is the share that the examiner
`adversarial` flags, at a threshold set on the training split; of ordinary material these are false alarms.

White box: the network's own gradients; in the picture: written into the crop that the view is cut out of. Transfer: the
gradients of another network, of the same plan or of another. Knowing: the attacker differentiates through the views of
the check and changes the picture smoothly. Asking: nothing but logits, so many of them a face.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unforge import weights
from unforge.bench import figures, material, network
from unforge.bench.network import Network
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.detect import _tampering
from unforge.detect import adversarial as detector
from unforge.detect._views import VIEWS
from unforge.errors import UsageError
from unforge.weights.calibration import Calibration

if TYPE_CHECKING:
    from unforge.bench._adversarial_faces import Faces
    from unforge.bench._adversarial_plan import Attack

MOST_ORDINARY = 160  # files of each class
SAVED = 90  # JPEG quality

Views = Sequence[NDArray[np.uint8]]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Read:
    """What a network reads of N views, as they are and through each view of the check, (N, 1 + V); and after a save."""

    logits: Floats
    saved: Floats

    @property
    def hardened(self) -> Floats:
        return detector.hardened(self.logits)


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Attack `finegrained` and `seam`. Raises UsageError without a manifest, stills of both classes, or foolbox."""
    from unforge.bench import _adversarial_attacks as attacks
    from unforge.bench import _adversarial_faces as faces
    from unforge.bench import _adversarial_plan as plan

    material.no_list("adversarial", listed)
    material.no_peers("adversarial", peers)
    if examiners is not None:
        raise UsageError(f"adversarial: expected no choice of examiners; it attacks {' and '.join(plan.PLANS)}")
    attacks.foolbox()
    stills = faces.matched(data, split, on_progress)
    rows: dict[str, dict[str, Value]] = {}
    networks = [network.packaged(name) for name in plan.PLANS]
    for one in networks:
        rows |= _attacked(one, stills, list(plan.PLANS[one.name](one)), on_progress)
    rows |= alarms(networks[0], faces.ordinary(data, split, MOST_ORDINARY, on_progress))
    return of_today(
        name=f"adversarial-{split}",
        protocol="adversarial",
        split=split,
        rows=rows,
        manifest_sha256=material.sha256(data),
        weights={one.card.name: one.card.sha256 for one in (*networks, *plan.followed())},
        seed=plan.SEED,
        settings={"steps": attacks.STEPS, "stills": len(stills), "figures": figures.INTERVALS},
    )


def _attacked(
    one: Network, stills: "Faces", planned: "Sequence[Attack]", on_progress: OnProgress | None
) -> dict[str, dict[str, Value]]:
    """A row per attack, each against the reading of the same faces when nobody attacks."""
    rows, calm = {}, {}
    for n, attack in enumerate(planned):
        if on_progress is not None:
            on_progress(f"{one.name}: {attack.row}", n / len(planned))
        faces = stills.balanced(attack.most)
        views = attack.views(faces)
        if attack.most not in calm:
            calm[attack.most] = read(one, faces.views(one))
        rows[f"{one.name}: {attack.row}"] = measured(one, read(one, views), calm[attack.most], views, faces.fake)
    return rows


def read(one: Network, views: Views) -> Read:
    """What a network says of views: nothing but its logits."""
    from unforge.bench._adversarial_attacks import jpeg

    seen = [list(views), *([change(view) for view in views] for change in VIEWS.values())]
    logits = np.stack([one.ask(part).logits for part in seen], axis=1)
    return Read(logits, one.ask([jpeg(view, SAVED) for view in views]).logits)


def measured(one: Network, now: Read, calm: Read, views: Views, fake: NDArray[np.bool_]) -> dict[str, Value]:
    """The figures of a row. calm: what the network reads of the same faces when nobody attacks."""
    plain = now.logits[:, 0]
    right = (np.array([one.calibration.llr(logit) for logit in plain]) > 0.0) == fake
    everybody = np.ones(len(fake), np.bool_)
    told = {} if one.name != detector.CARD else {"found": figures.rate(alarmed(views, now.logits), everybody)}
    return {
        "auc": figures.auc(plain, fake),
        "auc_saved": figures.auc(now.saved, fake),
        "hardened_auc": figures.auc(now.hardened, fake),
        "hardened_lead": figures.auc_difference(now.hardened, plain, fake),
        "loss": figures.auc_difference(calm.logits[:, 0], plain, fake),
        "hardened_loss": figures.auc_difference(calm.hardened, now.hardened, fake),
        "accuracy": figures.rate(right, everybody),
        **told,
    }


def alarmed(views: Views, logits: Floats) -> NDArray[np.bool_]:
    """(N,) whether the examiner flags each view by itself; logits: of `finegrained`, (N, 1 + V)."""
    learned = weights.tampering()
    calibration = Calibration.from_card(learned["calibration"])
    scores = _tampering.scores(_tampering.figures(views, logits), learned["line"])
    return np.array([calibration.llr(float(score)) >= calibration.llr_manipulated for score in scores], np.bool_)


def alarms(one: Network, faces: "Faces") -> Mapping[str, dict[str, Value]]:
    """False alarms on material that nobody attacked, by the state that it is in."""
    from unforge.bench import _adversarial_material as states

    rows = {}
    for kind in states.ordinary(faces, one, seed=5):
        flagged = alarmed(kind.views, detector.read_through(kind.views))
        rows[f"ordinary: {kind.name}"] = {"false_alarms": figures.rate(flagged, np.ones(len(flagged), np.bool_))}
    return rows
