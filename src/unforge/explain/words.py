"""A verdict in sentences, from templates: every sentence is backed by a field of the report.

Strength in words is bound to llr ranges in one table (see vocabulary.py), and a probability never stands
without its prior.
"""

from collections.abc import Iterable, Mapping, Sequence

from unforge.evidence import Evidence
from unforge.explain import finding_words, locate, misled
from unforge.explain.roles import of_role
from unforge.explain.vocabulary import (
    BANDS,
    LANES,
    MEANING,
    NOT_MEANING,
    STRENGTHS,
    Said,
    clock,
    face_name,
    joined,
    lane,
    percent,
    strength,
    times,
)
from unforge.report import ExhibitFacts, Face, Finding
from unforge.verdict import Verdict, posterior

Sentences = dict[str, tuple[str, ...]]  # by language: "en", "zh"

SMALL_PX = 64.0  # a face whose shorter side is smaller has lost the detail that seams show in
BLURRED = 5.0  # standard deviation of the Laplacian at 112 px; see faces/quality.py
BLOCKY = 1.5  # step across 8-px block borders over the step elsewhere; 1.0 shows no grid
FEW_FRAMES = 8
SHORT_S = 2.0
SPARSE_BITS_PER_PX = 0.04  # video below this has been compressed so hard that fine traces are gone
SPARSE_BITS_PER_PX_IMAGE = 0.5
THROUGHOUT = 0.8  # a suspicious span that fills so much of a face's time is no span of its own
MOST_FACES = 5  # sentences about more people than this help nobody; the report lists them all
RARE = 0.01  # the second prior at which a probability is told: one manipulated file in a hundred


def explain(
    exhibit: ExhibitFacts,
    verdict: Verdict,
    evidence: Sequence[Evidence],
    faces: Sequence[Face],
    findings: Sequence[Finding] = (),
) -> Sentences:
    """Why the verdict is what it is: the strongest reason first, then what it means and does not mean."""
    said = [
        *_headline(verdict, evidence),
        *misled.explained(evidence),
        *_voices(evidence),
        *_faces(exhibit, of_role(evidence, "counted"), faces, findings),
        *_many_faces(verdict, faces),
        *_findings(exhibit, findings),
        *_probability(verdict),
        *_error_rates(*_measured_rates(verdict, evidence)),
        *could_not_judge(exhibit.media, evidence),
        *_not_judged(faces),
        MEANING[verdict.band],
        NOT_MEANING[verdict.band],
    ]
    return _by_language(said)


def limits(
    exhibit: ExhibitFacts,
    verdict: Verdict,
    evidence: Sequence[Evidence],
    faces: Sequence[Face],
) -> Sentences:
    """What could not be seen in this exhibit and how often such a verdict errs."""
    rates, whose = _measured_rates(verdict, evidence)
    said = [
        *_wrong_alarms(rates, whose),
        *misled.limited(evidence),
        Said(
            "Out of reach: pictures synthesised as a whole. The examiners look for faces changed inside a picture.",
            "能力之外：整幅画面均由人工智能生成的内容。检测器寻找的是画面之内被改动的人脸。",
        ),
        _mouth(evidence),
        *_sound(exhibit, evidence),
        *_quality(exhibit, evidence, faces),
        *_duration(exhibit, faces),
        *_cap(rates, whose),
        Said(
            "The error rates come from one calibration set; other cameras, apps and manipulations may behave "
            "differently.",
            "错误率来自一个校准数据集；其他相机、应用和伪造方法的表现可能不同。",
        ),
    ]
    return _by_language(said)


def _measured_rates(verdict: Verdict, evidence: Sequence[Evidence]) -> tuple[Mapping[str, float], Said | None]:
    """The error rates of all examiners together, or of the loudest one and then whose they are."""
    return (verdict.rates, None) if verdict.rates else (calibration(evidence), _by_itself(evidence))


def calibration(evidence: Iterable[Evidence]) -> Mapping[str, float]:
    """The error rates behind the loudest examiner that counted; empty where none tells them."""
    keys = ("threshold_fpr", "calibration_reals", "calibration_fakes", "max_abs_llr")
    counted = of_role(evidence, "counted")
    return {key: float(counted[0].facts[key]) for key in keys if key in counted[0].facts} if counted else {}


def _by_language(said: Iterable[Said]) -> Sentences:
    sentences = list(said)
    return {"en": tuple(s.en for s in sentences), "zh": tuple(s.zh for s in sentences)}


