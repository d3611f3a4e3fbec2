"""`container`: what the file tells of how it was written.

Software, clocks, edit lists, cadence of key frames, traces of an earlier coding, marks of a camera, JPEG tables; and
pictures that repeat. It is context, never a verdict: nearly every file that reaches a reader was written anew on its
way, and whoever forges can write what he likes. So it always abstains, with what it found as its sentence and facts.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from unforge.detect import _backdrop
from unforge.evidence import Evidence, abstention
from unforge.exhibit import MOST_LOOKS, RATE_HZ, Exhibit
from unforge.media.probe import MediaFacts

QUESTION = "manipulated"
SOURCE = "container-1"
TRIMMED_MS = 500.0  # hidden by an edit list; encoders hide a few frames or a fraction of a second of sound by custom
APART_MS = 100.0  # of the starts of picture and sound; beyond, it can be seen and heard
UNEVEN = 0.05  # share of steps off the usual one, from which on a clock is called uneven
UNCHANGED = 0.2  # share of frames without change from the one before, from which on it is told; people may sit still
FEW_BITS = 0.03  # per pixel; below, coding leaves little of what other examiners look for
SOFTWARE = ("written_by", "encoder", "software")
GENERATORS = ("parameters", "prompt", "workflow", "Dream", "sd-metadata", "invokeai_metadata")  # of pictures by prompt


class Said(NamedTuple):
    """The same in English and Chinese."""

    en: str
    zh: str


class Container:
    """The examiner. It always abstains: its note says what the file tells, its facts hold the figures."""

    name = "container"
    models: tuple[str, ...] = ()

    def examine(self, exhibit: Exhibit) -> Evidence:
        """An abstention on "manipulated" with what the file tells as its note and facts."""
        facts = told(exhibit.facts)
        if exhibit.facts.kind == "video" and _is_looked_at_closely(exhibit):
            shares = [share for track in exhibit.close_ups if (share := _backdrop.unchanged_share(track)) is not None]
            facts |= {"frames_unchanged_share": round(max(shares), 4)} if shares else {}
        note = sentence(exhibit.facts.kind, facts)
        return abstention(QUESTION, SOURCE, note.en, {**facts, "note_zh": note.zh})


def load() -> Container:
    """The examiner, ready to use."""
    return Container()


def told(media: MediaFacts) -> dict[str, float | str]:
    """What a file says of itself and what its packets and tables say, as facts."""
    words, written = media.container, media.written
    facts: dict[str, float | str] = {"format": str(words.get("format", "")), "codec": media.codec}
    software = _first(words, "tag_encoder", "tag_software", "tag_com.apple.quicktime.software", "software")
    camera = [
        found
        for names in (
            ("make", "tag_make", "tag_com.apple.quicktime.make", "tag_com.android.manufacturer"),
            ("model", "tag_model", "tag_com.apple.quicktime.model", "tag_com.android.model"),
        )
        if (found := _first(words, *names))
    ]
    facts |= {"written_by": software} if software else {}
    facts |= {"camera": " ".join(camera)} if camera else {}
    if media.duration_s:
        facts["bitrate_kbps"] = 8.0 * media.bytes / 1000.0 / media.duration_s
    return {name: round(v, 4) if isinstance(v, float) else v for name, v in {**facts, **written}.items()}


def _first(words: Mapping[str, str | float], *names: str) -> str:
    return next((str(words[name]).strip()[:80] for name in names if str(words.get(name, "")).strip()), "")


def _is_looked_at_closely(exhibit: Exhibit) -> bool:
    """Not a long film, and not the quick profile: to look at every frame would cost it more than all else."""
    usual_hz = min(RATE_HZ, MOST_LOOKS / max(exhibit.facts.duration_s or 0.0, 1e-3))
    return not exhibit.is_long and exhibit.look_rate_hz >= usual_hz


# Words


def sentence(kind: str, facts: Mapping[str, float | str]) -> Said:
    """One sentence: who wrote the file, what stands out, and that this says nothing of a forgery."""
    remarks = [_origin(facts), *(_of_film(facts) if kind == "video" else _of_picture(facts))]
    en, zh = "; ".join(one.en for one in remarks), "；".join(one.zh for one in remarks)
    return Said(
        f"{en}; files that were exported or sent on look like this, it says nothing about forgery.",
        f"{zh}；经过导出或转发的文件都会如此，这不说明是否伪造。",
    )


def _origin(facts: Mapping[str, float | str]) -> Said:
    software = " / ".join(dict.fromkeys(str(facts[name]) for name in SOFTWARE if facts.get(name)))
    by, by_zh = (f"Written by {software}", f"由 {software} 写入") if software else ("No software named", "未注明软件")
    if facts.get("camera"):
        return Said(f"{by}, names the camera {facts['camera']}", f"{by_zh}，注明相机 {facts['camera']}")
    return Said(f"{by}, no camera metadata", f"{by_zh}，没有相机元数据")


def _of_film(facts: Mapping[str, float | str]) -> Iterator[Said]:
    def number(name: str) -> float:
        return float(facts.get(name, 0.0))

    if number("boxes_cut"):
        yield Said("the file is cut off", "文件不完整")
    if number("earlier_key_step_frames"):
        step = number("earlier_key_step_frames")
        yield Said(
            f"packets grow every {step:.0f} frames, as where a film was coded at another rhythm before",
            f"数据包每 {step:.0f} 帧变大一次，类似曾以另一节奏编码过的影片",
        )
    hidden_s = max(number("edit_start_ms"), number("edit_cut_end_ms")) / 1000.0
    if number("edits") > 1 or 1000.0 * hidden_s > TRIMMED_MS:
        yield Said(
            f"its edit list shows {number('edits'):.0f} part(s) and hides {hidden_s:.1f} s",
            f"编辑列表显示 {number('edits'):.0f} 段，隐藏 {hidden_s:.1f} 秒",
        )
    if number("gaps_at_end"):
        yield Said("frames are missing at its end, as after a cut without new coding", "结尾缺帧，类似未重新编码的剪切")
    if abs(number("sound_after_picture_ms")) > APART_MS:
        apart = number("sound_after_picture_ms")
        yield Said(f"sound starts {apart:+.0f} ms after the picture", f"声音起点比画面晚 {apart:+.0f} 毫秒")
    if number("uneven_share") > UNEVEN or number("gaps"):
        share, gaps = number("uneven_share"), number("gaps")
        yield Said(
            f"{share:.0%} of the steps between frames are uneven, {gaps:.0f} gap(s)",
            f"{share:.0%} 的帧间隔不均匀，{gaps:.0f} 处缺口",
        )
    unchanged = number("frames_unchanged_share")
    if unchanged > UNCHANGED:
        yield Said(
            f"in {unchanged:.0%} of the frames the face shows no change from the one before",
            f"{unchanged:.0%} 的帧中人脸与前一帧没有变化",
        )
    if 0.0 < number("bits_per_pixel") < FEW_BITS:
        bits = number("bits_per_pixel")
        yield Said(f"strongly compressed ({bits:.3f} bit per pixel)", f"压缩很强（每像素 {bits:.3f} 比特）")
    if number("interlaced"):
        yield Said("interlaced", "隔行扫描")
    yield from _credentials(facts)


def _of_picture(facts: Mapping[str, float | str]) -> Iterator[Said]:
    if "jpeg_quality" in facts:
        own = "" if facts.get("jpeg_standard_tables") else "about "
        own_zh = "" if facts.get("jpeg_standard_tables") else "约 "
        quality = float(facts["jpeg_quality"])
        yield Said(f"saved as JPEG of quality {own}{quality:.0f}", f"以 JPEG 质量 {own_zh}{quality:.0f} 保存")
    if facts.get("size_as_shot") == 0.0:
        yield Said("its size is not the one it was taken with", "尺寸与拍摄时不同")
    if facts.get("thumbnail_same_shape") == 0.0:
        yield Said("its thumbnail has another shape", "缩略图的长宽比不同")
    if facts.get("changed_after_shot") == 1.0:
        yield Said("its date of change is not that of the shot", "修改日期与拍摄日期不同")
    texts = [text for text in str(facts.get("texts", "")).split(", ") if text in GENERATORS]
    if texts:
        yield Said(
            f"carries the text {texts[0]!r} that generators of pictures write",
            f"带有图像生成软件写入的文本 {texts[0]!r}",
        )
    yield from _credentials(facts)


def _credentials(facts: Mapping[str, float | str]) -> Iterator[Said]:
    if facts.get("content_credentials") == 1.0:
        yield Said("carries content credentials, which are not checked here", "带有内容凭证（此处未验证）")
