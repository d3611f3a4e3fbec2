"""The report on a photograph of a screen as one HTML file: who, where, when, how sure, and what it does not prove."""

from collections.abc import Iterator, Mapping

from unforge.explain import trace_words
from unforge.explain.formats import _facts, _pictures
from unforge.explain.formats._markup import alternative, both, led, listed, quoted, rows, section, visible
from unforge.explain.formats._page import check_language, masthead, page
from unforge.explain.formats._verdict import unreadable
from unforge.explain.vocabulary import Said
from unforge.report import TRACE_SCHEMA, ErrorFacts, Grade, Investigation, ScreenMark

SUFFIX = ".html"

_PHOTO_PX = 1100
_SIGNS: Mapping[Grade, str] = {
    "confirmed": '<circle cx="12" cy="12" r="9.5"/><path d="m7.5 12.5 3 3 6-6.5"/>',
    "probable": '<circle cx="12" cy="12" r="9.5"/><path d="M7 13c1.6-3 3.4-3 5-1s3.4 2 5-1"/>',
    "inconclusive": '<circle cx="12" cy="12" r="9.5"/><path d="M7.5 10h9M7.5 14h9"/>',
    "none": '<circle cx="10.5" cy="10.5" r="7.5"/><path d="m16 16 6 6"/>',
}
_NOT_SAID = Said("not said", "未注明")


def render(found: Investigation, lang: str = "en") -> bytes:
    """The investigation as UTF-8 HTML; `lang`, "en" or "zh", is shown first.

    Raises UsageError for another language.
    """
    check_language(lang)
    return page("".join(_sections(found)), _title(found, lang), lang, ("report.css", "investigation.css"))


def _title(found: Investigation, lang: str) -> str:
    name = found.path.replace("\\", "/").rsplit("/", 1)[-1]
    told = Said("Not examined", "未能检验") if found.best is None else trace_words.GRADES[found.best.grade]
    return f"{name} · {getattr(told, lang)} · unforge"


def _sections(found: Investigation) -> Iterator[str]:
    yield masthead(Said("Report on the source of a screen photograph", "屏幕照片溯源报告"))
    yield '<main id="report">'
    if found.error is not None or found.best is None:
        yield unreadable(_file_line(found), found.error or ErrorFacts("error", ""))
    else:
        yield _answer(found, found.best)
        yield section(Said("Who, where, when", "何人、何处、何时"), _who(found.best), "who")
        yield section(_heading_of_photo(found), _photo(found))
        yield section(Said("Other screens in the photograph", "照片中的其他屏幕"), _others(found))
        yield section(Said("What this does not prove", "本结果不能证明的内容"), _limits(found), "limits")
        yield section(Said("What was tried", "检验过程"), _tried(found), "method")
    yield section(Said("Method", "方法"), _method(found), "method")
    yield "</main>"
    yield _foot()


def _file_line(found: Investigation) -> str:
    size = "" if found.size_wh is None else f'<p class="facts">{found.size_wh[0]} × {found.size_wh[1]} px</p>'
    return f'<p class="file">{quoted(found.path)}</p>{size}'


def _answer(found: Investigation, best: ScreenMark) -> str:
    """The box that is read first."""
    sign = f'<svg class="sign" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{_SIGNS[best.grade]}</svg>'
    means, means_not = trace_words.meaning(best)
    return (
        f'<section class="verdict {best.grade}">{_file_line(found)}<div class=headline>{sign}'
        f"<h1>{both(trace_words.headline(best))}</h1></div>{_error_probability(best)}{_warning(best)}"
        f'<div class="meaning"><p>{led(means)}</p>'
        f"<p>{led(means_not)}</p></div></section>"
    )


def _error_probability(screen: ScreenMark) -> str:
    if screen.error_probability is None:
        return ""
    told = Said(
        "is how often a photograph without this mark would give this answer, all attempts at reading counted",
        "为不含此水印的照片得出同样结果的概率（已计入所有读取尝试）",
    )
    words = both(trace_words.odds(screen.error_probability))
    figure = visible(f"{screen.error_probability:.1e}")
    return (
        f'<div class="probability"><p class="number"><b>{words}</b> <span>{both(told)} <small>({figure})</small></span>'
        "</p></div>"
    )


def _warning(screen: ScreenMark) -> str:
    """What the registry holds against the mark."""
    if screen.owner is None or screen.owner.status == "known":
        return ""
    return f'<p class="warn">{both(_status(screen))}</p>'


def _status(screen: ScreenMark) -> Said:
    if screen.owner is None:
        return Said("No registry was asked.", "未查询登记库。")
    return trace_words.STATUS.get(screen.owner.status, Said(screen.owner.note, screen.owner.note))


def _who(screen: ScreenMark) -> str:
    """Whoever the mark names; nothing where it names nobody."""
    if screen.machine is None and screen.token is None:
        return ""
    owner = screen.owner
    pairs = [
        (Said("machine", "机器"), _named(owner.machine if owner else "", screen.machine)),
        (Said("user", "使用者"), _named(owner.user if owner else "")),
        (Said("place", "地点"), _named(owner.place if owner else "", screen.place)),
        (Said("application", "应用程序"), _named(owner.app if owner else "")),
        (Said("time of the mark, UTC", "水印时间（UTC）"), _span(screen)),
        (Said("key", "密钥"), f"<code>{visible(screen.key)}</code>" if screen.key else both(_NOT_SAID)),
        (Said("registry", "登记库"), _registry(screen)),
    ]
    if screen.token is not None:
        pairs.insert(0, (Said("token of the privacy mode", "隐私模式令牌"), f"<code>{screen.token:012x}</code>"))
    return rows([(both(term), value) for term, value in pairs])