def _headline(verdict: Verdict, evidence: Sequence[Evidence]) -> Iterable[Said]:
    en, zh = BANDS[verdict.band]
    if verdict.llr is None:
        yield Said(f"{en}.", f"{zh}。")
        return
    yield Said(f"{en}: {_ratio(verdict.llr).en}.", f"{zh}：{_ratio(verdict.llr).zh}。")
    if verdict.band == "inconclusive" and not misled.is_misled(evidence):
        yield from _undecided(verdict, verdict.llr, evidence)


def _undecided(verdict: Verdict, llr: float, evidence: Sequence[Evidence]) -> Iterable[Said]:
    if verdict.llr_manipulated is None or verdict.llr_no_evidence is None:
        yield Said(
            "No calibrated threshold is known for these examiners, so nothing may be concluded.",
            "这些检测器没有经过校准的阈值，因此不能下结论。",
        )
    elif verdict.llr_no_evidence < llr < verdict.llr_manipulated:
        yield Said(
            "That lies between the two thresholds from which on the examiners may speak up.",
            "该结果处于两个判定阈值之间，不足以下结论。",
        )
    elif llr >= verdict.llr_manipulated:
        alone = joined([lane(answer.source).name for answer in of_role(evidence, "counted") if answer.llr > 0.0])
        yield Said(
            f"That is beyond the threshold of “{BANDS['manipulated'].en}”, but what speaks for it ({alone.en}) may not "
            "decide alone.",
            f"该结果超过了“{BANDS['manipulated'].zh}”的阈值，但支持它的只有{alone.zh}，不能单独据此下结论。",
        )


def _voices(evidence: Sequence[Evidence]) -> Iterable[Said]:
    """Who carries the verdict, the strongest first; of one examiner alone the headline has told."""
    counted = of_role(evidence, "counted")
    if len(counted) > 1:
        told = joined([_voice(answer) for answer in counted])
        yield Said(f"Strongest first: {told.en}.", f"由强到弱：{told.zh}。")
    shown = [lane(answer.source).name for answer in of_role(evidence, "shown")]
    if shown:
        names = joined(shown)
        yield Said(f"Shown for information, not counted: {names.en}.", f"仅供参考、不计入结论：{names.zh}。")


def _voice(answer: Evidence) -> Said:
    name, how = lane(answer.source).name, strength(answer.llr)
    return Said(f"{name.en} ({how.en})", f"{name.zh}（{how.zh}）")


def _ratio(llr: float) -> Said:
    """A likelihood ratio in words, to two significant digits."""
    if abs(llr) < STRENGTHS[1].llr:
        return Said(
            "what was measured is about as likely with manipulated faces as with untouched ones",
            "测得的结果在伪造的人脸与未改动的人脸中出现的可能性相近",
        )
    ratio = times(abs(llr))
    if llr > 0:
        return Said(
            f"what was measured is {ratio} times likelier with manipulated faces than with untouched ones",
            f"测得的结果在伪造的人脸中出现的可能性是在未改动的人脸中的 {ratio} 倍",
        )
    return Said(
        f"what was measured is {ratio} times likelier with untouched faces than with manipulated ones",
        f"测得的结果在未改动的人脸中出现的可能性是在伪造的人脸中的 {ratio} 倍",
    )


def _probability(verdict: Verdict) -> Iterable[Said]:
    if verdict.llr is None or verdict.probability is None:
        return
    prior, value = percent(verdict.prior), percent(verdict.probability)
    other = RARE if verdict.prior > 2 * RARE else 0.5
    elsewhere = percent(posterior(verdict.llr, other))
    low_high = tuple(percent(end) for end in verdict.interval or ())
    spread_en = f" (95% interval {low_high[0]} to {low_high[1]})" if low_high else ""
    spread_zh = f"（95% 区间 {low_high[0]} 至 {low_high[1]}）" if low_high else ""
    yield Said(
        f"Probability of manipulation: {value}{spread_en} at a prior of {prior}, the probability assumed "
        f"before looking; the same evidence at a prior of {percent(other)} gives {elsewhere}.",
        f"伪造的概率：{value}{spread_zh}，前提是先验概率（检验之前假定的概率）为 {prior}；"
        f"若先验概率为 {percent(other)}，同样的证据得出 {elsewhere}。",
    )


