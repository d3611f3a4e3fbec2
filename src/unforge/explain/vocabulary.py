"""The words of a verdict in English and Chinese: bands, strengths, examiners, parts of a face, how numbers are written.

Nothing here calls a file real or fake.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from unforge.verdict import Band

LANGUAGES = ("en", "zh")


class Said(NamedTuple):
    """One sentence in both languages."""

    en: str
    zh: str


BANDS: Mapping[Band, Said] = {
    "manipulated": Said("Strong evidence of manipulation", "疑似伪造（证据充分）"),
    "inconclusive": Said("Inconclusive", "无法确定"),
    "no_evidence": Said(
        "No evidence of manipulation found (this is not proof of authenticity)",
        "未发现伪造证据（不代表真实）",
    ),
    "not_assessable": Said("Cannot be assessed", "无法评估"),
}

MEANING: Mapping[Band, Said] = {
    "manipulated": Said(
        "It means: traces were measured that are much more common in manipulated faces than in untouched ones.",
        "这意味着：测得的痕迹在被伪造的人脸中远比在未改动的人脸中常见。",
    ),
    "inconclusive": Said(
        "It means: what was measured is too weak to decide either way. Treat the file as not yet examined.",
        "这意味着：测得的结果太弱，无法支持任何一方。请将该文件视为尚未检验。",
    ),
    "no_evidence": Said(
        "It means: the examiners looked for traces of manipulated faces and found none that count.",
        "这意味着：检测器寻找了人脸伪造的痕迹，没有发现有分量的痕迹。",
    ),
    "not_assessable": Said(
        "It means: no examiner could form a judgement; the reasons are given below.",
        "这意味着：没有检测器能够作出判断，原因见下文。",
    ),
}

NOT_MEANING: Mapping[Band, Said] = {
    "manipulated": Said(
        "It does not mean: proof. It does not say who changed the file, when or why, and beauty filters, "
        "retouching or stickers can leave the same traces.",
        "这不意味着：已经证实。结果不说明谁、何时、为何改动了文件；美颜、修图或贴纸也可能留下同样的痕迹。",
    ),
    "inconclusive": Said(
        "It does not mean: half forged, nor that the file is probably fine.",
        "这不意味着：一半是伪造的，也不意味着文件大概没有问题。",
    ),
    "no_evidence": Said(
        "It does not mean: authentic. A manipulation out of reach of these examiners leaves nothing for them "
        "to find, and neither does a staged scene or a false caption.",
        "这不意味着：内容真实。超出这些检测器能力的伪造不会被发现，摆拍的场景或虚假的说明文字同样不会被发现。",
    ),
    "not_assessable": Said(
        "It does not mean: anything about the file, neither for it nor against it.",
        "这不意味着：对文件本身的任何判断，既非肯定也非否定。",
    ),
}


class Strength(NamedTuple):
    """How evidence of at least `llr` (natural log, either sign) is called."""

    llr: float
    en: str
    zh: str


# The lower ends are likelihood ratios of 1, 2, 4, 10 and 100. At a prior of 50 % that is a probability of
# 50 %, 67 %, 80 %, 91 % and 99 %.
STRENGTHS = (
    Strength(0.0, "hardly any", "几乎没有"),
    Strength(math.log(2), "weak", "较弱"),
    Strength(math.log(4), "moderate", "中等"),
    Strength(math.log(10), "strong", "较强"),
    Strength(math.log(100), "very strong", "很强"),
)

PARTS: Mapping[str, Said] = {
    "forehead": Said("the forehead", "额头"),
    "left eye": Said("the eye on the left of the picture", "画面左侧的眼睛"),
    "right eye": Said("the eye on the right of the picture", "画面右侧的眼睛"),
    "nose": Said("the nose", "鼻部"),
    "left cheek": Said("the cheek on the left of the picture", "画面左侧的脸颊"),
    "right cheek": Said("the cheek on the right of the picture", "画面右侧的脸颊"),
    "mouth": Said("the mouth", "嘴部"),
    "chin": Said("the chin", "下巴"),
    "outline": Said("the rim around the face", "脸部轮廓外缘"),
}
WHOLE_FACE = Said("most of the face", "脸部大部分区域")

# Kinds of trace, as detectors name them in the facts `artefact_<name>`; "edge" is measured only.
TRACES: Mapping[str, Said] = {
    "colour": Said("colour", "颜色"),
    "sharpness": Said("sharpness", "清晰度"),
    "compression": Said("compression", "压缩"),
    "geometry": Said("shape and position", "形状与位置"),
    "smoothing": Said("noise and smoothed texture", "噪声与纹理平滑"),
    "upsampling": Said("enlargement", "放大"),
    "frequency": Said("fine frequencies", "细节频谱"),
    "edge": Said("edge along the contour", "标记轮廓处的边缘"),
}

# What is measured of a kind of trace (explain/measure.py); nothing is measured of the others.
MEASURES: Mapping[str, tuple[str, ...]] = {
    "colour": ("colour_delta_e",),
    "sharpness": ("sharpness_ratio",),
    "compression": ("blockiness_inside", "blockiness_outside"),
    "smoothing": ("noise_ratio",),
    "edge": ("edge_ratio",),
}


class Lane(NamedTuple):
    """What readers are told of an examiner.

    name: in the middle of a sentence. title: on its own. purpose: what it looks at, one sentence. of_films: it needs
    more than a still. is_context: it tells how the file came about; to say nothing of forgery is its normal answer.
    """

    name: Said
    title: Said
    purpose: Said
    of_films: bool = False
    is_context: bool = False


# By the name of the plug-in.
LANES: Mapping[str, Lane] = {
    "finegrained": Lane(
        Said("fine traces", "细微痕迹"),
        Said("Fine traces", "细微痕迹"),
        Said(
            "Looks for colour, sharpness, noise and shape that do not fit, anywhere on a face, in single pictures.",
            "在单幅画面中寻找脸上任何部位不协调的颜色、清晰度、噪声与形状。",
        ),
    ),
    "seam": Lane(
        Said("blended parts", "拼接痕迹"),
        Said("Blended parts", "拼接痕迹"),
        Said(
            "Looks for the seam of something pasted into a face: an edge, and two sides that differ.",
            "寻找贴入脸部的内容留下的接缝：边缘，以及两侧的差异。",
        ),
    ),
    "temporal": Lane(
        Said("movement", "逐帧运动"),
        Said("Movement from frame to frame", "逐帧运动"),
        Said(
            "Follows a face through every frame: features, skin and identity of a filmed face change smoothly.",
            "逐帧跟踪人脸：真实拍摄的人脸，其五官、皮肤与身份特征的变化是平滑的。",
        ),
        of_films=True,
    ),
    "pulse": Lane(
        Said("pulse", "脉搏"),
        Said("Pulse (blood flow in the skin)", "脉搏（皮肤血流）"),
        Said(
            "Measures whether the skin changes colour with a heart beat, and whether all parts of the face agree.",
            "测量皮肤颜色是否随心跳变化，以及脸上各部位是否一致。",
        ),
        of_films=True,
    ),
    "lipsync": Lane(
        Said("lips and voice", "唇形与语音"),
        Said("Lips against voice", "唇形与语音"),
        Said(
            "Measures whether the mouth moves with the voice, and how far apart in time the two are.",
            "测量嘴部动作与语音是否吻合，以及二者相差多少时间。",
        ),
        of_films=True,
    ),
    "scene": Lane(
        Said("surroundings", "人物与环境"),
        Said("Person against surroundings", "人物与环境"),
        Said(
            "Compares the face with what surrounds it: noise, sharpness, light and movement.",
            "比较人脸与周围画面：噪声、清晰度、光线与运动。",
        ),
    ),
    "adversarial": Lane(
        Said("decoy noise", "误导噪声"),
        Said("Noise made to mislead the detector", "误导检测器的噪声"),
        Said(
            "Looks for noise that was written into a picture to mislead the detector of fine traces; it says nothing "
            "of forgery and is never weighed with what does.",
            "寻找为误导细微痕迹检测器而写入画面的噪声；它不说明是否伪造，也从不与伪造的证据一同权衡。",
        ),
    ),
    "container": Lane(
        Said("the file", "文件本身"),
        Said("The file itself", "文件本身"),
        Said(
            "Reads how the file was written: software, coding, clocks and edits. Most files have been written anew on "
            "their way.",
            "读取文件的写入方式：软件、编码、时间与编辑。大多数文件在传播途中都被重新写入过。",
        ),
        is_context=True,
    ),
}

# By the name of the curve (evidence.Curve).
CURVES: Mapping[str, Said] = {
    "pulse_trace": Said("Pulse signal", "脉搏信号"),
    "pulse_spectrum": Said("Strength of each rhythm", "各节律的强度"),
    "lip_voice_offset": Said(
        "How well lips and voice fit, by the delay of the sound", "唇形与语音的吻合度（按声音滞后）"
    ),
    "mouth_opening": Said("Opening of the mouth", "张口程度"),
    "voice_level": Said("Loudness of the sound", "声音响度"),
    "landmark_jitter": Said("Tremble of the features", "五官抖动"),
    "identity_drift": Said("Likeness of the face to its own mean", "人脸与自身平均的相似度"),
    "eye_opening": Said("Opening of the eyes", "睁眼程度"),
    "warp_residual": Said("Change beyond movement, face over surroundings", "运动之外的变化：人脸与周围之比"),
    "face_motion": Said("Movement of the head", "头部的运动"),
    "background_motion": Said("Movement of the background", "背景的运动"),
    "temporal_score": Said("What movement says by itself", "运动本身给出的证据"),
}


def lane(source: str) -> Lane:
    """The words for the examiner that spoke as `source`; one that is not known here is called as it calls itself."""
    plug_in, _, version = source.rpartition("-")
    itself = Said(source, source)
    return LANES.get(plug_in if version.isdecimal() else source, Lane(itself, itself, Said("", "")))


def curve_name(name: str) -> Said:
    """What a curve shows; a name that is not known here loses its underscores only."""
    plain = name.replace("_", " ")
    return CURVES.get(name, Said(plain, plain))


def part_name(part: str) -> Said:
    """A part of a face in words; a name that is not known here stays as it is."""
    return PARTS.get(part, Said(part, part))


def joined(said: Sequence[Said]) -> Said:
    """An enumeration, with the separators of each language."""
    return Said(", ".join(one.en for one in said), "、".join(one.zh for one in said))


def strength(llr: float) -> Said:
    """Evidence in words, with its direction: "strong support for manipulation"."""
    level = next(level for level in reversed(STRENGTHS) if abs(llr) >= level.llr)
    if level is STRENGTHS[0]:
        return Said("hardly any support either way", "几乎不支持任何一方")
    if llr > 0:
        return Said(f"{level.en} support for manipulation", f"对“存在伪造”的支持{level.zh}")
    return Said(f"{level.en} support against manipulation", f"对“没有伪造”的支持{level.zh}")


def percent(share: float) -> str:
    """A share in [0, 1] as people write it, never rounded to certainty."""
    if share < 0.001:
        return "<0.1%"
    if share > 0.999:
        return ">99.9%"
    digits = 0 if 0.0995 <= share <= 0.985 else 1
    return f"{100 * share:.{digits}f}%".replace(".0%", "%")


def signed(llr: float) -> str:
    """A log-likelihood ratio with its sign, to one digit."""
    return f"{llr:+.1f}".replace("-", "−") if abs(llr) >= 0.05 else "0.0"


def clock(time_s: float) -> str:
    """Seconds as 01:23.4, or 1:02:03.4 from one hour on."""
    tenths = round(time_s * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02d}:{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{text}" if hours else text


def face_name(track: int) -> Said:
    """What a face is called wherever people read of it: tracks count from 0, people from 1."""
    return Said(f"Face {track + 1}", f"人脸 {track + 1}")


def times(llr: float) -> str:
    """A likelihood ratio to two significant digits: 3.5 is 33."""
    return f"{float(f'{math.exp(llr):.2g}'):,.10g}"
