"""What others found out, handed in as one more check."""

from unforge.evidence import Evidence, abstention
from unforge.report import Report

SOURCE = "examination"


def of_report(report: Report) -> tuple[Evidence, ...]:
    """The verdict of a report as one answer: its band and its number, with the places of the evidence behind it.

    Nothing for a file that could not be read: the gateway finds that out by itself.
    """
    verdict = report.verdict
    if verdict is None:
        return ()
    en, zh = (report.explanation.get(language, ("",))[0] for language in ("en", "zh"))
    if verdict.llr is None:
        return (abstention(verdict.question, SOURCE, en, {"note_zh": zh}),)
    regions = tuple(
        region
        for answer in report.evidence
        if answer.question == verdict.question and not answer.abstained
        for region in answer.regions
        if region.llr > 0.0
    )
    facts: dict[str, float | str] = {"band": verdict.band, "note_zh": zh}
    return (Evidence(verdict.question, SOURCE, verdict.llr, en, regions, facts),)