def _by_itself(evidence: Sequence[Evidence]) -> Said | None:
    """Whose error rates are told, where several examiners counted: those of the loudest one."""
    counted = of_role(evidence, "counted")
    return lane(counted[0].source).name if len(counted) > 1 else None


def _error_rates(rates: Mapping[str, float], whose: Said | None) -> Iterable[Said]:
    if "threshold_fpr" not in rates:
        return
    en, zh = _measured_on(rates)
    share = percent(rates["threshold_fpr"])
    of_en, of_zh = (f" of {whose.en} by itself", f"（仅就{whose.zh}而言）") if whose else ("", "")
    yield Said(
        f"False-positive rate{of_en}: at the threshold of “{BANDS['manipulated'].en}”, {share} of untouched files "
        f"are flagged wrongly{en}.",
        f"误报率{of_zh}：在“{BANDS['manipulated'].zh}”的阈值上，{share} 的未改动文件会被误判{zh}。",
    )


def _measured_on(rates: Mapping[str, float]) -> Said:
    sets_en, sets_zh = [], []
    for key, word in (
        ("calibration_reals", Said("untouched", "未改动")),
        ("calibration_fakes", Said("manipulated", "伪造")),
    ):
        if key in rates:
            sets_en.append(f"{rates[key]:,.0f} {word.en}")
            sets_zh.append(f"{rates[key]:,.0f} 个{word.zh}样本")
    if not sets_en:
        return Said("", "")
    return Said(f", as measured on {' and '.join(sets_en)} samples", f"（在 {'和 '.join(sets_zh)}上测得）")


def _faces(
    exhibit: ExhibitFacts, evidence: Sequence[Evidence], faces: Sequence[Face], findings: Sequence[Finding]
) -> Iterable[Said]:
    if not faces:
        yield Said(
            "No face was found: examiners of faces have nothing to judge.", "未发现人脸：判断人脸的检测器无从判断。"
        )
    judged = sorted((face for face in faces if face.llr is not None), key=lambda f: (-(f.llr or 0.0), f.track))
    for face in judged[:MOST_FACES]:
        yield _face(exhibit, evidence, face, face_part(findings, face.track))
    if len(judged) > MOST_FACES:
        rest = len(judged) - MOST_FACES
        yield Said(
            f"{rest} more faces with less support are listed further down.",
            f"另有 {rest} 张人脸支持程度更低，列于下文。",
        )


def _many_faces(verdict: Verdict, faces: Sequence[Face]) -> Iterable[Said]:
    loudest = max((face.llr for face in faces if face.llr is not None), default=None)
    if loudest is not None and verdict.llr is not None and len(faces) > 1 and verdict.llr < loudest - 0.05:
        yield Said(
            "The file as a whole gets less support than its loudest face: more faces are more chances of a "
            "false alarm.",
            "文件整体的支持程度低于其中最可疑的人脸：人脸越多，误报的机会越多。",
        )


def _face(exhibit: ExhibitFacts, evidence: Sequence[Evidence], face: Face, where: Said | None) -> Said:
    name, how = face_name(face.track), strength(face.llr or 0.0)
    when = locate.span_s(locate.of_track(evidence, face.track)) if exhibit.media == "video" else None
    seen_en = seen_zh = ""
    if exhibit.media == "video":
        seen_en = f" (seen {_span(face.start_s, face.end_s).en})"
        seen_zh = f"（出现于 {_span(face.start_s, face.end_s).zh}）"
    places = [_when(when, face)] if when and (face.llr or 0.0) > 0 else []
    places += [Said(f"on {where.en}", where.zh)] if where else []
    en = f"; strongest {', '.join(place.en for place in places)}" if places else ""
    zh = f"；最强处：{'，'.join(place.zh for place in places)}" if places else ""
    return Said(f"{name.en}{seen_en}: {how.en}{en}.", f"{name.zh}{seen_zh}：{how.zh}{zh}。")


def _when(span_s: tuple[float, float], face: Face) -> Said:
    """The seconds in which a face is most suspicious, or all of them."""
    start_s, end_s = span_s
    if end_s - start_s >= THROUGHOUT * (face.end_s - face.start_s):
        return Said("throughout", "全程")
    return _span(start_s, end_s)


def face_part(findings: Sequence[Finding], track: int) -> Said | None:
    """The place that stands for what is marked on a face, in its loudest look; None where nothing was found there."""
    loudest = next((finding for finding in findings if finding.track == track), None)
    return None if loudest is None else finding_words.main_part(loudest)


