"""Facts of examiners as readers see them: a label in both languages, a value with its unit.

Facts carry their unit in their name, so that one that nobody has labelled yet is still shown with it.
"""

from collections.abc import Mapping

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
A_MINUTE = Said(" a minute", " 次/分")

# How the answer was made; told after what was measured.
CALIBRATION: Mapping[str, Said] = {
    "llr_low": Said("LLR, low end of the 95% interval", "对数似然比，95% 区间下限"),
    "llr_high": Said("LLR, high end of the 95% interval", "对数似然比，95% 区间上限"),
    "llr_manipulated": Said(
        "LLR from which on it alone would say “strong evidence”", "单独判为“证据充分”所需的对数似然比"
    ),
    "llr_no_evidence": Said("LLR down from which it alone would say “none found”", "单独判为“未发现”的对数似然比上限"),
    "threshold_fpr": Said("false-positive rate at its “strong evidence”", "其“证据充分”阈值上的误报率"),
    "calibration_reals": Said("untouched samples it was calibrated on", "校准所用的未改动样本"),
    "calibration_fakes": Said("manipulated samples it was calibrated on", "校准所用的伪造样本"),
    "max_abs_llr": Said("largest LLR this calibration supports", "该校准支持的最大对数似然比"),
}

_MEASURED: Mapping[str, Said] = {
    "faces": Said("faces found", "发现的人脸"),
    "faces_judged": Said("faces judged", "已判断的人脸"),
    "faces_read": Said("faces read", "已读取的人脸"),
    "looks_judged": Said("looks judged", "已判断的观察次数"),
    "duration_s": Said("seen for", "观察时长"),
    "spans": Said("spans of the film judged", "已判断的片段"),
    "spans_closely": Said("of these, examined closely", "其中仔细检验的片段"),
    "span_llr": Said("LLR of the most suspicious span", "最可疑片段的对数似然比"),
    "span_start_s": Said("that span begins at", "该片段开始于"),
    "span_end_s": Said("and ends at", "结束于"),
    "pulse_bpm": Said("heart rate", "心率"),
    "snr_db": Said("signal to noise", "信噪比"),
    "p_value": Said("p: as much or more by chance", "p 值：纯属偶然时出现同样结果的概率"),
    "p_rhythm": Said("p of the rhythm", "节律的 p 值"),
    "p_coherence": Said("p of the agreement between parts", "部位一致性的 p 值"),
    "coherence": Said("agreement of forehead and cheeks (1: full)", "额头与脸颊的一致性（1 为完全一致）"),
    "phase_lag_ms": Said("cheeks after forehead", "脸颊滞后于额头"),
    "coherence_neck": Said("agreement of face and neck", "面部与颈部的一致性"),
    "coherence_background": Said("agreement of face and background", "面部与背景的一致性"),
    "background_share": Said("the rhythm in the background, of that in the face", "背景中的同频节律（相对于面部）"),
    "motion_share": Said("head movement in that rhythm", "头部运动中该节律的占比"),
    "motion_px": Said("head movement in that rhythm", "该节律的头部运动幅度"),
    **{
        f"pulse_bpm_{part}": Said(f"heart rate, {en}", f"心率（{zh}）")
        for part, (en, zh) in {
            "forehead": ("forehead", "额头"),
            "cheeks": ("cheeks", "脸颊"),
            "chin": ("chin", "下巴"),
            "pos": ("method POS", "POS 法"),
            "chrom": ("method CHROM", "CHROM 法"),
            "green": ("method green channel", "绿色通道法"),
            "ica": ("method ICA", "ICA 法"),
            "lgi": ("method LGI", "LGI 法"),
            "pbv": ("method PBV", "PBV 法"),
        }.items()
    },
    **{
        f"p_{part}": Said(f"p of the rhythm, {en}", f"节律的 p 值（{zh}）")
        for part, (en, zh) in {
            "forehead": ("forehead", "额头"),
            "cheeks": ("cheeks", "脸颊"),
            "chin": ("chin", "下巴"),
        }.items()
    },
    "offset_ms": Said("sound after the lips where they fit best", "最吻合时声音滞后于唇形"),
    "confidence": Said(
        "fit beyond that of an unrelated voice, in standard deviations", "超出无关语音的吻合度（标准差）"
    ),
    "correlation": Said("fit of lips and voice (1: full)", "唇形与语音的相关系数（1 为完全吻合）"),
    "speech_s": Said("speech heard while the lips are seen", "可见唇部期间的语音时长"),
    "speakers_visible": Said("faces whose lips fit the voice", "唇形与语音吻合的人脸"),
    "mouth_movement_nose_lengths": Said("movement of the mouth, in nose lengths", "嘴部运动幅度（以鼻长为单位）"),
    "mouth_width_px": Said("width of the mouth", "嘴部宽度"),
    "distinct_frames_hz": Said("frames that differ from the one before", "与前一帧不同的帧"),
    "sound_start_ms": Said("sound begins at", "声音开始于"),
}


def in_order(facts: Mapping[str, float | str]) -> list[tuple[str, float | str]]:
    """What was measured first, then the calibration; words meant for the note are left out."""
    shown = [(name, value) for name, value in facts.items() if name != "note_zh"]
    return sorted(shown, key=lambda fact: fact[0] in CALIBRATION)


def label_of(name: str) -> Said:
    """What a fact is called; one that is not known here by its name without the unit."""
    known = _MEASURED.get(name) or CALIBRATION.get(name)
    if known is not None:
        return known
    unit = _unit(name)
    plain = " ".join(part for part in name.removesuffix("_per_min").split("_") if part and part != unit) or name
    return Said(plain, plain)


def value_of(name: str, value: float | str) -> Said:
    """A value with the unit that its name carries."""
    if isinstance(value, str):
        return Said(value, value)
    if "llr" in name.split("_"):
        return Said(signed(value), signed(value))
    unit = _unit(name)
    if unit in SHARES:
        return Said(*[f"{_figure(100.0 * value)}%"] * 2)
    after = A_MINUTE if name.endswith("_per_min") else UNITS.get(unit, Said("", ""))
    return Said(f"{_figure(value)}{after.en}", f"{_figure(value)}{after.zh}")


def _unit(name: str) -> str:
    """The last part of the name that is a unit: that of `pulse_bpm_chin` is bpm."""
    return next((part for part in reversed(name.split("_")) if part in UNITS or part in SHARES), "")


def _figure(value: float) -> str:
    """Three significant digits; whole numbers in full."""
    text = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−") if "e" not in text else text
