"""Facts of examiners as readers see them: a label in both languages, a value with its unit.

Facts carry their unit in their name, so that one that nobody has labelled yet is still shown with it.
"""

from collections.abc import Mapping

from unforge.explain.formats._labels import CALIBRATION, LABELS, YES_OR_NO
from unforge.explain.vocabulary import Said, signed

UNITS: Mapping[str, Said] = {
    "s": Said(" s", " 秒"),
    "ms": Said(" ms", " 毫秒"),
    "bpm": Said(" bpm", " 次/分"),
    "hz": Said(" Hz", " Hz"),
    "db": Said(" dB", " dB"),
    "px": Said(" px", " 像素"),
    "deg": Said("°", "°"),
    "kbps": Said(" kbit/s", " kbit/s"),
    "bytes": Said(" bytes", " 字节"),
}
SHARES = ("share", "fpr")
AT_THE_END: Mapping[str, Said] = {"frames": Said(" frames", " 帧"), "levels": Said(" grey levels", " 级灰度")}
A_MINUTE = Said(" a minute", " 次/分")


def in_order(facts: Mapping[str, float | str]) -> list[tuple[str, float | str]]:
    """What was measured first, then the calibration; words meant for the note are left out."""
    shown = [(name, value) for name, value in facts.items() if name != "note_zh"]
    return sorted(shown, key=lambda fact: fact[0] in CALIBRATION)


def label_of(name: str) -> Said:
    """What a fact is called; one that is not known here by its name without the unit."""
    if name in LABELS or name in CALIBRATION:
        return LABELS.get(name) or CALIBRATION[name]
    of_picture = name.removeprefix("sound_")
    if of_picture in LABELS:
        return Said(f"sound: {LABELS[of_picture].en}", f"声音：{LABELS[of_picture].zh}")
    unit = _unit(name)
    plain = " ".join(part for part in name.removesuffix("_per_min").split("_") if part and part != unit) or name
    return Said(plain, plain)


def value_of(name: str, value: float | str) -> Said:
    """A value with the unit that its name carries."""
    if isinstance(value, str):
        return Said(value, value)
    if name in YES_OR_NO:
        return Said("yes", "是") if value else Said("no", "否")
    if "llr" in name.split("_"):
        return Said(signed(value), signed(value))
    unit = _unit(name)
    if unit in SHARES:
        return Said(*[f"{_figure(100.0 * value)}%"] * 2)
    after = A_MINUTE if name.endswith("_per_min") else {**UNITS, **AT_THE_END}.get(unit, Said("", ""))
    return Said(f"{_figure(value)}{after.en}", f"{_figure(value)}{after.zh}")


def _unit(name: str) -> str:
    """The last part of the name that is a unit: that of `pulse_bpm_chin` is bpm."""
    parts = name.split("_")
    if parts[-1] in AT_THE_END:
        return parts[-1]
    return next((part for part in reversed(parts) if part in UNITS or part in SHARES), "")


def _figure(value: float) -> str:
    """Three significant digits; whole numbers in full."""
    text = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−") if "e" not in text else text
