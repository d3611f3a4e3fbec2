"""What is said in the end, as plain values.

Of an exhibit, the verdict with its reasons: schema `unforge.report/1`, to JSON and back without loss.
Of a photograph of a screen, whose mark it shows: schema `unforge.trace/1`.
Of a protected copy, what was done and what it stops: schema `unforge.protect/1`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unforge.errors import SchemaError
from unforge.evidence import Curve, Evidence, Region
from unforge.verdict import Verdict

SCHEMA = "unforge.report/1"
TRACE_SCHEMA = "unforge.trace/1"
PROTECT_SCHEMA = "unforge.protect/1"

Box = tuple[int, int, int, int]
Sentences = Mapping[str, tuple[str, ...]]  # by language: "en", "zh"
Sentence = tuple[str, str]  # English, Chinese
Grade = Literal["confirmed", "probable", "inconclusive", "none"]
Outcome = Literal["stopped", "partly", "not_stopped", "by_chance", "nothing", "unreached"]

GRADES: tuple[Grade, ...] = ("confirmed", "probable", "inconclusive", "none")  # the surest first
OUTCOMES: tuple[Outcome, ...] = ("stopped", "partly", "not_stopped", "by_chance", "nothing", "unreached")


@dataclass(frozen=True, slots=True)
class ExhibitFacts:
    """What the file is; None wherever it has no such value or could not be read."""

    path: str
    sha256: str | None = None
    bytes: int | None = None
    media: Literal["video", "image"] | None = None
    duration_s: float | None = None
    size_wh: tuple[int, int] | None = None
    rate_hz: float | None = None
    has_sound: bool | None = None


@dataclass(frozen=True, slots=True)
class FaceFrame:
    """One look at one face: box as x0, y0, x1, y1 in the displayed frame; llr None where it was not assessed."""

    time_s: float
    box_px: Box
    llr: float | None


@dataclass(frozen=True, slots=True, eq=False)
class FaceImage:
    """A picture for readers, not part of the JSON.

    rgb: (H, W, 3) uint8 face crop; heat: (h, w) float32 in [0, 1] over the same area.
    """

    time_s: float
    llr: float
    rgb: NDArray[np.uint8]
    heat: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Face:
    """One person in the exhibit; probability and llr are None where the face could not be assessed."""

    track: int
    start_s: float
    end_s: float
    probability: float | None
    llr: float | None
    frames: tuple[FaceFrame, ...] = ()
    images: tuple[FaceImage, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Hidden:
    """The test of a mark: what an examiner says of the same look when a place in it is hidden (explain/probe.py).

    llr_before: as it is; llr_marked: with the marked region hidden; llr_random: with regions as large hidden at random.
    confirmed: hiding the mark lowers the evidence clearly, and clearly further than any of the random regions.
    """

    llr_before: float
    llr_marked: float
    llr_random: tuple[float, ...]
    confirmed: bool


@dataclass(frozen=True, slots=True, eq=False)
class FindingImage:
    """Pictures of a finding for readers, not part of the JSON.

    rgb: (S, S, 3) uint8 face crop; heat: (h, w) float32 in [0, 1] over it; magnified: (S, S, 3) uint8, exaggerated;
    magnified_px: the place in rgb that it shows, as x0, y0, x1, y1; attention: as heat, where the examiner looked, or
    None where it does not tell.
    """

    rgb: NDArray[np.uint8]
    heat: NDArray[np.float32]
    magnified: NDArray[np.uint8]
    magnified_px: Box
    attention: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One telling look at a face, with what can be checked about it; what was not measured is not in it.

    source, llr: who spoke, and what this look says by itself. marked: share of the face that is marked.
    parts: share of the mark by part of the face; they sum to 1. artefacts: by kind, the probability that it was
    injected if the face is forged. measured: physical indicators inside and outside of the mark, by name with the
    unit (explain/measure.py). hidden: None if not tested.
    """

    track: int
    time_s: float
    llr: float
    source: str
    marked: float
    parts: Mapping[str, float] = field(default_factory=dict)
    artefacts: Mapping[str, float] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)
    hidden: Hidden | None = None
    image: FindingImage | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """Why a file could not be examined."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Model:
    """A network that took part, by the hash of its file."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Run:
    """How the report came about; started is UTC, RFC 3339."""

    version: str
    models: tuple[Model, ...]
    started: str
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is said about one exhibit; either `verdict` or `error` is set."""

    exhibit: ExhibitFacts
    run: Run
    verdict: Verdict | None = None
    evidence: tuple[Evidence, ...] = ()
    faces: tuple[Face, ...] = ()
    findings: tuple[Finding, ...] = ()
    explanation: Sentences = field(default_factory=dict)
    limits: Sentences = field(default_factory=dict)
    error: ErrorFacts | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values in the order of the schema; an error stands in place of verdict and evidence."""
        head: dict[str, Any] = {"schema": SCHEMA, "exhibit": _exhibit_to(self.exhibit)}
        if self.error is not None:
            head["error"] = {"code": self.error.code, "message": self.error.message}
        else:
            head["verdict"] = _verdict_to(self.verdict)
            head["evidence"] = [_evidence_to(answer) for answer in self.evidence]
            head["faces"] = [_face_to(face) for face in self.faces]
            head["findings"] = [_finding_to(finding) for finding in self.findings]
            head["explanation"] = {language: list(said) for language, said in self.explanation.items()}
            head["limits"] = {language: list(said) for language, said in self.limits.items()}
        return head | {"run": _run_to(self.run)}

    def to_json(self, indent: int | None = None) -> str:
        """The report as JSON, one line unless `indent` is given."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """Read what `to_json` wrote. Raises SchemaError for anything else; unknown fields are tolerated."""
        try:
            data = json.loads(text)
            if not isinstance(data, dict) or data.get("schema") != SCHEMA:
                raise SchemaError(f"expected a report of schema {SCHEMA!r}; got {_schema_of(data)!r}")
            return _report_from(data)
        except (json.JSONDecodeError, KeyError, TypeError, IndexError) as cause:
            raise SchemaError(f"expected a report of schema {SCHEMA!r}; it does not parse: {cause}") from cause


@dataclass(frozen=True, slots=True)
class MarkOwner:
    """Whom the registry names for a mark; empty where it says nothing.

    status: "known", "unknown", "not_running" or "revoked" (trace/registry.py). note: one sentence of the registry's.
    """

    status: str
    note: str
    machine: str = ""
    user: str = ""
    place: str = ""
    app: str = ""


@dataclass(frozen=True, slots=True)
class ScreenMark:
    """What was read from one screen in a photograph; None wherever nothing was read.

    error_probability: how often a photograph without this mark would give this answer. start, end: of the slot that the
    mark names, UTC, ISO 8601. key: id of the key that fits. reason, reason_zh: one sentence. outline_xy: corners of the
    place where it was found, in pixels of the photograph as displayed.
    """

    grade: Grade
    reason: str
    reason_zh: str
    error_probability: float | None = None
    machine: int | None = None
    place: int | None = None
    token: int | None = None
    start: str | None = None
    end: str | None = None
    key: str | None = None
    owner: MarkOwner | None = None
    outline_xy: tuple[tuple[float, float], ...] | None = None
    facts: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeyTried:
    """A key that was tried, by its id; revoked_at: since when it is not to be believed, None while it is."""

    id: str
    revoked_at: str | None = None


@dataclass(frozen=True, slots=True)
class Investigation:
    """Everything that is said about one photograph of a screen; either `screens` or `error` is set.

    screens: one for each mark, or one that tells why there is none; the surest first.
    rgb: (H, W, 3) uint8, the photograph for readers, not part of the JSON. size_wh: of the photograph in full.
    """

    path: str
    run: Run
    sha256: str | None = None
    size_wh: tuple[int, int] | None = None
    screens: tuple[ScreenMark, ...] = ()
    keys: tuple[KeyTried, ...] = ()
    error: ErrorFacts | None = None
    rgb: NDArray[np.uint8] | None = field(default=None, compare=False, repr=False)

    @property
    def best(self) -> ScreenMark | None:
        """The surest reading."""
        return self.screens[0] if self.screens else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values in the order of the schema; the fields of the best reading stand on top."""
        head: dict[str, Any] = {"schema": TRACE_SCHEMA, "path": _printable(self.path), "sha256": self.sha256}
        if self.error is not None or self.best is None:
            error = self.error or ErrorFacts("error", "nothing was read")
            head["error"] = {"code": error.code, "message": error.message}
        else:
            head |= _said_to(self.best)
            head["screens"] = [_screen_to(screen) for screen in self.screens]
            head["keys_tried"] = [{"id": key.id, "revoked_at": key.revoked_at} for key in self.keys]
        return head | {"run": _run_to(self.run)}

    def to_json(self, indent: int | None = None) -> str:
        """The investigation as JSON, one line unless `indent` is given."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)


@dataclass(frozen=True, slots=True)
class Measured:
    """A mean over faces with its 95 % interval; None where there is none. n: faces that count."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One program on the protected copy, after one channel and against one attacker, with the control beside it.

    kind: of the program: detector, landmarks, identity, editor or swap. outcome: "by_chance" where random noise of the
    same size does as much, "nothing" where the program does nothing with these faces, "unreached" where the channel
    leaves the picture as it is. stopped, stopped_by_random: share of the faces on which the program fails, with the
    protection and with the control. figures: all that was measured, by name.
    """

    target: str
    kind: str
    trained_here: bool
    held_out: bool
    channel: Sentence
    attacker: Sentence
    outcome: Outcome
    stopped: float | None
    stopped_by_random: float | None
    figures: Mapping[str, Measured] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """What programs do with a protected copy. quality: how much can be seen, by name with the unit."""

    faces: int
    trials: tuple[Trial, ...]
    quality: Mapping[str, float | None]
    statement: Sentences

    def to_dict(self) -> dict[str, Any]:
        """Plain values in the order of the schema."""
        return {
            "faces": self.faces,
            "quality": dict(self.quality),
            "trials": [_trial_to(trial) for trial in self.trials],
            "statement": {language: list(said) for language, said in self.statement.items()},
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """An original and its protected copy, judged."""

    original: str
    protected: str
    judged: Judged
    run: Run

    def to_json(self, indent: int | None = None) -> str:
        """The comparison as JSON, one line unless `indent` is given."""
        head: dict[str, Any] = {"schema": PROTECT_SCHEMA, "original": _printable(self.original)}
        head["protected"] = _printable(self.protected)
        whole = head | {"judged": self.judged.to_dict(), "run": _run_to(self.run)}
        return json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=indent)


@dataclass(frozen=True, slots=True)
class MarkLaid:
    """A readable mark on a protected copy. time: of its slot, UTC, ISO 8601. kept: share that the copy holds."""

    machine: int
    place: int | None
    time: str
    key: str
    kept: float


@dataclass(frozen=True, slots=True, eq=False)
class ProtectionImage:
    """Pictures of a protection for readers, not part of the JSON.

    before, after: (H, W, 3) uint8, the whole picture. face_px: the largest face in it with its surroundings, or the
    middle where there is none. boxes_px: the faces that were protected. time_s: of a film, when.
    """

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    face_px: Box
    boxes_px: tuple[Box, ...]
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Protection:
    """Everything that is said about one file that was to be protected; either `written` or `error` is set.

    size_wh: of the picture as displayed. strength: times that of the profile. optimised_against: names of targets.
    too_small, too_many: boxes of faces that were left as they are. kept: share of the change that the copy holds.
    psnr_face_db, psnr_frame_db: of the copy; None where nothing differs. warnings: what to know before it is used.
    judged: None where nobody looked.
    """

    path: str
    run: Run
    sha256: str | None = None
    written: str | None = None
    media: Literal["video", "image"] | None = None
    size_wh: tuple[int, int] | None = None
    profile: str = ""
    strength: float = 1.0
    optimised_against: tuple[str, ...] = ()
    faces: int = 0
    too_small: tuple[Box, ...] = ()
    too_many: tuple[Box, ...] = ()
    kept: float = 0.0
    psnr_face_db: float | None = None
    psnr_frame_db: float | None = None
    mark: MarkLaid | None = None
    notes: tuple[str, ...] = ()
    warnings: Sentences = field(default_factory=dict)
    judged: Judged | None = None
    error: ErrorFacts | None = None
    image: ProtectionImage | None = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values in the order of the schema."""
        head: dict[str, Any] = {"schema": PROTECT_SCHEMA, "path": _printable(self.path), "sha256": self.sha256}
        if self.error is not None or self.written is None:
            error = self.error or ErrorFacts("error", "nothing was written")
            head["error"] = {"code": error.code, "message": error.message}
        else:
            head |= _protection_to(self, self.written)
        return head | {"run": _run_to(self.run)}

    def to_json(self, indent: int | None = None) -> str:
        """The protection as JSON, one line unless `indent` is given."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)


def _protection_to(told: Protection, written: str) -> dict[str, Any]:
    return {
        "written": _printable(written),
        "media": told.media,
        "size_wh": _list(told.size_wh),
        "profile": told.profile,
        "strength": told.strength,
        "optimised_against": list(told.optimised_against),
        "faces": told.faces,
        "too_small": [list(box) for box in told.too_small],
        "too_many": [list(box) for box in told.too_many],
        "kept": told.kept,
        "psnr_face_db": told.psnr_face_db,
        "psnr_frame_db": told.psnr_frame_db,
        "mark": None if told.mark is None else _mark_laid_to(told.mark),
        "notes": list(told.notes),
        "warnings": {language: list(said) for language, said in told.warnings.items()},
        "judged": None if told.judged is None else told.judged.to_dict(),
    }


def _mark_laid_to(mark: MarkLaid) -> dict[str, Any]:
    return {"machine": mark.machine, "place": mark.place, "time": mark.time, "key": mark.key, "kept": mark.kept}


def _trial_to(trial: Trial) -> dict[str, Any]:
    return {
        "target": trial.target,
        "kind": trial.kind,
        "trained_here": trial.trained_here,
        "held_out": trial.held_out,
        "channel": dict(zip(("en", "zh"), trial.channel, strict=True)),
        "attacker": dict(zip(("en", "zh"), trial.attacker, strict=True)),
        "outcome": trial.outcome,
        "stopped": trial.stopped,
        "stopped_by_random": trial.stopped_by_random,
        "figures": {
            name: {"value": found.value, "low": found.low, "high": found.high, "n": found.n}
            for name, found in trial.figures.items()
        },
    }


def _said_to(screen: ScreenMark) -> dict[str, Any]:
    return {
        "grade": screen.grade,
        "error_probability": screen.error_probability,
        "machine": screen.machine,
        "place": screen.place,
        "token": screen.token,
        "time": screen.start,
        "time_end": screen.end,
        "key": screen.key,
        "reason": screen.reason,
        "owner": None if screen.owner is None else _owner_to(screen.owner),
    }


def _screen_to(screen: ScreenMark) -> dict[str, Any]:
    outline = None if screen.outline_xy is None else [list(corner) for corner in screen.outline_xy]
    return _said_to(screen) | {"reason_zh": screen.reason_zh, "outline_xy": outline, "facts": dict(screen.facts)}


def _owner_to(owner: MarkOwner) -> dict[str, Any]:
    return {
        "status": owner.status,
        "note": owner.note,
        "machine": owner.machine or None,
        "user": owner.user or None,
        "place": owner.place or None,
        "app": owner.app or None,
    }


def _printable(path: str) -> str:
    return path.encode("utf-8", "replace").decode("utf-8")


def _schema_of(data: object) -> object:
    return data.get("schema") if isinstance(data, dict) else type(data).__name__


def _exhibit_to(facts: ExhibitFacts) -> dict[str, Any]:
    return {
        "path": _printable(facts.path),
        "sha256": facts.sha256,
        "bytes": facts.bytes,
        "media": facts.media,
        "duration_s": facts.duration_s,
        "size_wh": _list(facts.size_wh),
        "rate_hz": facts.rate_hz,
        "has_sound": facts.has_sound,
    }


def _verdict_to(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    return {
        "question": verdict.question,
        "band": verdict.band,
        "probability": verdict.probability,
        "interval": _list(verdict.interval),
        "llr": verdict.llr,
        "prior": verdict.prior,
        "llr_manipulated": verdict.llr_manipulated,
        "llr_no_evidence": verdict.llr_no_evidence,
        "rates": dict(verdict.rates),
    }


def _evidence_to(answer: Evidence) -> dict[str, Any]:
    return {
        "question": answer.question,
        "source": answer.source,
        "llr": answer.llr,
        "abstained": answer.abstained,
        "note": answer.note,
        "facts": dict(answer.facts),
        "regions": [_region_to(region) for region in answer.regions],
        "curves": [_curve_to(curve) for curve in answer.curves],
    }


def _curve_to(curve: Curve) -> dict[str, Any]:
    return {
        "name": curve.name,
        "x": list(curve.x),
        "y": list(curve.y),
        "x_unit": curve.x_unit,
        "y_unit": curve.y_unit,
        "track": curve.track,
    }


def _region_to(region: Region) -> dict[str, Any]:
    return {
        "start_s": region.start_s,
        "end_s": region.end_s,
        "llr": region.llr,
        "track": region.track,
        "box_px": _list(region.box_px),
        "heat": _map_to(region.heat),
        "facts": dict(region.facts),
        "attention": _map_to(region.attention),
    }


def _map_to(found: NDArray[np.float32] | None) -> list[list[float]] | None:
    """Rows of the shortest decimals that read back as the same float32: 0.04, not 0.03999999910593033."""
    return None if found is None else found.astype(np.float32).astype(np.str_).astype(np.float64).tolist()


def _face_to(face: Face) -> dict[str, Any]:
    return {
        "track": face.track,
        "start_s": face.start_s,
        "end_s": face.end_s,
        "probability": face.probability,
        "llr": face.llr,
        "frames": [{"time_s": f.time_s, "box_px": list(f.box_px), "llr": f.llr} for f in face.frames],
    }


def _finding_to(finding: Finding) -> dict[str, Any]:
    return {
        "track": finding.track,
        "time_s": finding.time_s,
        "llr": finding.llr,
        "source": finding.source,
        "marked": finding.marked,
        "parts": dict(finding.parts),
        "artefacts": dict(finding.artefacts),
        "measured": dict(finding.measured),
        "hidden": None if finding.hidden is None else _hidden_to(finding.hidden),
    }


def _hidden_to(hidden: Hidden) -> dict[str, Any]:
    return {
        "llr_before": hidden.llr_before,
        "llr_marked": hidden.llr_marked,
        "llr_random": list(hidden.llr_random),
        "confirmed": hidden.confirmed,
    }


def _run_to(run: Run) -> dict[str, Any]:
    return {
        "version": run.version,
        "models": [{"name": model.name, "sha256": model.sha256} for model in run.models],
        "started": run.started,
        "elapsed_s": run.elapsed_s,
    }


def _report_from(data: Mapping[str, Any]) -> Report:
    error, verdict = data.get("error"), data.get("verdict")
    return Report(
        exhibit=_exhibit_from(data["exhibit"]),
        run=_run_from(data["run"]),
        verdict=None if verdict is None else _verdict_from(verdict),
        evidence=tuple(_evidence_from(answer) for answer in data.get("evidence", ())),
        faces=tuple(_face_from(face) for face in data.get("faces", ())),
        findings=tuple(_finding_from(finding) for finding in data.get("findings", ())),
        explanation={language: tuple(said) for language, said in data.get("explanation", {}).items()},
        limits={language: tuple(said) for language, said in data.get("limits", {}).items()},
        error=None if error is None else ErrorFacts(error["code"], error["message"]),
    )


def _exhibit_from(data: Mapping[str, Any]) -> ExhibitFacts:
    return ExhibitFacts(
        data["path"],
        data["sha256"],
        data["bytes"],
        data["media"],
        data["duration_s"],
        _tuple(data["size_wh"]),
        data["rate_hz"],
        data["has_sound"],
    )


def _verdict_from(data: Mapping[str, Any]) -> Verdict:
    return Verdict(
        data["question"],
        data["band"],
        data["probability"],
        _tuple(data["interval"]),
        data["llr"],
        data["prior"],
        data.get("llr_manipulated"),
        data.get("llr_no_evidence"),
        dict(data.get("rates", {})),
    )


def _evidence_from(data: Mapping[str, Any]) -> Evidence:
    return Evidence(
        data["question"],
        data["source"],
        data["llr"],
        data["note"],
        tuple(_region_from(region) for region in data["regions"]),
        dict(data["facts"]),
        data["abstained"],
        tuple(_curve_from(curve) for curve in data.get("curves", ())),
    )


def _curve_from(data: Mapping[str, Any]) -> Curve:
    return Curve(data["name"], tuple(data["x"]), tuple(data["y"]), data["x_unit"], data["y_unit"], data["track"])


def _region_from(data: Mapping[str, Any]) -> Region:
    heat, attention = data.get("heat"), data.get("attention")
    return Region(
        data["start_s"],
        data["end_s"],
        data["llr"],
        data["track"],
        _tuple(data["box_px"]),
        None if heat is None else np.asarray(heat, np.float32),
        dict(data.get("facts", {})),
        None if attention is None else np.asarray(attention, np.float32),
    )


def _face_from(data: Mapping[str, Any]) -> Face:
    return Face(
        data["track"],
        data["start_s"],
        data["end_s"],
        data["probability"],
        data["llr"],
        tuple(FaceFrame(f["time_s"], _box(f["box_px"]), f["llr"]) for f in data["frames"]),
    )


def _finding_from(data: Mapping[str, Any]) -> Finding:
    hidden = data["hidden"]
    return Finding(
        data["track"],
        data["time_s"],
        data["llr"],
        data["source"],
        data["marked"],
        dict(data["parts"]),
        dict(data["artefacts"]),
        dict(data["measured"]),
        None if hidden is None else _hidden_from(hidden),
    )


def _hidden_from(data: Mapping[str, Any]) -> Hidden:
    return Hidden(data["llr_before"], data["llr_marked"], tuple(data["llr_random"]), data["confirmed"])


def _run_from(data: Mapping[str, Any]) -> Run:
    models = tuple(Model(model["name"], model["sha256"]) for model in data["models"])
    return Run(data["version"], models, data["started"], data["elapsed_s"])


def _list(values: tuple[Any, ...] | None) -> list[Any] | None:
    return None if values is None else list(values)


def _tuple(values: list[Any] | None) -> Any:
    return None if values is None else tuple(values)


def _box(values: list[int]) -> Box:
    x0, y0, x1, y1 = values
    return x0, y0, x1, y1
