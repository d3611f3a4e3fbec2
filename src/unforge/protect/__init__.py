"""Cloaks: a perturbation that is hard to see and breaks programs which change faces.

    protected = protect("portrait.jpg", "out/portrait.jpg")

What it stops and what it does not is measured (docs/protect.md); no cloak makes a picture immune.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge.errors import NotApplicable, UsageError
from unforge.media import copies
from unforge.media.probe import MediaFacts, probe
from unforge.media.video import frames
from unforge.protect import already, cloak, placing, profile
from unforge.protect.live import Live
from unforge.protect.placing import Mesh, Picture
from unforge.protect.profile import Profile
from unforge.protect.targets import Target

Finish = Callable[[Picture], Picture]
OnProgress = Callable[[str, float], None]
Boxes = tuple[NDArray[np.float32], ...]

_NONE_SEEN = f"no face of {cloak.SMALLEST_FACE_PX:.0f} px or more was seen"
_WHOLE_FRAME = "ask for the whole frame if it is to be protected anyway"

ENOUGH = 0.25  # of a cloak in the copy: H.264 leaves a little less than half of it on small faces
LOOKED_AT_HZ = 2.0  # frames of a film in which faces are looked for before it is copied


@dataclass(frozen=True, slots=True)
class Protected:
    """A protected copy.

    faces: cloaked in a still, or in the frame of a film that shows most. too_small, too_many: boxes xyxy of faces in a
    still that were left as they are. kept: share of the change that was found when the copy was read back.
    psnr_face_db, psnr_frame_db: of the copy, on the squares of the faces and on the whole picture; of a film, their
    means. notes: what else is not as in the original.
    """

    path: Path
    faces: int
    kept: float
    psnr_face_db: float
    psnr_frame_db: float
    too_small: Boxes = ()
    too_many: Boxes = ()
    notes: tuple[str, ...] = ()


def protect(
    source: Path | str,
    target: Path | str,
    *,
    profile_name: str | None = None,
    strength: float = 1.0,
    optimise_against: Sequence[Target] = (),
    whole_frame: bool = False,
    force: bool = False,
    finish: Finish | None = None,
    facts: MediaFacts | None = None,
    on_progress: OnProgress = lambda what, done: None,
) -> Protected:
    """Write a protected copy of a picture or a film; everything else in the file goes along and is read back.

    profile_name: photo, video or broadcast; by the kind of the file where it is not said. strength: times that of the
    profile. optimise_against: targets with a network, for stills only; needs torch. whole_frame: also where no face is
    seen. force: also where a cloak is found already. finish: what else is done to each picture, such as a mark. facts:
    of the source, where they are known; else it is probed.

    Raises NotApplicable where no face is seen or a cloak lies there already, and MediaError, OutputError and UsageError
    as `media.copies.copy` does; no file is left behind then.
    """
    source, target = Path(source), Path(target)
    copies.check_target(source, target)
    facts = facts or probe(source)
    if facts.kind == "video" and optimise_against:
        raise UsageError("expected a still picture, because cloaks for films are not optimised; leave that out")
    chosen = profile.load(profile_name or ("photo" if facts.kind == "image" else "video"))
    drawn = cloak.Cloak(strength * chosen.strength, chosen.low_pass_px)
    work = _Work(source, drawn, chosen, whole_frame, force, finish, tuple(optimise_against), on_progress)
    return work.still(target, facts) if facts.kind == "image" else work.film(target, facts)


@dataclass
class _Work:
    """One file on its way, and what was learned on it."""

    source: Path
    drawing: cloak.Cloak
    profile: Profile
    whole_frame: bool
    force: bool
    finish: Finish | None
    against: tuple[Target, ...]
    tell: OnProgress
    faces: cloak.Faces = field(default_factory=lambda: cloak.Faces(()))
    most_faces: int = 0
    errors: list[tuple[float, float]] = field(default_factory=list)  # mean squares over the faces, and over all

    def still(self, target: Path, facts: MediaFacts) -> Protected:
        self.tell("cloaking", 0.0)
        written = copies.copy(self.source, target, self._change(self._still), facts=facts)
        self.tell("cloaking", 1.0)
        return self._protected(written)

    def film(self, target: Path, facts: MediaFacts) -> Protected:
        live = self._live(facts)

        def apply(rgb: Picture, time_s: float) -> Picture:
            after = live.frame(rgb, time_s)
            self.most_faces = max(self.most_faces, len(live.meshes_px))
            return self._finished(after)

        def tell(done: float) -> None:
            self.tell("cloaking", done)

        return self._protected(copies.copy(self.source, target, self._change(apply), tell, facts=facts))

    def _change(self, apply: Callable[[Picture, float], Picture]) -> copies.Change:
        return copies.Change(
            apply, self._kept, ENOUGH, crf=self.profile.crf, name="cloak", remedy="use a greater strength"
        )

    def _still(self, rgb: Picture, time_s: float) -> Picture:
        self.faces = cloak.faces(rgb)
        self.most_faces = len(self.faces.meshes_px)
        self._check_faces(self.most_faces)
        self._check_new(rgb, self.faces.meshes_px)
        after = self._finished(self._cloaked(rgb))
        self._take_down(rgb, after)
        return after

    def _cloaked(self, rgb: Picture) -> Picture:
        meshes_px = self.faces.meshes_px
        if not meshes_px:
            return placing.laid(rgb, [(self.drawing.on(rgb, one), one) for one in placing.squares_over(rgb)])
        if not self.against:
            return self.drawing.picture(rgb, meshes_px)
        from unforge.protect import optimise

        def tell(done: float) -> None:
            self.tell("optimising", done)

        return optimise.picture(rgb, meshes_px, self.drawing, self.against, on_progress=tell)

    def _finished(self, rgb: Picture) -> Picture:
        return rgb if self.finish is None else self.finish(rgb)

    def _live(self, facts: MediaFacts) -> Live:
        """Cloaks for the faces of a film, or for whole frames where there is none and that is asked for."""
        faces = self._shows_faces(facts)
        if not (faces or self.whole_frame):
            raise NotApplicable(f"{self.source.name}: {_NONE_SEEN}; {_WHOLE_FRAME}")
        return Live(self.drawing, self.profile.hold, whole_frame=not faces)

    def _shows_faces(self, facts: MediaFacts) -> bool:
        """Whether there is a face in a film; the first one is asked for a cloak."""
        with closing(frames(self.source, rate_hz=LOOKED_AT_HZ)) as looked_at:
            for frame in looked_at:
                self.tell("looking for faces", frame.time_s / facts.duration_s if facts.duration_s else 0.0)
                found = cloak.faces(frame.rgb)
                if found.meshes_px:
                    self._check_new(frame.rgb, found.meshes_px)
                    return True
        return False

    def _check_faces(self, count: int) -> None:
        if count or self.whole_frame:
            return
        too_small = f"; {len(self.faces.too_small)} are smaller" if self.faces.too_small else ""
        raise NotApplicable(f"{self.source.name}: {_NONE_SEEN}{too_small}; {_WHOLE_FRAME}")

    def _check_new(self, rgb: Picture, meshes_px: Sequence[Mesh]) -> None:
        if not self.force and any(already.is_cloaked(rgb, one) for one in meshes_px):
            message = "a cloak was found on it; a second one would only show more. Force it if that is meant"
            raise NotApplicable(f"{self.source.name}: {message}")

    def _kept(self, before: Picture, after: Picture, found: Picture) -> float:
        """As `copies.projected`, and takes down how much has changed in the copy."""
        self._take_down(before, found)
        return copies.projected(before, after, found)

    def _take_down(self, before: Picture, after: Picture) -> None:
        square = np.square(after.astype(np.float32) - before).mean(axis=2)
        inside = placing.covered(before, (self.faces if self.faces.meshes_px else cloak.faces(before)).meshes_px)
        everywhere = float(square.mean())
        self.errors.append((float(square[inside].mean()) if inside.any() else everywhere, everywhere))

    def _protected(self, written: copies.Written) -> Protected:
        on_faces, everywhere = zip(*self._of_copy(), strict=True)
        return Protected(
            written.path,
            self.most_faces,
            written.kept,
            _psnr_db(on_faces),
            _psnr_db(everywhere),
            self.faces.too_small,
            self.faces.too_many,
            written.notes,
        )

    def _of_copy(self) -> list[tuple[float, float]]:
        """A still is coded until it is good enough: only the last attempt is the copy."""
        return self.errors[-1:] if self.faces.meshes_px else self.errors


def _psnr_db(mean_squares: Sequence[float]) -> float:
    mean = float(np.mean(mean_squares)) if mean_squares else 0.0
    return float(10.0 * np.log10(255.0**2 / mean)) if mean > 0.0 else float("inf")
