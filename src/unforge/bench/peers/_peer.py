"""What all peers share: they judge the looks that ours would judge, and answer in its currency."""

import numpy as np

from unforge.bench import peers
from unforge.bench.network import Network, from_folder
from unforge.detect import finegrained
from unforge.evidence import Evidence, Region, abstention
from unforge.exhibit import Exhibit
from unforge.faces import FaceTrack
from unforge.verdict import any_of

QUESTION = "manipulated"


class Peer:
    """An examiner around a network that gives one logit per face; a person's score is the mean over the looks."""

    models = ()  # of the package

    def __init__(self, network: Network) -> None:
        self.network = network
        self.name = network.name

    def examine(self, exhibit: Exhibit) -> Evidence:
        """Evidence on "manipulated"; abstains as ours does, so that both are measured on the same faces."""
        source = str(self.network.card.details["version"])
        regions, people = [], []
        for track in exhibit.tracks:
            looks = good_looks(track)
            if len(looks):
                found = self._regions(track, looks)
                people.append(found[0].llr)
                regions += found
        if not people:
            return abstention(QUESTION, source, "No face is large, sharp and frontal enough for this peer.")
        calibration = self.network.calibration
        facts: dict[str, float | str] = {
            "llr_manipulated": calibration.llr_manipulated,
            "llr_no_evidence": calibration.llr_no_evidence,
        }
        note = f"{len(people)} face(s) judged by the peer {self.name}."
        return Evidence(QUESTION, source, any_of(people), note, tuple(regions), facts)

    def _regions(self, track: FaceTrack, looks: list[int]) -> list[Region]:
        views = [self.network.view(track.crops[n], track.crop_landmarks_px[n]) for n in looks]
        logits = self.network.ask(views).logits
        llr = self.network.calibration.llr
        times_s = [float(track.times_s[n]) for n in looks]
        regions = [Region(times_s[0], times_s[-1], llr(float(logits.mean())), track.id)]
        for n, time_s, logit in zip(looks, times_s, logits.tolist(), strict=True):
            x0, y0, x1, y1 = (round(float(v)) for v in track.boxes_px[n])
            regions.append(Region(time_s, time_s, llr(logit), track.id, (x0, y0, x1, y1)))
        return regions


def good_looks(track: FaceTrack) -> list[int]:
    """Positions of the looks that are large, light, sharp and frontal enough for our examiner."""
    return [int(n) for n in np.flatnonzero(np.all([passed for passed, _, _ in finegrained.gates(track)], axis=0))]


def trained(name: str) -> Peer:
    """The peer whose file lies in `peers.FOLDER`. Raises WeightsError that says how to make it."""
    advice = (
        "train it with `unforge train peers --data DIR --out runs/peers` and copy its two files from there "
        f"into {peers.FOLDER}"
    )
    return Peer(from_folder(peers.FOLDER, name, advice))
