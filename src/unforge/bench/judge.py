"""Several contestants before the same exhibit: what a bench counts of their answers.

A contestant is what stands behind one verdict: our examiners together, as a user gets them, or a single peer. Faces are
found once and all contestants look at the same ones.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge import detect, examination, weights
from unforge.bench import peers
from unforge.errors import MediaError
from unforge.evidence import Evidence
from unforge.examiner import Examiner
from unforge.exhibit import Exhibit
from unforge.explain.roles import of_role
from unforge.faces import FaceTrack, Scan
from unforge.media.probe import MediaFacts
from unforge.verdict import weigh

PRIOR = 0.5
OWN = "unforge"


@dataclass(frozen=True, slots=True)
class Contestant:
    """name: OWN for our examiners together, or the peer's. sha256: of the networks that take part, by card."""

    name: str
    examiners: tuple[Examiner, ...]
    sha256: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one contestant says of one exhibit.

    llr: fused, 0.0 where nobody could judge: it then says nothing either way. frame_llrs: (F,) of all faces looked at.
    flagged: the band is `manipulated`. failed: the file could not be read. elapsed_s: finding the faces included.
    """

    llr: float
    frame_llrs: NDArray[np.float64]
    flagged: bool
    abstained: bool
    failed: bool
    elapsed_s: float


class Stored(Exhibit):
    """An exhibit whose faces are already known, at a few moments only; nothing is read from its path."""

    def __init__(self, path: Path, facts: MediaFacts, scan: Scan) -> None:
        super().__init__(path)
        self.__dict__.update(facts=facts, scan=scan, close_ups=())


def contestants(examiners: Sequence[str] | None, peer_names: Sequence[str] = ()) -> tuple[Contestant, ...]:
    """Our examiners as one contestant, first, then each peer. Raises UnknownName, WeightsError."""
    own = tuple(detect.load(name) for name in (detect.available() if examiners is None else examiners))
    models = (*examination.FACE_MODELS, *(model for examiner in own for model in examiner.models))
    found = [Contestant(OWN, own, {name: weights.card(name).sha256 for name in dict.fromkeys(models)})]
    for peer in map(peers.load, dict.fromkeys(peer_names)):
        found.append(Contestant(peer.name, (peer,), {peer.name: peer.network.card.sha256}))
    return tuple(found)


def sha256s(all_contestants: Sequence[Contestant]) -> dict[str, str]:
    """The networks of all contestants, for the record."""
    return {name: sha256 for one in all_contestants for name, sha256 in one.sha256.items()}


def judge(exhibit: Exhibit, all_contestants: Sequence[Contestant], central_face: bool = False) -> list[Judgement]:
    """One judgement per contestant. central_face: only the face nearest to the middle of the picture counts."""
    started = time.perf_counter()
    try:
        seen = central(exhibit) if central_face else exhibit
        _ = seen.tracks
    except MediaError:
        return [_failed(time.perf_counter() - started)] * len(all_contestants)
    scan_s = time.perf_counter() - started
    return [_one(seen, contestant, scan_s) for contestant in all_contestants]


def _failed(elapsed_s: float) -> Judgement:
    return Judgement(0.0, np.empty(0), flagged=False, abstained=True, failed=True, elapsed_s=elapsed_s)


def _one(exhibit: Exhibit, contestant: Contestant, scan_s: float) -> Judgement:
    started = time.perf_counter()
    try:
        answers = [examiner.examine(exhibit) for examiner in contestant.examiners]
    except MediaError:  # an examiner may open the file once more
        return _failed(scan_s + time.perf_counter() - started)
    verdict = weigh(answers, examination.QUESTION, PRIOR, weights.trust())
    return Judgement(
        llr=verdict.llr or 0.0,
        frame_llrs=_frames(answers),
        flagged=verdict.band == "manipulated",
        abstained=verdict.llr is None,
        failed=False,
        elapsed_s=scan_s + time.perf_counter() - started,
    )


def _frames(answers: Sequence[Evidence]) -> NDArray[np.float64]:
    """(F,) llr of every look at a face: regions with a box speak for one, and those who count share a voice."""
    looks: dict[tuple[int | None, float], list[float]] = {}
    for answer in of_role(answers, "counted"):
        for region in answer.regions:
            if region.box_px is not None:
                place = region.track, region.start_s
                looks.setdefault(place, []).append(region.llr)
    return np.array([np.mean(llrs) for llrs in looks.values()], np.float64)


def mean(judgements: Sequence[Judgement]) -> Judgement:
    """Of the frames of a listed video: the mean over those that could be judged, flagged where most of them are."""
    judged = [one for one in judgements if not one.abstained]
    return Judgement(
        llr=float(np.mean([one.llr for one in judged])) if judged else 0.0,
        frame_llrs=np.concatenate([one.frame_llrs for one in judgements]),
        flagged=2 * sum(one.flagged for one in judged) > len(judged),
        abstained=not judged,
        failed=all(one.failed for one in judgements),
        elapsed_s=sum(one.elapsed_s for one in judgements),
    )


def central(exhibit: Exhibit) -> Exhibit:
    """The exhibit with nothing but the face nearest to the middle of the picture. May raise MediaError."""
    facts, scan = exhibit.facts, exhibit.scan
    middle = np.array(facts.size_wh) / 2.0

    def distance(track: FaceTrack) -> float:
        box = track.boxes_px[0]
        return float(np.hypot(*((box[:2] + box[2:]) / 2.0 - middle)))

    kept = tuple(sorted(scan.tracks, key=distance)[:1])
    return Stored(exhibit.path, facts, replace(scan, tracks=kept))