def _findings(exhibit: ExhibitFacts, findings: Sequence[Finding]) -> Iterable[Said]:
    """The loudest finding of each person in full, then when the others were."""
    is_film, told = exhibit.media == "video", set()
    for finding in findings:
        if finding.track not in told:
            told.add(finding.track)
            yield from finding_words.sentences(finding, is_film)
    if is_film and len(findings) > len(told):
        times = [finding_words.name(finding, is_film) for finding in findings]
        yield Said(
            f"Most telling looks: {joined(times).en}.",
            f"最能说明问题的画面：{joined(times).zh}。",
        )


def _span(start_s: float, end_s: float) -> Said:
    if clock(start_s) == clock(end_s):
        return Said(f"at {clock(start_s)}", clock(start_s))
    return Said(f"{clock(start_s)}–{clock(end_s)}", f"{clock(start_s)}–{clock(end_s)}")


def could_not_judge(media: str | None, evidence: Sequence[Evidence]) -> Iterable[Said]:
    """Who abstained and why, in one sentence."""
    reasons: dict[Said, list[Said]] = {}
    for answer in unable(media, evidence):
        reasons.setdefault(_reason(answer), []).append(lane(answer.source).name)
    if reasons:
        told = [(joined(names), why) for why, names in reasons.items()]
        yield Said(
            f"Could not judge: {'; '.join(f'{names.en} ({why.en})' for names, why in told)}.",
            f"无法判断：{'；'.join(f'{names.zh}（{why.zh}）' for names, why in told)}。",
        )


