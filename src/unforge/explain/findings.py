"""The evidence looked at closely: the most telling looks, each with what can be checked about it."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unforge.evidence import Evidence, Region
from unforge.examiner import Examiner
from unforge.exhibit import Exhibit
from unforge.explain import locate
from unforge.explain.magnify import magnified
from unforge.explain.measure import measured
from unforge.explain.probe import tested
from unforge.explain.vocabulary import STRENGTHS
from unforge.faces import FaceTrack, align
from unforge.report import Finding, FindingImage, Hidden

MOST = 5
MOST_PER_PERSON = 2
MOST_TESTED = 3  # each costs an examiner nine looks
LEAST_LLR = STRENGTHS[1].llr  # of a person: below, the words say that hardly anything speaks for either side
ARTEFACT = "artefact_"


class _Look(NamedTuple):
    """A look that speaks for the question, and who said so."""

    examiner: Examiner
    source: str
    region: Region
    heat: NDArray[np.float32]
    track: FaceTrack
    position: int

    @property
    def mark(self) -> NDArray[np.bool_]:
        """(S, S): what counts as marked, on the crop and within the head."""
        side_px = self.track.crops.shape[1]
        head = locate.oval(self.track.crop_landmarks_px[self.position], side_px, locate.HEAD)
        return (locate.on_crop(self.heat, side_px) > locate.MARKED) & head


def findings(
    exhibit: Exhibit, examiners: Sequence[Examiner], answers: Sequence[Evidence], most_tested: int = MOST_TESTED
) -> tuple[Finding, ...]:
    """At most 5 looks, at most 2 of a person, loudest first.

    examiners, answers: who was asked and what each said, in the same order. A person whom the evidence hardly speaks
    against has no findings, whatever is marked there: nothing was found. most_tested: so many marks are tested by
    hiding them.
    """
    chosen = _telling(exhibit.tracks, examiners, answers)
    hidden = _hidden(exhibit, chosen[:most_tested])
    return tuple(_finding(look, hidden.get((look.track.id, look.position))) for look in chosen)


def _telling(tracks: Sequence[FaceTrack], examiners: Sequence[Examiner], answers: Sequence[Evidence]) -> list[_Look]:
    """The looks, loudest first; of equals those with more heat, then the earlier ones.

    Of a person whose traces some examiner can name only the looks of such examiners count: they say more.
    """
    by_id = {track.id: track for track in tracks}
    looks = [
        look
        for examiner, answer in zip(examiners, answers, strict=True)
        for region in answer.regions
        if not answer.abstained and (look := _look(examiner, answer, region, by_id)) is not None
    ]
    named = {look.track.id for look in looks if look.region.facts}
    looks = [look for look in looks if look.region.facts or look.track.id not in named]
    looks.sort(key=lambda look: (-look.region.llr, -float(look.heat.sum()), look.region.start_s))
    chosen: list[_Look] = []
    for look in looks:
        of_person = [other for other in chosen if other.track.id == look.track.id]
        seen = any(other.position == look.position for other in of_person)
        if not seen and len(of_person) < MOST_PER_PERSON and len(chosen) < MOST:
            chosen.append(look)
    return chosen


def _look(examiner: Examiner, answer: Evidence, region: Region, tracks: Mapping[int, FaceTrack]) -> _Look | None:
    if region.heat is None or region.llr <= 0.0 or region.track is None or region.track not in tracks:
        return None
    if sum(other.llr for other in answer.regions if other.track == region.track and other.box_px is None) < LEAST_LLR:
        return None
    track = tracks[region.track]
    position = np.flatnonzero(track.times_s == region.start_s)
    return _Look(examiner, answer.source, region, region.heat, track, int(position[0])) if len(position) else None


def _hidden(exhibit: Exhibit, looks: Sequence[_Look]) -> dict[tuple[int, int], Hidden | None]:
    """Results by track and position; one examination per person and examiner."""

    def key(look: _Look) -> tuple[int, str]:
        return look.track.id, look.examiner.name

    found: dict[tuple[int, int], Hidden | None] = {}
    for _, group in groupby(sorted(looks, key=key), key=key):
        same = sorted(group, key=lambda look: look.position)  # time runs forwards in every track
        positions = [look.position for look in same]
        results = tested(exhibit, same[0].examiner, same[0].track, positions, [look.mark for look in same])
        found |= {(same[0].track.id, n): result for n, result in zip(positions, results, strict=True)}
    return found


def _finding(look: _Look, hidden: Hidden | None) -> Finding:
    track, n = look.track, look.position
    crop, landmarks_px = track.crops[n], track.crop_landmarks_px[n]
    matrix = align.face_square(track.landmarks_px[n], align.CROP_MARGIN, align.CROP_PX)
    facts = look.region.facts
    return Finding(
        track=track.id,
        time_s=look.region.start_s,
        llr=look.region.llr,
        source=look.source,
        marked=float(look.mark[locate.oval(landmarks_px, crop.shape[0])].mean()),
        parts=locate.parts(look.heat, landmarks_px, crop.shape[0]),
        artefacts={name[len(ARTEFACT) :]: share for name, share in facts.items() if name.startswith(ARTEFACT)},
        measured=measured(crop, look.mark, landmarks_px, matrix),
        hidden=hidden,
        image=FindingImage(crop, look.heat, *magnified(crop, look.heat), look.region.attention),
    )
