"""What the packets of a film tell of how it was coded: clocks, gaps, key frames, and traces of an earlier coding."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

GAP = 1.5  # of the usual step: a frame is missing
LAST = 8  # steps; where a film was cut without coding it again, frames that needed later ones are missing there
UNEVEN = 0.2  # of the usual step, beyond the rounding of the clock
AROUND = 4  # packets on either side that a packet is compared with
PERIODS = (4, 130)  # frames, of an earlier coding
FEWEST_TEETH = 5  # times that a period must come back
LIKELY = 0.001  # chance of the rises of one period, after all periods that were tried

Floats = NDArray[np.float64]


class Packet(NamedTuple):
    """One packet of the picture, in the order of the file; stamps in ticks, None where there is none."""

    shown: int | None
    decoded: int | None
    size_bytes: int
    is_key: bool


def facts(packets: Sequence[Packet], tick_s: float, frame_px: int) -> dict[str, float]:
    """Figures of a film under names with units; what cannot be told is left out."""
    empty = sum(packet.size_bytes == 0 and packet.shown is not None for packet in packets)
    filled = [packet for packet in packets if packet.size_bytes]
    stamped = [packet for packet in filled if packet.shown is not None]
    found: dict[str, float] = {"frames_listed": float(len(filled)), "frames_empty": float(empty)}
    if len(stamped) < 2 or tick_s <= 0.0:
        return found
    found |= _clock_facts(stamped, tick_s)
    bits = 8.0 * sum(packet.size_bytes for packet in stamped)
    found["bits_per_pixel"] = bits / len(stamped) / max(frame_px, 1)
    coded = sorted(stamped, key=lambda packet: packet.shown or 0)
    return found | _key_facts(coded, tick_s) | _size_facts(stamped)


def _clock_facts(stamped: Sequence[Packet], tick_s: float) -> dict[str, float]:
    shown = np.array([packet.shown for packet in stamped], np.float64)
    ticks = np.unique(shown)
    steps_s = np.diff(ticks) * tick_s
    found = {"frames_same_time": float(len(shown) - len(ticks)), "first_frame_ms": round(1000.0 * ticks[0] * tick_s, 1)}
    decoded = [packet.decoded for packet in stamped if packet.decoded is not None]
    if decoded:
        found["first_decoded_ms"] = round(1000.0 * min(decoded) * tick_s, 1)
    if len(steps_s):
        usual_s = float(np.median(steps_s))
        off = np.abs(steps_s - usual_s) > np.maximum(UNEVEN * usual_s, 1.5 * tick_s)
        gaps = (steps_s > GAP * usual_s) & off
        found |= {
            "frame_step_ms": 1000.0 * usual_s,
            "longest_step_ms": 1000.0 * float(steps_s.max()),
            "gaps": float(gaps[:-LAST].sum()),
            "gaps_at_end": float(gaps[-LAST:].sum()),
            "uneven_share": float(off[:-LAST].mean()) if len(off) > LAST else 0.0,
        }
    return found


def _key_facts(shown: Sequence[Packet], tick_s: float) -> dict[str, float]:
    """Of packets in the order in which they are shown."""
    keys = np.flatnonzero([packet.is_key for packet in shown])
    found = {"key_frames": float(len(keys))}
    if len(keys) > 1:
        times_s = np.array([float(packet.shown or 0) * tick_s for packet in shown if packet.is_key])
        found["key_step_frames"] = float(np.median(np.diff(keys)))
        found["key_step_s"] = float(np.median(np.diff(times_s)))
        found["longest_key_step_s"] = float(np.diff(times_s).max())
    return found


def _size_facts(stamped: Sequence[Packet]) -> dict[str, float]:
    order = np.argsort([float(packet.shown or 0) for packet in stamped], kind="stable")
    keys = np.flatnonzero([stamped[n].is_key for n in order])
    found = rhythm(_relative_sizes(stamped)[order], keys)
    return {} if found is None else {"earlier_key_step_frames": float(found[0]), "earlier_key_step_p": found[1]}


def _relative_sizes(stamped: Sequence[Packet]) -> Floats:
    """(N,) size of each packet over the median of those of its kind around it, nan for key frames and rare kinds.

    A picture that is predicted from both sides is smaller, and one that others are predicted from is larger: kinds are
    told by what is shown before what was stored earlier, and by what is stored later and shown before.
    """
    shown = np.array([packet.shown for packet in stamped], np.float64)
    sizes = np.array([packet.size_bytes for packet in stamped], np.float64)
    keys = np.array([packet.is_key for packet in stamped], np.bool_)
    between = shown < np.maximum.accumulate(shown)
    needed = shown > np.minimum.accumulate(shown[::-1])[::-1]
    relative = np.full(len(sizes), np.nan)
    for kind in range(4):
        members = np.flatnonzero(~keys & (2 * between + needed == kind))
        if len(members) > 2 * AROUND:
            first = np.clip(np.arange(len(members)) - AROUND, 0, len(members) - 2 * AROUND - 1)
            near = first[:, None] + np.arange(2 * AROUND + 1)
            others = near[near != np.arange(len(members))[:, None]].reshape(len(members), -1)
            usual = np.median(sizes[members][others], axis=1)
            relative[members] = sizes[members] / np.maximum(usual, 1.0)
    return relative


def rhythm(relative: Floats, keys: NDArray[np.intp]) -> tuple[int, float] | None:
    """The period in frames at which sizes (N,) in the order of display rise, and its chance; None without a clear one.

    Where a film was coded before, its old key frames fit badly into the new prediction: these packets are larger than
    their like, once in each old group of pictures. After Vázquez-Padín et al., "Detection of video double encoding with
    GOP size estimation" (WIFS 2012), on ranks of sizes in place of kinds of macroblock: the chance is that of a rank
    sum as high (Wilcoxon, by the normal approximation), times the number of periods and phases that were tried. keys:
    places of today's key frames; nothing is known there (nan), and where they are regular, their own period, its
    multiples and its divisors say nothing of an earlier one.
    """
    known = np.isfinite(relative)
    count, (steps, often) = int(known.sum()), np.unique(np.diff(keys), return_counts=True)
    ranks = np.zeros(len(relative))
    ranks[known] = (_ranks(relative[known]) - (count + 1) / 2.0) / max(count, 1)  # uniform around 0
    longest = min(PERIODS[1], len(relative) // FEWEST_TEETH)
    regular = [step for step in steps[often >= FEWEST_TEETH].tolist() if step]
    periods = [n for n in range(PERIODS[0], longest + 1) if not any(n % step == 0 or step % n == 0 for step in regular)]
    best = (math.inf, 0.0, 0)
    for period in periods:
        phase = np.arange(len(relative)) % period
        teeth = np.bincount(phase, weights=known, minlength=period)
        score = np.bincount(phase, weights=ranks, minlength=period) / np.sqrt(np.maximum(teeth, 1.0) / 12.0)
        highest = float(score[teeth >= FEWEST_TEETH].max(initial=0.0))
        best = min(best, (sum(periods) * 0.5 * math.erfc(highest / math.sqrt(2.0)), -highest, period))
    return (best[2], best[0]) if best[0] <= LIKELY else None


def _ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    order, ranks = np.sort(values), np.empty(len(values))
    ranks[:] = (np.searchsorted(order, values, "left") + np.searchsorted(order, values, "right") + 1) / 2.0
    return ranks


def encoder_words(written: bytes) -> Mapping[str, str | float]:
    """What the encoders x264 and x265 leave in the stream about themselves, from its first bytes."""
    for mark, name in ((b"x264 - core ", "x264 core"), (b"x265 (build ", "x265 build")):
        place = written.find(mark)
        if place >= 0:
            words = written[place : place + 1024].split(b"\0")[0].split(b"\x80")[0].decode("ascii", "replace")
            version = words[len(mark) :].split(" ")[0].strip(":)")[:12]
            return {"encoder": f"{name} {version}", **_setting(words, "crf"), **_setting(words, "keyint")}
    return {}


def _setting(words: str, name: str) -> dict[str, float]:
    for word in words.replace("/", " ").split():
        if word.startswith(f"{name}="):
            try:
                return {f"encoder_{name}": float(word.removeprefix(f"{name}="))}
            except ValueError:  # keyint=infinite
                return {}
    return {}
