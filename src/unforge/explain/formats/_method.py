"""How a report came about: hashes, versions, networks, and how words are bound to numbers."""

from collections.abc import Callable

from unforge.explain.formats._markup import both, quoted, rows, section, visible
from unforge.explain.vocabulary import STRENGTHS, Said, times
from unforge.report import SCHEMA, Report


def method(report: Report) -> str:
    """Everything needed to check the report or make it again."""
    run = report.run
    pairs = [
        (both(Said("examined", "检验时间")), f"{quoted(run.started)} <small>({run.elapsed_s:.1f} s)</small>"),
        (both(Said("software", "软件")), quoted(f"unforge {run.version}")),
        (both(Said("schema", "格式")), quoted(SCHEMA)),
    ]
    if report.exhibit.sha256:
        pairs.insert(
            0,
            (
                both(Said("SHA-256 of the file", "文件 SHA-256")),
                f"<code>{visible(report.exhibit.sha256)}</code>",
            ),
        )
    if report.verdict is not None:
        pairs.append(
            (
                both(Said("question, prior", "问题与先验")),
                visible(f"{report.verdict.question}, {report.verdict.prior:g}"),
            )
        )
    pairs += [
        (f"{both(Said('network', '网络'))} {quoted(model.name)}", f"<code>{visible(model.sha256)}</code>")
        for model in run.models
    ]
    again = both(
        Said("The same file, version and prior give the same result:", "相同的文件、版本与先验得出相同的结果：")
    )
    prior = f" --prior {report.verdict.prior:g}" if report.verdict is not None else ""
    command = f"<p>{again} <code>unforge examine FILE{prior} --json</code></p>"
    scale = _strength_table() if report.verdict is not None else ""
    return section(Said("Method", "方法"), rows(pairs) + command + scale, "method")


def _strength_table() -> str:
    """How strength in words is bound to numbers."""
    told = Said(
        "LLR is the natural logarithm of a likelihood ratio: how many times likelier the measurement is with "
        "manipulated faces than with untouched ones. Words for it, in either direction:",
        "LLR（对数似然比）是似然比的自然对数：测得的结果在伪造人脸中出现的可能性是未改动人脸的多少倍。"
        "对应的用语（两个方向相同）：",
    )
    ends = [*(level.llr for level in STRENGTHS[1:]), None]
    cells = "".join(
        f"<tr><td>{both(Said(level.en, level.zh))}</td><td>{_range(level.llr, end, '{:.1f}'.format)}</td>"
        f"<td>{_range(level.llr, end, times)}</td></tr>"
        for level, end in zip(STRENGTHS, ends, strict=True)
    )
    head = "".join(
        f"<th scope=col>{both(said)}</th>"
        for said in (
            Said("support", "支持程度"),
            Said("LLR", "对数似然比"),
            Said("times likelier", "可能性倍数"),
        )
    )
    return f"<p>{both(told)}</p><table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>"


def _range(low: float, high: float | None, shown: Callable[[float], str]) -> str:
    return f"≥ {shown(low)}" if high is None else f"{shown(low)} – {shown(high)}"


def foot(report: Report) -> str:
    """What holds for the file as a whole, at its end."""
    said = Said(
        "Made offline; nothing was sent anywhere. This report holds for the file with the SHA-256 above "
        "and for no "
        "other. Pictures of faces in it are personal data: pass it on with care.",
        "本报告离线生成，未向任何地方发送数据。仅适用于具有上述 SHA-256 的文件。"
        "报告中的人脸图片属于个人信息，请谨慎传播。",
    )
    return f"<footer><p>{both(said)}</p></footer>" if report.exhibit.sha256 else ""
