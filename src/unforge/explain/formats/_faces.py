"""The people in an exhibit: pictures of the most telling looks, with heat, and what was said of each."""

from unforge.explain import locate, words
from unforge.explain.formats import _pictures
from unforge.explain.formats._markup import alternative, both, section
from unforge.explain.formats._timeline import colour_of
from unforge.explain.vocabulary import Said, clock, face_name, percent, signed, strength
from unforge.report import Face, FaceImage, Report

MOST_PICTURED = 8  # faces with pictures, loudest first

MOST_LOOKS = 3  # pictures per face


def faces(report: Report) -> str:
    """One block per face, loudest first."""
    if not report.faces:
        return ""
    colours = colour_of(report.faces)
    ordered = sorted(report.faces, key=lambda f: (f.llr is None, -(f.llr or 0.0), f.track))
    blocks = [_face(report, face, colours.get(face.track), n < MOST_PICTURED) for n, face in enumerate(ordered)]
    heading = Said("The faces", "人脸")
    hot = any(_is_hot(image) for face in ordered[:MOST_PICTURED] for image in _images(report, face))
    return section(heading, (_heat_legend() if hot else "") + "".join(blocks), "faces")


def _images(report: Report, face: Face) -> tuple[FaceImage, ...]:
    """The looks shown here: those that are not shown closely above, or one where all of them are."""
    above = {finding.time_s for finding in report.findings if finding.track == face.track}
    return tuple(image for image in face.images if image.time_s not in above)[:MOST_LOOKS] or face.images[:1]


def _heat_legend() -> str:
    said = Said(
        "Beside each look at a face: the same look with the places that the examiner marks. The marks "
        "follow what a "
        "network reacts to; they are a hint where to look, not a finding by themselves. The scale is the "
        "same in "
        "all pictures; the white line encloses what is marked by more than half.",
        "每幅人脸旁是同一画面，并标出检测器指出的位置。标记反映网络的反应，只提示该看哪里，本身不是结论。"
        "所有图片使用同一色标；白线圈出标记超过一半的区域。",
    )
    ends = both(Said("not marked", "未标记")), both(Said("marked most", "标记最强"))
    return (
        f'<div class="heat"><p>{both(said)}</p><p class="ramp"><span>{ends[0]}</span><i></i>'
        f"<span>{ends[1]}</span></p></div>"
    )


def _face(report: Report, face: Face, colour: int | None, pictured: bool) -> str:
    swatch = "" if colour is None or report.exhibit.media != "video" else f'<i class="swatch c{colour}"></i>'
    looks = "".join(_look(report, face, image) for image in _images(report, face)) if pictured else ""
    looks = f'<div class="looks">{looks}</div>' if looks else ""
    heading = f"<h3>{swatch}{both(face_name(face.track))}</h3>"
    return f'<article class="face">{heading}{_face_facts(report, face)}{looks}</article>'


def _face_facts(report: Report, face: Face) -> str:
    """Strength, number, time and place, in one line each way."""
    if face.llr is None or face.probability is None:
        said = [Said("not judged", "未作判断")]
    else:
        prior = percent(report.verdict.prior) if report.verdict else ""
        said = [
            strength(face.llr),
            Said(f"LLR {signed(face.llr)}", f"对数似然比 {signed(face.llr)}"),
            Said(
                f"{percent(face.probability)} at a prior of {prior}",
                f"概率 {percent(face.probability)}（先验 {prior}）",
            ),
        ]
    if report.exhibit.media == "video":
        seen = f"{clock(face.start_s)}–{clock(face.end_s)}"
        said.append(Said(f"seen {seen}", f"出现于 {seen}"))
    part = words.face_part(report.findings, face.track)
    if part is not None:
        said.append(Said(f"marked: {part.en}", f"标记：{part.zh}"))
    return "<p>" + both(Said(" · ".join(s.en for s in said), " · ".join(s.zh for s in said))) + "</p>"


def _is_hot(image: FaceImage) -> bool:
    """Whether there is a map to show: a face that was not judged carries a single cell."""
    return image.heat.size > 1


def _look(report: Report, face: Face, image: FaceImage) -> str:
    name = face_name(face.track)
    pictures = f'<img src="{_pictures.data_uri(image.rgb)}" alt="{alternative(name)}">'
    said = [Said(clock(image.time_s), clock(image.time_s))] if report.exhibit.media == "video" else []
    if _is_hot(image):
        shown = _pictures.data_uri(_pictures.overlay(image.rgb, image.heat))
        alt = alternative(Said(f"{name.en}, marked places", f"{name.zh}，标记的位置"))
        pictures += f'<img src="{shown}" alt="{alt}">'
        if float(image.heat.max()) <= locate.MARKED:
            said.append(Said("nothing marked clearly", "没有明显标记"))
        said.append(Said(f"LLR {signed(image.llr)}", f"对数似然比 {signed(image.llr)}"))
    caption = both(Said(" · ".join(s.en for s in said), " · ".join(s.zh for s in said))) if said else ""
    return f'<figure class="look"><div>{pictures}</div><figcaption>{caption}</figcaption></figure>'