def unable(media: str | None, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The abstentions that readers should know of; of a still, who needs a film goes without saying."""
    abstained = of_role(evidence, "abstained")
    return [answer for answer in abstained if media != "image" or not lane(answer.source).of_films]


def _reason(answer: Evidence) -> Said:
    """The note of an abstention for the middle of a sentence; names and abbreviations keep their capitals."""
    note = answer.note.removesuffix(".")
    en = note[:1].lower() + note[1:] if note[1:2].islower() or note.startswith("A ") else note
    return Said(en, note_zh(answer).removesuffix("。"))


def _not_judged(faces: Sequence[Face]) -> Iterable[Said]:
    unjudged = [face_name(face.track) for face in faces if face.llr is None]
    if unjudged and len(unjudged) < len(faces):
        names = joined(unjudged)
        yield Said(f"Not judged: {names.en}.", f"未作判断：{names.zh}。")


def note_zh(answer: Evidence) -> str:
    """The note in Chinese, which an examiner may bring along as the fact `note_zh`; else as it is."""
    return str(answer.facts.get("note_zh", answer.note))


def _wrong_alarms(rates: Mapping[str, float], whose: Said | None) -> Iterable[Said]:
    if "threshold_fpr" not in rates:
        yield Said("How often such a verdict errs is not known for these examiners.", "这些检测器的错误率未知。")
        return
    wrong = 1000 * rates["threshold_fpr"]
    of_thousand = f"{wrong:.0f}" if wrong >= 1 else f"{wrong:.1g}"
    if whose:
        yield Said(
            f"Of 1,000 untouched files {whose.en} would by itself flag about {of_thousand} wrongly.",
            f"每 1,000 个未改动的文件中，{whose.zh}单独会误判约 {of_thousand} 个。",
        )
        return
    yield Said(
        f"Of 1,000 untouched files about {of_thousand} get the verdict “{BANDS['manipulated'].en}” wrongly.",
        f"每 1,000 个未改动的文件中，约有 {of_thousand} 个会被误判为“{BANDS['manipulated'].zh}”。",
    )


def _asked(evidence: Sequence[Evidence], name: str) -> Evidence | None:
    """The answer of the plug-in of that name; None where it was not asked."""
    return next((answer for answer in evidence if lane(answer.source) is LANES[name]), None)


def _mouth(evidence: Sequence[Evidence]) -> Said:
    lips = _asked(evidence, "lipsync")
    if lips is not None and not lips.abstained:
        return Said(
            "Mostly out of reach: edits of the mouth alone (lip-sync). Lips and voice were compared, but good "
            "forgeries make them fit.",
            "大多在能力之外：只改动嘴部（对口型）的伪造。已比较唇形与语音，但好的伪造会使二者吻合。",
        )
    return Said(
        "Out of reach: edits of the mouth alone (lip-sync) mostly leave too little to be found.",
        "能力之外：只改动嘴部（对口型）的伪造，留下的痕迹大多太少，难以发现。",
    )


def _sound(exhibit: ExhibitFacts, evidence: Sequence[Evidence]) -> Iterable[Said]:
    if exhibit.media != "video":
        return
    lips = _asked(evidence, "lipsync")
    if not exhibit.has_sound:
        yield Said("The file has no sound that could be examined.", "文件没有可供检验的声音。")
    elif lips is None:
        yield Said("The sound was not examined.", "未检验声音。")
    elif not lips.abstained:
        yield Said(
            "Of the sound only its fit to the lips was examined: an artificial voice is out of reach.",
            "声音方面只检验了它与唇形是否吻合：人工合成的语音在能力之外。",
        )


def _quality(exhibit: ExhibitFacts, evidence: Sequence[Evidence], faces: Sequence[Face]) -> Iterable[Said]:
    small = [(face.track, size) for face in faces if (size := _side_px(face)) is not None and size < SMALL_PX]
    for track, size in small[:MOST_FACES]:
        name = face_name(track)
        yield Said(
            f"{name.en} is only about {size:.0f} px across: traces may be lost (from {SMALL_PX:.0f} px on "
            "they are judged with more confidence).",
            f"{name.zh} 仅约 {size:.0f} 像素宽：痕迹可能已丢失（{SMALL_PX:.0f} 像素以上的判断更可靠）。",
        )
    if _fact(evidence, "sharpness", BLURRED) < BLURRED:
        yield Said("The faces are blurred: traces may be lost.", "人脸模糊：痕迹可能已丢失。")
    if _fact(evidence, "blockiness", 1.0) > BLOCKY or _is_sparse(exhibit):
        yield Said(
            "The file is heavily compressed: traces may be lost, and compression can look like a trace.",
            "文件压缩严重：痕迹可能已丢失，压缩本身也可能形似痕迹。",
        )


def _side_px(face: Face) -> float | None:
    """The middle one of the shorter sides of all boxes, in pixels."""
    sides = sorted(min(f.box_px[2] - f.box_px[0], f.box_px[3] - f.box_px[1]) for f in face.frames)
    return float(sides[len(sides) // 2]) if sides else None


def _fact(evidence: Sequence[Evidence], key: str, otherwise: float) -> float:
    for answer in evidence:
        value = answer.facts.get(key)
        if isinstance(value, int | float):
            return float(value)
    return otherwise


def _is_sparse(exhibit: ExhibitFacts) -> bool:
    """Whether the file spends so few bits on a pixel that little but the outlines can be left."""
    if exhibit.bytes is None or exhibit.size_wh is None:
        return False
    pixels = exhibit.size_wh[0] * exhibit.size_wh[1]
    if exhibit.media == "image":
        return exhibit.bytes * 8 < SPARSE_BITS_PER_PX_IMAGE * pixels
    if not exhibit.duration_s or not exhibit.rate_hz:
        return False
    return exhibit.bytes * 8 < SPARSE_BITS_PER_PX * pixels * exhibit.duration_s * exhibit.rate_hz


def _duration(exhibit: ExhibitFacts, faces: Sequence[Face]) -> Iterable[Said]:
    if exhibit.media == "image":
        yield Said(
            "A single picture: nothing can be said about changes over time.",
            "单幅图片：无法判断随时间的变化。",
        )
        return
    if exhibit.duration_s is not None and exhibit.duration_s < SHORT_S:
        yield Said(f"The clip is only {exhibit.duration_s:.1f} s long.", f"片段只有 {exhibit.duration_s:.1f} 秒。")
    frames = max((sum(frame.llr is not None for frame in face.frames) for face in faces), default=0)
    if 0 < frames < FEW_FRAMES:
        yield Said(
            f"No face could be judged in more than {frames} frame{'s' if frames > 1 else ''}.",
            f"每张人脸最多只有 {frames} 帧可供判断。",
        )


def _cap(rates: Mapping[str, float], whose: Said | None) -> Iterable[Said]:
    if "max_abs_llr" in rates:
        most = times(rates["max_abs_llr"])
        of_en, of_zh = (f" of {whose.en}", f"{whose.zh}") if whose else ("", "")
        yield Said(
            f"No likelihood ratio{of_en} beyond {most} is reported: the calibration set is too small to support more.",
            f"{of_zh}报告的似然比不超过 {most}：校准数据集的规模不足以支持更大的数值。",
        )
