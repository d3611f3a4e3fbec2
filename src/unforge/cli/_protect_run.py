"""Protects one file after the other and says each result as soon as it is there."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unforge.cli._protect_mark import Marking
from unforge.errors import MediaError, OutputError, UnforgeError
from unforge.report import ErrorFacts, Protection

if TYPE_CHECKING:
    from unforge.cli._folder import Folder
    from unforge.cli._meter import Meter
    from unforge.media.probe import MediaFacts
    from unforge.protect import Protected
    from unforge.protect.targets import Target
    from unforge.report import MarkLaid
    from unforge.trace.hand_out import Ink
    from unforge.trace.payload import MachinePayload

COARSE_JPEG = 50  # the quality under which protection was not measured
_SHARES = {"looking for faces": (0.0, 0.1), "cloaking": (0.1, 0.7), "optimising": (0.1, 0.7)}  # start, and how much
_JUDGING = (0.8, 0.2)

Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. profile: None for the one that suits the file. against: targets to optimise against."""

    strength: float
    profile: str | None
    against: "tuple[Target, ...]"
    whole_frame: bool
    force: bool

    def check(self) -> None:
        """Raises UsageError and UnknownName for what would fail on every file."""
        from unforge.protect import cloak, profile

        cloak.Cloak(self.strength)
        if self.profile is not None:
            cloak.Cloak(self.strength * profile.load(self.profile).strength)

    def profile_of(self, facts: "MediaFacts") -> str:
        return self.profile or ("photo" if facts.kind == "image" else "video")


class Out:
    """Where the copies go: a folder, or one file. Raises OutputError where the folder cannot be made."""

    def __init__(self, typed: str, one_file: bool) -> None:
        self.path = Path(typed)
        self._is_file = one_file and bool(self.path.suffix) and not self.path.is_dir() and not typed.endswith(os.sep)
        self._taken: set[str] = set()
        folder = self.path.parent if self._is_file else self.path
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {folder}: {error.strerror or error}; choose another") from error

    def target(self, source: Path) -> Path:
        """The file that was asked for; in a folder the name of the original, with `-2`, `-3`, ... where it is taken."""
        if self._is_file:
            return self.path
        name, number = source.name, 1
        while name.casefold() in self._taken:  # some file systems do not tell A from a
            number += 1
            name = f"{source.stem}-{number}{source.suffix}"
        self._taken.add(name.casefold())
        return self.path / name

    def check(self, inputs: list[Path | MediaError]) -> None:
        """Raises UsageError where the one file that was named cannot be written so."""
        from unforge.media import copies

        if self._is_file:
            for source in inputs:
                if isinstance(source, Path):
                    copies.check_target(source, self.path)


