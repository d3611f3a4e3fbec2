"""The spine: exhibit -> evidence -> verdict -> report."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from unforge import __version__, detect, film, weights
from unforge.errors import MediaError, UsageError
from unforge.examiner import Examiner
from unforge.exhibit import RATE_HZ, Exhibit
from unforge.explain import misled, words
from unforge.explain.findings import MOST_TESTED
from unforge.explain.words import Sentences
from unforge.film.words import explained, limited
from unforge.report import ErrorFacts, ExhibitFacts, Model, Report, Run
from unforge.seen import QUESTION as QUESTION
from unforge.seen import OnProgress, Seen, look, verdict_of
from unforge.verdict import Verdict, weigh

FACE_MODELS = ("face_detection_full_range", "face_detection_short_range", "face_landmark")

Profile = Literal["fast", "full"]


class _Effort(NamedTuple):
    """What a profile spends on a file: looks per second, and findings whose mark is tested."""

    rate_hz: float
    most_tested: int


EFFORTS: dict[Profile, _Effort] = {"fast": _Effort(RATE_HZ / 2.0, 0), "full": _Effort(RATE_HZ, MOST_TESTED)}


def examine(
    path: str | Path,
    *,
    examiners: Sequence[str] | None = None,
    prior: float = 0.5,
    profile: Profile = "full",
    state: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Examine one picture or video and report.

    examiners: names as `detect.available()` lists them; by default those of the profile. prior: probability of
    manipulation before looking. profile: "fast" looks half as often and asks `detect.FAST` only.
    state: the folder in which the finished parts of a long film are kept until it is done, so that the same call goes
    on after a stop; by default the user's cache. on_progress: is told what is being done and the share of the whole
    work, in [0, 1] and never less than before; `film.GOING_ON` where a stopped examination goes on.
    A file that cannot be read gives a report with `error`. Raises UnknownName and UsageError for wrong settings, and
    OutputError where a state folder was named and cannot be written to.
    """
    chosen = [detect.load(name) for name in (_of_profile(profile) if examiners is None else examiners)]
    weigh((), QUESTION, prior)  # a wrong prior is told before the work
    started, clock = datetime.now(UTC), time.monotonic()
    exhibit = Exhibit(path, rate_hz=EFFORTS[profile].rate_hz)

    def run() -> Run:
        return Run(
            __version__,
            tuple(Model(name, sha256) for name, sha256 in _models(chosen).items()),
            started.isoformat(timespec="seconds"),
            round(time.monotonic() - clock, 3),
        )

    try:
        return _report(exhibit, chosen, prior, profile, state, _rising(on_progress), run)
    except MediaError as error:
        return Report(ExhibitFacts(str(path)), run(), error=ErrorFacts(error.code, error.message))


def _of_profile(profile: Profile) -> tuple[str, ...]:
    if profile not in EFFORTS:
        raise UsageError(f"profile: expected one of {', '.join(EFFORTS)}; got {profile!r}")
    names = detect.available()
    return names if profile == "full" else tuple(name for name in names if name in detect.FAST)


def _report(
    exhibit: Exhibit,
    examiners: Sequence[Examiner],
    prior: float,
    profile: Profile,
    state: Path | None,
    on_progress: OnProgress,
    run: Callable[[], Run],
) -> Report:
    facts = _facts(exhibit)
    most_tested, whole = EFFORTS[profile].most_tested, None
    if exhibit.is_long:
        key = [__version__, facts.sha256, [one.name for one in examiners], _models(examiners), prior, profile]
        kept = film.Unfinished(state or film.default_folder(), key, demanded=state is not None)
        rate_hz = EFFORTS[profile].rate_hz
        whole = film.examined(film.Parts(exhibit, examiners, prior, kept, on_progress, rate_hz, most_tested))
    seen = whole.seen if whole else look(exhibit, examiners, prior, on_progress, most_tested=most_tested)
    verdict = verdict_of(seen.evidence, prior)
    verdict = film.at_least_inconclusive(verdict, whole) if whole else verdict
    verdict = misled.at_most_inconclusive(verdict, seen.evidence)
    on_progress("report", 1.0)
    return Report(
        exhibit=facts,
        run=run(),
        verdict=verdict,
        evidence=seen.evidence,
        faces=seen.faces,
        findings=seen.findings,
        explanation=_explanation(facts, verdict, seen, whole),
        limits=_limits(facts, verdict, seen, whole),
    )


def _explanation(facts: ExhibitFacts, verdict: Verdict, seen: Seen, whole: film.Film | None) -> Sentences:
    said = words.explain(facts, verdict, seen.evidence, seen.faces, seen.findings)
    more = explained(whole) if whole else []
    return {  # where a film is most suspicious comes right after its verdict
        "en": (*said["en"][:1], *(one.en for one in more), *said["en"][1:]),
        "zh": (*said["zh"][:1], *(one.zh for one in more), *said["zh"][1:]),
    }


def _limits(facts: ExhibitFacts, verdict: Verdict, seen: Seen, whole: film.Film | None) -> Sentences:
    said = words.limits(facts, verdict, seen.evidence, seen.faces)
    more = limited(whole) if whole else []
    return {"en": (*said["en"], *(one.en for one in more)), "zh": (*said["zh"], *(one.zh for one in more))}


def _models(examiners: Sequence[Examiner]) -> dict[str, str]:
    """SHA-256 of every network that takes part, by its card."""
    names = (*FACE_MODELS, *(model for examiner in examiners for model in examiner.models))
    return {name: weights.card(name).sha256 for name in names}


def _rising(on_progress: OnProgress | None) -> OnProgress:
    """Tells shares of the work that stay in [0, 1] and never fall: a film may be longer than it claims."""
    highest = 0.0

    def tell(what: str, share: float) -> None:
        nonlocal highest
        highest = max(highest, min(share, 1.0))
        if on_progress is not None:
            on_progress(what, highest)

    return tell


def _facts(exhibit: Exhibit) -> ExhibitFacts:
    facts = exhibit.facts
    return ExhibitFacts(
        path=str(exhibit.path),
        sha256=facts.sha256,
        bytes=facts.bytes,
        media=facts.kind,
        duration_s=facts.duration_s,
        size_wh=facts.size_wh,
        rate_hz=facts.rate_hz,
        has_sound=facts.has_sound,
    )
