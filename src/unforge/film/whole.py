"""From the parts of a film to what is said of it: one answer per examiner, the most telling faces, the loudest span."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from unforge import detect
from unforge.evidence import Evidence, Region, abstention
from unforge.explain.findings import MOST
from unforge.explain.vocabulary import clock
from unforge.explain.words import note_zh
from unforge.film.parts import PIECE_S, Part, Parts
from unforge.film.pooled import SPAN_S, Answer, from_answer, of_film, overlap_s, strictest
from unforge.film.suspicion import Suspicion
from unforge.report import Face
from unforge.seen import QUESTION, Seen, verdict_of
from unforge.verdict import Band, Verdict

MOST_FACES = 30
FEW_LOOKS = 3  # a face with fewer was seen briefly


@dataclass(frozen=True, slots=True)
class Span:
    """A span looked at closely, the band that it would get by itself, and who in it says most.

    llr: of that person, or of everything together where that is more; track: None in that case.
    """

    start_s: float
    end_s: float
    band: Band
    llr: float
    track: int | None


@dataclass(frozen=True, slots=True)
class Film:
    """What was seen in a long film.

    loudest: the most suspicious span, None where nobody could judge. spans: how many show a face that was judged;
    closely: how many were looked at closely. threshold_fpr: how often one is flagged wrongly, None where that is not
    known. appearances: of faces, of which `seen` holds the most telling. unread_s: where the parts begin that could not
    be decoded. end_s: where the examination ended, None where the film did.
    """

    seen: Seen
    loudest: Span | None
    spans: int
    closely: int
    threshold_fpr: float | None
    appearances: int
    unread_s: tuple[float, ...] = ()
    end_s: float | None = None

    @property
    def false_alarms(self) -> float | None:
        """How many of its spans would be flagged wrongly if nothing was forged."""
        return None if self.threshold_fpr is None else self.spans * self.threshold_fpr


def examined(parts: Parts) -> Film:
    """Scan, look closer, pool. Raises MediaError where the film cannot be read."""
    pieces = parts.pieces()
    answers = {
        one.name: [piece.seen.evidence[n] for piece in pieces if piece.seen.evidence]
        for n, one in enumerate(parts.scanning)
    }
    quick = Suspicion(answers, [face for piece in pieces for face in piece.seen.faces])
    spans = parts.spans(quick.closer() or [0.0], pieces[-1].tracks)
    film = _film(parts, pieces, quick, spans)
    parts.unfinished.discard()
    return film


def at_least_inconclusive(verdict: Verdict, film: Film) -> Verdict:
    """A span that is flagged by itself keeps a film from being called free of evidence, however long that is."""
    flagged = film.loudest is not None and film.loudest.band == "manipulated"
    return replace(verdict, band="inconclusive") if flagged and verdict.band == "no_evidence" else verdict


def _film(parts: Parts, pieces: Sequence[Part], quick: Suspicion, spans: Sequence[Part]) -> Film:
    faces = _faces(pieces, spans)
    shown = _most_telling(faces)
    loudest = _loudest(spans)
    evidence = _evidence(parts, quick, spans, {face.track for face in shown})
    evidence = tuple(_with_loudest(answer, loudest) for answer in evidence)
    findings = sorted((one for span in spans for one in span.seen.findings), key=lambda one: (-one.llr, one.time_s))
    rates = [float(one.facts["threshold_fpr"]) for one in evidence if "threshold_fpr" in one.facts]
    return Film(
        seen=Seen(evidence, shown, tuple(findings[:MOST])),
        loudest=loudest,
        spans=max(len(quick.judged()), len(spans)),
        closely=len(spans),
        threshold_fpr=max(rates, default=None),
        appearances=len(faces),
        unread_s=tuple(parts.unread_s),
        end_s=None if pieces[-1].next_s is None else pieces[-1].start_s + PIECE_S,
    )


def _loudest(spans: Sequence[Part]) -> Span | None:
    """The span that is flagged by itself, or whose most suspicious person is the most suspicious of all.

    Of equally loud ones the first: they were chosen in the order of suspicion.
    """
    judged = [judgement for span in spans if (judgement := _judged(span)) is not None]
    return max(judged, key=lambda span: (span.band == "manipulated", span.llr), default=None)


def _judged(part: Part) -> Span | None:
    """A span by itself. Somebody who is seen for a moment must not hide what is said of the one who is seen throughout:
    the loudest person counts, or all people and the sound together where they say more.
    """
    verdict = verdict_of(part.seen.evidence, 0.5)
    if verdict.llr is None:
        return None
    people = [face for face in part.seen.faces if face.llr is not None and len(face.frames) >= FEW_LOOKS]
    person = max(people, key=lambda face: face.llr or 0.0, default=None)
    end_s, together = part.start_s + SPAN_S, verdict.llr
    if person is None or person.llr is None or person.llr < together:
        return Span(part.start_s, end_s, verdict.band, together, None)
    return Span(part.start_s, end_s, verdict.band, person.llr, person.track)


def _with_loudest(answer: Evidence, loudest: Span | None) -> Evidence:
    """The span in which all together say most, told by everybody: programs read facts, not sentences."""
    if loudest is None or answer.abstained:
        return answer
    span = {"film_span_start_s": loudest.start_s, "film_span_end_s": loudest.end_s, "film_span_band": loudest.band}
    return replace(answer, facts={**answer.facts, **span})


def _faces(pieces: Sequence[Part], spans: Sequence[Part]) -> list[Face]:
    """Every appearance of a face; of the quick looks only those that were not all looked at closely."""

    def closely(time_s: float) -> bool:
        return any(span.start_s <= time_s < span.start_s + SPAN_S for span in spans)

    quick = [face for piece in pieces for face in piece.seen.faces]
    left = [face for face in quick if not all(closely(frame.time_s) for frame in face.frames)]
    return [*left, *(face for span in spans for face in span.seen.faces)]


def _most_telling(faces: Sequence[Face]) -> tuple[Face, ...]:
    """The loudest faces, in order of appearance; brief ones only where there are no others: they are easily wrong."""
    longer = [face for face in faces if len(face.frames) >= FEW_LOOKS] or faces
    loudest = sorted(longer, key=lambda face: (face.llr is None, -(face.llr or 0.0), -len(face.frames), face.track))
    return tuple(sorted(loudest[:MOST_FACES], key=lambda face: (face.start_s, face.track)))


def _evidence(parts: Parts, quick: Suspicion, spans: Sequence[Part], tracks: set[int]) -> tuple[Evidence, ...]:
    """One answer per examiner, in the order in which they were asked."""
    position = {one.name: n for n, one in enumerate(parts.looking)}
    answers = []
    for one in parts.examiners:
        if one.name in detect.OF_FILES:
            answers.append(one.examine(parts.exhibit))
        else:
            closely = {span.start_s: span.seen.evidence[position[one.name]] for span in spans}
            answers.append(_answer(one.name, closely, quick, tracks))
    return tuple(answers)


def _answer(name: str, closely: Mapping[float, Evidence], quick: Suspicion, tracks: set[int]) -> Evidence:
    """What an examiner says of the film. Spans of which it said nothing count as saying nothing either way."""
    near = [said for start_s, answer in closely.items() if (said := from_answer(answer, start_s)) is not None]
    far = {start_s: quick.of(name, start_s) for start_s in quick.judged()}
    spoken = [*(closely[said.start_s] for said in near), *quick.answers.get(name, ())]
    if not spoken:
        return _silent(name, list(closely.values()))
    film = of_film([said or Answer(start_s, 0.0, 0.0, 0.0) for start_s, said in far.items()], near)
    seen = [said for said in far.values() if said is not None]
    loudest = max(near or seen, key=lambda said: said.llr)
    told = closely[loudest.start_s] if near else spoken[0]
    facts = dict(told.facts) | strictest(spoken) | {"llr_low": film.low, "llr_high": film.high}
    facts |= {"spans": float(len(far)), "spans_closely": float(len(near)), "span_llr": loudest.llr}
    facts |= {"span_start_s": loudest.start_s, "span_end_s": loudest.end_s}
    note, facts["note_zh"] = _note(told if near else None, loudest, _louder(seen, loudest, near))
    shown = {*tracks, None}
    regions = [*_timeline(seen), *(region for one in spoken for region in one.regions if region.track in shown)]
    return Evidence(told.question, told.source, film.llr, note, tuple(regions), facts, curves=told.curves)


def _louder(quick: Iterable[Answer], loudest: Answer, near: Sequence[Answer]) -> Answer | None:
    """The loudest of the quick looks that nobody followed up, if it says more than the loudest span."""
    alone = [one for one in quick if one.llr > loudest.llr and not any(overlap_s(one, other) for other in near)]
    return max(alone, key=lambda one: one.llr, default=None)


def _silent(name: str, answers: Sequence[Evidence]) -> Evidence:
    """The abstention of an examiner who could judge no span: with the reason that it gave for the first one."""
    if answers:
        return answers[0]
    zh = "没有任何片段可以解码后仔细观察。"
    return abstention(QUESTION, name, "No span of the film could be decoded for a closer look.", {"note_zh": zh})


def _timeline(said: Iterable[Answer]) -> list[Region]:
    """What the quick looks say along the film, for everybody together."""
    return [Region(one.start_s, one.end_s, one.llr) for one in said]


def _note(answer: Evidence | None, loudest: Answer, louder: Answer | None) -> tuple[str, str]:
    """Where the examiner says most, what it says of that span, and whether single looks elsewhere say more."""
    when = _when(loudest)
    if answer is None:
        return f"By single looks only; they say most at {when}.", f"仅有单帧观察；最可疑处为 {when}。"
    more = more_zh = ""
    if louder is not None:
        more = f" Single looks say more at {_when(louder)}, which was not looked at closely."
        more_zh = f"单帧观察在 {_when(louder)} 更可疑，但该处未经仔细观察。"
    return f"Loudest at {when}: {answer.note}{more}", f"最强于 {when}：{note_zh(answer)}{more_zh}"


def _when(said: Answer) -> str:
    return f"{clock(said.start_s)}–{clock(said.end_s)}"
