"""What is said of a long film besides its verdict: how it was looked at, and where it is most suspicious."""

from collections.abc import Iterable

from unforge.exhibit import GAP_S
from unforge.explain.vocabulary import BANDS, Said, clock, face_name
from unforge.film.pooled import SPAN_S
from unforge.film.whole import FEW_LOOKS, Film


def explained(film: Film) -> list[Said]:
    """Sentences for the explanation: the loudest span first."""
    return [*_loudest(film), *_looked(film), *_faces(film)]


def limited(film: Film) -> list[Said]:
    """Sentences for the limits: what could not be seen in a film of this length."""
    return [
        Said(
            f"A long film is scanned by single looks, up to {GAP_S:.0f} s apart: a forgery that is over within a few "
            "seconds may lie between them, and one that single looks do not show may never be looked at closely.",
            f"长片以单帧方式快速扫描，间隔最长 {GAP_S:.0f} 秒：数秒内结束的伪造可能落在间隔之中，"
            "单帧看不出的伪造可能不会被仔细观察。",
        ),
        *_unread(film),
    ]


def _loudest(film: Film) -> Iterable[Said]:
    if film.loudest is None:
        return
    when = f"{clock(film.loudest.start_s)}–{clock(film.loudest.end_s)}"
    band, track = BANDS[film.loudest.band], film.loudest.track
    who = Said("", "") if track is None else Said(f" ({face_name(track).en})", f"（{face_name(track).zh}）")
    yield Said(
        f"Most suspicious span: {when}{who.en}; by itself it would be “{band.en}”.",
        f"最可疑的片段：{when}{who.zh}；单独来看为“{band.zh}”。",
    )
    if film.loudest.band == "manipulated" and film.false_alarms is not None:
        yield Said(
            f"Of {film.spans} spans of {SPAN_S:.0f} s about {film.false_alarms:.1f} would be flagged even if nothing "
            "was forged; one flagged span is a reason to look at it, not yet a verdict on the film.",
            f"即使没有任何伪造，{film.spans} 个 {SPAN_S:.0f} 秒的片段中也会有约 {film.false_alarms:.1f} 个被误判；"
            "一个可疑片段是应当查看它的理由，还不是对全片的结论。",
        )


def _looked(film: Film) -> Iterable[Said]:
    yield Said(
        f"Faces were judged by quick looks in {film.spans} spans of {SPAN_S:.0f} s; {film.closely} spans were examined "
        "closely.",
        f"快速观察判断了 {film.spans} 个 {SPAN_S:.0f} 秒片段中的人脸；其中 {film.closely} 个片段经过仔细检验。",
    )


def _faces(film: Film) -> Iterable[Said]:
    shown = len(film.seen.faces)
    if film.appearances > shown:
        yield Said(
            f"Faces appear {film.appearances} times; of those with {FEW_LOOKS} looks or more the {shown} most telling "
            "are listed.",
            f"人脸共出现 {film.appearances} 次；仅列出其中观察不少于 {FEW_LOOKS} 次且最能说明问题的 {shown} 次。",
        )


def _unread(film: Film) -> Iterable[Said]:
    if film.unread_s:
        at = ", ".join(clock(start_s) for start_s in film.unread_s)
        yield Said(f"Not decoded, and not examined: the parts from {at}.", f"无法解码、未检验的部分始于：{at}。")
    if film.end_s is not None:
        yield Said(
            f"Nothing after {clock(film.end_s)} was examined: the film is longer than this version looks at.",
            f"{clock(film.end_s)} 之后未检验：影片超过本版本的检验长度。",
        )