@dataclass
class Run:
    """One command. marks: the ink and what it says; None for no mark. judges: targets of the report's short trial."""

    wish: Wish
    marks: "tuple[Ink, MachinePayload] | None"
    judges: "tuple[Target, ...]"
    folder: "Folder | None"
    language: str
    as_json: bool
    n_done: int = 0
    n_failed: int = 0
    n_written: int = 0

    def all(self, paths: tuple[str, ...], typed_out: str) -> int:
        """The exit code."""
        from unforge.cli._inputs import expand
        from unforge.cli._meter import Meter
        from unforge.cli.main import DONE, FAILED, INTERRUPTED

        self.wish.check()
        out = Out(typed_out, one_file=len(paths) == 1 and Path(paths[0]).is_file())
        inputs = list(expand(paths))
        out.check(inputs)
        try:
            with Meter(len(inputs)) as meter:
                for self.n_done, given in enumerate(inputs):
                    self._one(given, out, meter)
        except KeyboardInterrupt:
            click.echo(f"interrupted: {self.n_done} of {len(inputs)} files are done; they are in {out.path}", err=True)
            return INTERRUPTED
        self._remind()
        return FAILED if self.n_failed else DONE

    def _one(self, given: Path | MediaError, out: Out, meter: "Meter") -> None:
        from unforge.cli import _protect_text

        told = self._protection(given, out, self._tell(meter, given))
        self.n_failed += told.error is not None
        self.n_written += told.error is None
        meter.say(told.to_json() if self.as_json else "\n".join(_protect_text.lines(told, self.language)))
        if self.folder is not None:
            self._write(told, self.folder, meter.say)

    def _tell(self, meter: "Meter", given: Path | MediaError) -> Tell:
        from unforge.cli import _text

        name, before = "" if isinstance(given, MediaError) else _text.middle(given.name, 24), self.n_done

        def tell(what: str, done: float) -> None:
            start, share = _SHARES.get(what, _JUDGING)
            meter.show(f"{name}: {what}", before + start + share * done)

        tell("cloaking", 0.0)
        return tell

    def _protection(self, given: Path | MediaError, out: Out, tell: Tell) -> Protection:
        from unforge import __version__, weights
        from unforge.protect.cloak import NETWORK
        from unforge.report import Model, Run

        path = given.path if isinstance(given, MediaError) else str(given)
        began_s, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
        models = (Model(NETWORK, weights.card(NETWORK).sha256),)
        told = Protection(path, Run(__version__, models, started, 0.0), strength=self.wish.strength)
        try:
            if isinstance(given, MediaError):
                raise given
            told = self._protected(told, given, out, tell)
        except UnforgeError as error:
            told = replace(told, written=None, error=ErrorFacts(error.code, str(error)))
        elapsed_s = round(time.monotonic() - began_s, 3)
        return replace(told, run=replace(told.run, elapsed_s=elapsed_s))

    def _protected(self, told: Protection, source: Path, out: Out, tell: Tell) -> Protection:
        from unforge.media import copies
        from unforge.media.probe import probe

        facts = probe(source)
        target = out.target(source)
        copies.check_target(source, target)
        marking = None if self.marks is None else Marking(*self.marks)
        with nullcontext(target) if marking is None else _beside(target) as written:
            done, mark = self._copied(source, written, facts, marking, tell)
        told = _with_copy(_with_facts(told, facts), done)
        names = tuple(one.name for one in self.wish.against)
        profile = self.wish.profile_of(facts)
        told = replace(told, written=str(target), profile=profile, optimised_against=names, mark=mark)
        return told if self.folder is None else self._looked_at(told, source, target, tell)

    def _copied(
        self, source: Path, written: Path, facts: "MediaFacts", marking: Marking | None, tell: Tell
    ) -> "tuple[Protected, MarkLaid | None]":
        from unforge.protect import protect

        done = protect(
            source,
            written,
            profile_name=self.wish.profile_of(facts),
            strength=self.wish.strength,
            optimise_against=self.wish.against,
            facts=facts,
            whole_frame=self.wish.whole_frame,
            force=self.wish.force,
            finish=None if marking is None else marking.finish,
            on_progress=tell,
        )
        return done, None if marking is None else marking.proved(written, source)

    def _looked_at(self, told: Protection, source: Path, target: Path, tell: Tell) -> Protection:
        """With what the report shows: pictures, and a short trial where there is a face."""
        from unforge.cli import _protect_look

        seen = _protect_look.looks(source, target)
        if not seen:
            return told
        judged = None
        if seen[0].meshes_px and self.judges:
            judged = _protect_look.judged(seen, self.judges, tell, briefly=True)
        return replace(told, judged=judged, image=seen[0].image())

    def _write(self, told: Protection, folder: "Folder", say: Callable[[str], None]) -> None:
        try:
            page = folder.write_protection(told)[0]
        except OutputError as error:
            self.n_failed += 1
            click.echo(f"unforge: {error}", err=True)
            return
        if not self.as_json:
            say(f"  -> {page}")

    def _remind(self) -> None:
        """What the copies are worth, once and not among the results."""
        from unforge.cli import _protect_text

        if not self.as_json and self.n_written:
            click.echo("\n".join(_protect_text.reminder(self.language, marked=self.marks is not None)), err=True)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A name beside the target, which it takes when all has gone well: a copy whose mark fails is not left behind."""
    draft = target.with_name(f".{target.stem[:100]}.{secrets.token_hex(4)}.part{target.suffix}")
    try:
        yield draft
        os.replace(draft, target)
    except OSError as error:
        if isinstance(error, UnforgeError):
            raise
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _with_facts(told: Protection, facts: "MediaFacts") -> Protection:
    from unforge.explain import protect_words

    warnings = []
    quality = facts.written.get("jpeg_quality")
    if isinstance(quality, int | float) and quality < COARSE_JPEG:
        warnings.append(protect_words.coarse_jpeg(round(quality)))
    both = {"en": tuple(one.en for one in warnings), "zh": tuple(one.zh for one in warnings)}
    return replace(told, sha256=facts.sha256, media=facts.kind, size_wh=facts.size_wh, warnings=both)


def _with_copy(told: Protection, done: "Protected") -> Protection:
    from unforge.cli._protect_look import whole

    return replace(
        told,
        faces=done.faces,
        too_small=tuple(map(whole, done.too_small)),
        too_many=tuple(map(whole, done.too_many)),
        kept=round(done.kept, 4),
        psnr_face_db=_finite(done.psnr_face_db),
        psnr_frame_db=_finite(done.psnr_frame_db),
        notes=done.notes,
    )


def _finite(value_db: float) -> float | None:
    """None for a copy that does not differ."""
    return round(value_db, 2) if value_db < float("inf") else None
