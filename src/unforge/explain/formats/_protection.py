"""The report on a protected copy as one HTML file: before, after, what can be seen, what it stops and what not."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unforge.explain import protect_words
from unforge.explain.formats import _pictures
from unforge.explain.formats._markup import alternative, both, led, listed, quoted, rows, section, visible
from unforge.explain.formats._page import check_language, masthead, page
from unforge.explain.vocabulary import Said
from unforge.report import PROTECT_SCHEMA, Box, Judged, Protection, ProtectionImage, Sentences, Trial

SUFFIX = ".html"

_FACE_PX, _FRAME_PX = 380, 760
_STRETCHES = (1, 2, 4, 8, 16, 32, 64)
_LOUD = 0.995  # share of the values that a stretched difference must leave within the range
_ROOM = 120.0  # grey levels up and down from the middle
_GREY = 128.0
_SIGNS = {
    "done": '<path d="M12 2.5 20 5.5v6c0 5-3.4 8.4-8 10-4.6-1.6-8-5-8-10v-6Z"/><path d="m8.5 12 2.5 2.5 4.5-5"/>',
    "failed": '<path d="M12 2.5 20 5.5v6c0 5-3.4 8.4-8 10-4.6-1.6-8-5-8-10v-6Z"/><path d="m9.5 9.5 5 5m0-5-5 5"/>',
}

Picture = NDArray[np.uint8]
Difference = NDArray[np.float32]


def render(told: Protection, lang: str = "en") -> bytes:
    """The protection as UTF-8 HTML; `lang`, "en" or "zh", is shown first.

    Raises UsageError for another language.
    """
    check_language(lang)
    return page("".join(_sections(told)), _title(told, lang), lang, ("report.css", "protection.css"))


def _title(told: Protection, lang: str) -> str:
    name = told.path.replace("\\", "/").rsplit("/", 1)[-1]
    what = Said("Not protected", "未加保护") if told.error is not None else protect_words.headline(told)
    return f"{name} · {getattr(what, lang)} · unforge"


def _sections(told: Protection) -> Iterator[str]:
    yield masthead(Said("Report on a protected copy", "保护报告"))
    yield '<main id="report">'
    if told.error is not None:
        yield _failure(told)
    else:
        yield _answer(told)
        yield section(Said("Before, after, difference", "处理前、处理后与差异"), _pictures_of(told), "compared")
        yield section(Said("How much can be seen", "可见程度"), _quality(told), "quality")
        yield section(Said("Left as they are", "未作处理的人脸"), _left_out(told))
        yield section(Said("What was tried on this copy", "对此副本的试验"), _trials(told.judged), "tried")
        yield section(Said("What it does not stop", "不能阻止的情况"), _listed(protect_words.limits(told)), "limits")
    yield section(Said("Method", "方法"), _method(told), "method")
    yield "</main>"
    yield _foot()


# The box that is read first


def _answer(told: Protection) -> str:
    warnings = "".join(f'<p class="warn">{both(warning)}</p>' for warning in _paired(told.warnings))
    if told.judged is not None:
        kind = "warn" if protect_words.stops_nothing(told.judged) else "note"
        warnings += f'<p class="{kind}">{both(protect_words.summary(told.judged))}</p>'
    return (
        f'<section class="verdict protected">{_file_line(told)}<div class=headline>{_sign("done")}'
        f"<h1>{both(protect_words.headline(told))}</h1></div>{warnings}"
        f'<div class="meaning"><p>{led(protect_words.MEANING)}</p><p>{led(protect_words.NOT_MEANING)}</p></div>'
        "</section>"
    )


def _failure(told: Protection) -> str:
    code, message = ("error", "") if told.error is None else (told.error.code, told.error.message)
    heading = both(Said("This file was not protected", "此文件未加保护"))
    nothing = Said(
        "Nothing was written: no protected copy of this file exists.", "未写入任何内容：此文件没有受保护的副本。"
    )
    return (
        f'<section class="verdict failed">{_file_line(told)}<div class=headline>{_sign("failed")}<h1>{heading}</h1>'
        f'</div><div class="meaning"><p class="note">{quoted(message)} <code>{visible(code)}</code></p>'
        f"<p>{both(nothing)}</p></div></section>"
    )


def _file_line(told: Protection) -> str:
    written = "" if told.written is None else f'<p class="file copy">→ {quoted(told.written)}</p>'
    kind = {None: None, "image": Said("picture", "图片"), "video": Said("video", "视频")}[told.media]
    facts = ""
    if kind is not None and told.size_wh is not None:
        size = f"{told.size_wh[0]} × {told.size_wh[1]} px"
        facts = f'<p class="facts">{both(Said(f"{kind.en} · {size}", f"{kind.zh} · {size}"))}</p>'
    return f'<p class="file">{quoted(told.path)}</p>{written}{facts}'


def _sign(kind: str) -> str:
    return f'<svg class="sign" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{_SIGNS[kind]}</svg>'


# Pictures


def _pictures_of(told: Protection) -> str:
    """The largest face pixel by pixel, then the whole picture."""
    if told.image is None:
        return ""
    x0, y0, x1, y1 = told.image.face_px
    face = _triple(
        told.image.before[y0:y1, x0:x1],
        told.image.after[y0:y1, x0:x1],
        Said("the largest face", "最大的人脸") if told.image.boxes_px else Said("the middle", "画面中央"),
        _FACE_PX,
    )
    return f"{_moment(told.image)}{face}{_whole(told, told.image)}"


def _moment(image: ProtectionImage) -> str:
    if image.time_s is None:
        return ""
    return (
        f'<p class="intro">{both(Said(f"At {image.time_s:.2f} s of the film.", f"影片第 {image.time_s:.2f} 秒。"))}</p>'
    )


def _triple(before: Picture, after: Picture, what: Said, side_px: int) -> str:
    """Before, after and their difference, without loss: what coding adds would be taken for the protection."""
    change, stretch = _stretched(before, after, side_px)
    shown = (
        (_reduced(before, side_px), Said(f"Before: {what.en}", f"处理前：{what.zh}")),
        (_reduced(after, side_px), Said("After", "处理后")),
        (change, _said_of_stretch(stretch)),
    )
    return f'<div class="triple">{"".join(_figure(rgb, said) for rgb, said in shown)}</div>'


def _figure(rgb: Picture, said: Said) -> str:
    uri = _pictures.exact_uri(rgb)
    return f'<figure><img src="{uri}" alt="{alternative(said)}"><figcaption>{both(said)}</figcaption></figure>'


def _whole(told: Protection, image: ProtectionImage) -> str:
    """The whole copy with outlines around faces, and the whole difference."""
    change, stretch = _stretched(image.before, image.after, _FRAME_PX)
    height, width = image.before.shape[:2]
    scale = 1.0 if told.size_wh is None or told.media == "video" else width / told.size_wh[0]
    left_out = [tuple(round(value * scale) for value in box) for box in (*told.too_small, *told.too_many)]
    outlines = "".join(_outline(box, "line") for box in image.boxes_px)
    outlines += "".join(_outline(box, "left") for box in left_out)
    name = alternative(Said("the whole copy", "整幅副本"))
    key = [Said("yellow: cloaked", "黄色：已加保护扰动")] if image.boxes_px else []
    key += [Said("dashed: left as it is", "虚线：未作处理")] if left_out else []
    caption = Said(
        "; ".join(["The whole copy", *(said.en for said in key)]),
        "；".join(["整幅副本", *(said.zh for said in key)]),
    )
    return (
        f'<div class="pair"><figure class="photo"><div><img src="{_pictures.data_uri(image.after, _FRAME_PX)}" '
        f'alt="{name}"><svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">{outlines}'
        f"</svg></div><figcaption>{both(caption)}</figcaption></figure>"
        f"{_figure(change, _said_of_stretch(stretch))}</div>"
    )


def _outline(box: Sequence[int], kind: str) -> str:
    x0, y0, x1, y1 = box
    place = f'x="{x0}" y="{y0}" width="{x1 - x0}" height="{y1 - y0}"'
    return f'<rect class="edge" {place}/><rect class="{kind}" {place}/>'


def _said_of_stretch(stretch: int) -> Said:
    if stretch == 0:
        return Said("Difference: none", "差异：无")
    return Said(
        f"Difference, {stretch} times as large; grey: no change",
        f"差异，放大 {stretch} 倍；灰色表示没有改动",
    )


def _stretched(before: Picture, after: Picture, side_px: int) -> tuple[Picture, int]:
    """The difference around grey, reduced, and how many times it was stretched; 0 where there is none."""
    change = _reduced_difference(after.astype(np.float32) - before, side_px)
    loud = float(np.quantile(np.abs(change), _LOUD))
    if not change.any():
        return np.full(change.shape, _GREY, np.uint8), 0
    stretch = max((one for one in _STRETCHES if one * loud <= _ROOM), default=_STRETCHES[0])
    return np.clip(np.rint(_GREY + stretch * change), 0, 255).astype(np.uint8), stretch


def _reduced_difference(change: Difference, side_px: int) -> Difference:
    size_wh = _size_within(change.shape, side_px)
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(change, 2, 0)]
    return np.dstack([np.asarray(one.resize(size_wh, Image.Resampling.BOX), np.float32) for one in planes])


def _reduced(rgb: Picture, side_px: int) -> Picture:
    size_wh = _size_within(rgb.shape, side_px)
    return np.asarray(Image.fromarray(np.ascontiguousarray(rgb)).resize(size_wh, Image.Resampling.LANCZOS), np.uint8)


def _size_within(shape: tuple[int, ...], side_px: int) -> tuple[int, int]:
    """Width and height of a picture when its longer side is at most `side_px`."""
    scale = min(1.0, side_px / max(shape[:2]))
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


# Figures


def _quality(told: Protection) -> str:
    own = {"psnr_square_db": told.psnr_face_db if told.faces else None, "psnr_frame_db": told.psnr_frame_db}
    judged = {} if told.judged is None or told.media == "video" else told.judged.quality
    found = {**judged, **own, "psnr_face_db": None}
    pairs = [
        (both(said), _number(name, found[name]))
        for name, said in protect_words.QUALITY.items()
        if found.get(name) is not None
    ]
    if not pairs:
        return f"<p>{both(Said('Nothing differs.', '没有差别。'))}</p>"
    kept = Said("share of the change that was read back from the copy", "从副本读回的改动比例")
    pairs.append((both(kept), visible(f"{told.kept:.0%}")))
    return rows(pairs) + _coded_too(told)


def _coded_too(told: Protection) -> str:
    said = Said(
        "What coding the copy anew changes is in these figures" + (", and the mark." if told.mark else "."),
        "以上数值包含重新编码造成的变化" + ("以及水印。" if told.mark else "。"),
    )
    return f'<p class="intro">{both(said)}</p>'


def _number(name: str, value: float | None) -> str:
    return visible(
        "-"
        if value is None
        else f"{value:.1f} dB"
        if name.endswith("_db")
        else f"{value:.2f}"
        if name.startswith("ciede")
        else f"{value:.3f}"
    )


def _left_out(told: Protection) -> str:
    boxes = [*told.too_small, *told.too_many]
    if not boxes:
        return ""
    shown = "".join(f"<li><code>{_corners(box)}</code></li>" for box in boxes)
    summary = both(Said("their places, in pixels of the original", "其位置（原图像素）"))
    return f"{_listed(protect_words.left_out(told))}<details><summary>{summary}</summary><ul>{shown}</ul></details>"


def _corners(box: Box) -> str:
    return f"{box[0]}, {box[1]} – {box[2]}, {box[3]}"


# What was tried


def _trials(judged: Judged | None) -> str:
    """A row for each program, a column for each channel; beside every figure that of the control."""
    if judged is None:
        return ""
    channels = list(dict.fromkeys(trial.channel for trial in judged.trials))
    head = "".join(f'<th scope="col">{both(channel)}</th>' for channel in channels)
    body = "".join(_row(judged, target, channels) for target in dict.fromkeys(one.target for one in judged.trials))
    intro = Said(
        f"A short trial on {protect_words.faces(judged.faces).en} of this copy, after three channels and without an "
        "attacker. One picture says little of others: the tables of the documentation are measured on many.",
        f"仅在此副本的 {protect_words.faces(judged.faces).zh}上、经三种渠道且无攻击者的简短试验。"
        "单张图片难以推断其他图片，文档中的表格在大量图片上测得。",
    )
    whole = both(Said("All channels, and attackers:", "全部渠道及攻击者："))
    return (
        f'<p class="intro">{both(intro)}</p><div class="wide"><table><thead><tr><td></td>{head}</tr></thead>'
        f'<tbody>{body}</tbody></table></div><p class="held">{led(protect_words.CONTROL)}</p>'
        f'<p class="intro">{whole} <code>unforge protect --judge ORIGINAL COPY</code></p>'
    )


def _row(judged: Judged, target: str, channels: Sequence[tuple[str, str]]) -> str:
    own = {trial.channel: trial for trial in judged.trials if trial.target == target}
    first = next(iter(own.values()))
    notes = [protect_words.KINDS.get(first.kind, Said(first.kind, first.kind))]
    notes += [protect_words.TRAINED_HERE] if first.trained_here else []
    notes += [protect_words.HELD_OUT] if first.held_out else []
    note = Said(", ".join(one.en for one in notes), "，".join(one.zh for one in notes))
    cells = "".join(_cell(own[channel]) if channel in own else "<td></td>" for channel in channels)
    return f'<tr><th scope="row">{quoted(target)} <small>{both(note)}</small></th>{cells}</tr>'


def _cell(trial: Trial) -> str:
    control = ""
    if trial.stopped is not None and trial.stopped_by_random is not None:
        share, chance = f"{trial.stopped:.0%}", f"{trial.stopped_by_random:.0%}"
        control = f"<small>{both(Said(f'{share}, control {chance}', f'{share}，对照 {chance}'))}</small>"
    return f'<td class="{trial.outcome}">{both(protect_words.OUTCOMES[trial.outcome])} {control}</td>'


# Method


def _method(told: Protection) -> str:
    run = told.run
    pairs: list[tuple[Said, str]] = []
    if told.error is None:
        pairs += _how(told)
    if told.sha256:
        pairs.append((Said("SHA-256 of the original", "原件 SHA-256"), f"<code>{visible(told.sha256)}</code>"))
    pairs += [
        (Said("network", "网络"), f"{quoted(model.name)} <code>{visible(model.sha256)}</code>") for model in run.models
    ]
    pairs += [
        (Said("protected", "处理时间"), f"{quoted(run.started)} <small>({run.elapsed_s:.1f} s)</small>"),
        (Said("software", "软件"), quoted(f"unforge {run.version}")),
        (Said("schema", "格式"), quoted(PROTECT_SCHEMA)),
    ]
    return rows([(both(term), value) for term, value in pairs])


def _how(told: Protection) -> Iterator[tuple[Said, str]]:
    yield Said("profile", "方案"), quoted(told.profile)
    yield Said("strength", "强度"), quoted(f"{told.strength:g}")
    if told.optimised_against:
        yield Said("optimised against", "优化所针对的程序"), quoted(", ".join(told.optimised_against))
    if told.mark is not None:
        place = "" if told.mark.place is None else f" · {told.mark.place}"
        said = Said(f"machine {told.mark.machine}{place}", f"机器 {told.mark.machine}{place}")
        held = both(Said(f"{told.mark.kept:.0%} of the ink", f"保留 {told.mark.kept:.0%}"))
        yield Said("readable mark", "可读水印"), f"{both(said)} · {quoted(told.mark.time)} <small>{held}</small>"
    for note in told.notes:
        yield Said("not as in the original", "与原件不同之处"), quoted(note)


def _paired(said: Sentences) -> list[Said]:
    return [Said(en, zh) for en, zh in zip(said.get("en", ()), said.get("zh", ()), strict=True)]


def _listed(sentences: Iterator[Said]) -> str:
    told = list(sentences)
    return listed({"en": tuple(said.en for said in told), "zh": tuple(said.zh for said in told)})


def _foot() -> str:
    said = Said(
        "Made offline; nothing was sent anywhere. The report shows the original: do not publish it beside the copy.",
        "本报告离线生成，未向任何地方发送数据。报告中含有原图，请勿与副本一同发布。",
    )
    return f"<footer><p>{both(said)}</p></footer>"