def _named(name: str, number: int | None = None) -> str:
    told = [quoted(name)] if name else []
    if number is not None:
        told.append(f"<small>{both(Said(f'number {number} in the mark', f'水印中的编号 {number}'))}</small>")
    return " ".join(told) or both(_NOT_SAID)


def _span(screen: ScreenMark) -> str:
    if screen.start is None:
        return both(_NOT_SAID)
    return quoted(screen.start if screen.end is None else f"{screen.start} – {screen.end}")


def _registry(screen: ScreenMark) -> str:
    note = f"<small>{quoted(screen.owner.note)}</small>" if screen.owner is not None and screen.owner.note else ""
    return both(_status(screen)) + note


def _heading_of_photo(found: Investigation) -> Said:
    if any(screen.outline_xy is not None for screen in found.screens):
        return Said("Where it was found", "水印所在位置")
    return Said("The photograph", "所检验的照片")


def _photo(found: Investigation) -> str:
    """The photograph with an outline around every mark."""
    if found.rgb is None or found.size_wh is None:
        return ""
    width, height = found.size_wh
    outlines = "".join(_outline(found, n) for n in range(len(found.screens)))
    caption = (
        Said(
            "The outline shows where the mark was found; it may reach over the screen's edge.",
            "线框表示水印所在位置，可能超出屏幕边缘。",
        )
        if outlines
        else Said("The photograph as it was examined; no mark was located in it.", "所检验的照片；未定位到水印。")
    )
    name = alternative(Said("the examined photograph", "所检验的照片"))
    return (
        f'<figure class="photo"><div><img src="{_pictures.data_uri(found.rgb, _PHOTO_PX)}" alt="{name}">'
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">{outlines}</svg></div>'
        f"<figcaption>{both(caption)}</figcaption></figure>"
    )


def _outline(found: Investigation, number: int) -> str:
    corners = found.screens[number].outline_xy
    if corners is None or found.size_wh is None:
        return ""
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    drawn = f'<polygon class="edge" points="{points}"/><polygon class="line" points="{points}"/>'
    if len(found.screens) == 1:
        return drawn
    size = max(found.size_wh) / 22.0
    x = sum(x for x, _ in corners) / len(corners)
    y = sum(y for _, y in corners) / len(corners)
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}" stroke-width="{size / 8:.1f}" text-anchor="middle"'
    return f"{drawn}<text {place}>{number + 1}</text>"


def _others(found: Investigation) -> str:
    """One card for each screen but the first, of which the report tells above."""
    return "".join(_card(n, screen) for n, screen in enumerate(found.screens, start=1) if n > 1)


def _card(number: int, screen: ScreenMark) -> str:
    reason = both(Said(screen.reason, screen.reason_zh))
    return (
        f'<article class="screen who"><h3>{number}. {both(trace_words.headline(screen))}</h3>'
        f'<p class="note">{reason}</p>{_short_odds(screen)}{_who(screen)}</article>'
    )


def _short_odds(screen: ScreenMark) -> str:
    if screen.error_probability is None:
        return ""
    told = trace_words.odds(screen.error_probability)
    return f"<p>{both(Said(f'Probability of an error: {told.en}.', f'误报概率：{told.zh}。'))}</p>"


def _limits(found: Investigation) -> str:
    told = list(trace_words.limits(found))
    return listed({"en": tuple(said.en for said in told), "zh": tuple(said.zh for said in told)})


def _tried(found: Investigation) -> str:
    """The reader's own sentence, the keys that were tried, and what was measured of the best reading."""
    best = found.best
    if best is None:
        return ""
    pairs = [(both(Said("key tried", "尝试的密钥")), _key(key.id, key.revoked_at)) for key in found.keys]
    for name, value in _facts.in_order(best.facts):
        pairs.append((both(_facts.label_of(name)), both(_facts.value_of(name, value))))
    return f"<p>{both(Said(best.reason, best.reason_zh))}</p>{rows(pairs) if pairs else ''}"


def _key(key_id: str, revoked_at: str | None) -> str:
    code = f"<code>{visible(key_id)}</code>"
    if revoked_at is None:
        return code
    return f"{code} <small>{both(Said(f'revoked {revoked_at}', f'已于 {revoked_at} 吊销'))}</small>"


def _method(found: Investigation) -> str:
    run = found.run
    pairs = [
        (both(Said("examined", "检验时间")), f"{quoted(run.started)} <small>({run.elapsed_s:.1f} s)</small>"),
        (both(Said("software", "软件")), quoted(f"unforge {run.version}")),
        (both(Said("schema", "格式")), quoted(TRACE_SCHEMA)),
    ]
    if found.sha256:
        digest = f"<code>{visible(found.sha256)}</code>"
        pairs.insert(0, (both(Said("SHA-256 of the file", "文件 SHA-256")), digest))
    again = Said(
        "The same file, version, keys and registry give the same result:",
        "相同的文件、版本、密钥与登记库得出相同的结果：",
    )
    return rows(pairs) + f"<p>{both(again)} <code>unforge trace read PHOTO --json</code></p>"


def _foot() -> str:
    said = Said(
        "Made offline; nothing was sent anywhere. It names a machine and perhaps a person: pass it on with care.",
        "本报告离线生成，未向任何地方发送数据。报告涉及机器，也可能涉及个人，请谨慎传播。",
    )
    return f"<footer><p>{both(said)}</p></footer>"
