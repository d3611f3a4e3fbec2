"""What an examination of a long film has found so far, kept so that it can go on where it was stopped.

One file per finished part, written at once or not at all; all of them go when the examination is done. They hold faces
of the film, so the folder is closed to others, and what nobody went on with is removed after a month.
"""

import base64
import contextlib
import hashlib
import json
import os
import shutil
import sys
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unforge.errors import OutputError, SchemaError
from unforge.media.write import atomic_write
from unforge.report import ExhibitFacts, Face, FaceImage, Finding, FindingImage, Report, Run
from unforge.seen import Seen

KEPT_S = 30 * 24 * 3600.0

Facts = dict[str, float | None]


def default_folder() -> Path:
    """The user's folder for things that may be lost: $XDG_CACHE_HOME, or what the system has in its place."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "unforge" / "unfinished"


class Unfinished:
    """The finished parts of one examination, by name.

    folder: where all examinations keep theirs. key: whatever decides the result: the same key, the same parts.
    demanded: whether to raise OutputError where nothing can be written; otherwise the work goes on and a stop loses it.
    """

    def __init__(self, folder: Path, key: Sequence[object], demanded: bool = False) -> None:
        self._all, self._demanded = folder, demanded
        self.folder = folder / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]

    def get(self, name: str) -> tuple[Seen, Facts] | None:
        """What was kept under a name, with its facts; None where nothing was, or where it is damaged."""
        try:
            kept = json.loads((self.folder / f"{name}.json").read_bytes())
            if kept["sha256"] != _sha256(kept["content"]):
                return None
            return _seen_from(kept["content"]), dict(kept["content"]["facts"])
        except (OSError, ValueError, KeyError, TypeError, SchemaError):
            return None

    def put(self, name: str, seen: Seen, facts: Facts) -> tuple[Seen, Facts]:
        """Keep a part. Returns it as `get` will: an examination must not depend on whether it was stopped."""
        content = _seen_to(seen) | {"facts": facts}
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            kept = {"sha256": _sha256(content), "content": content}
            atomic_write(self.folder / f"{name}.json", json.dumps(kept, ensure_ascii=False).encode())
        except OSError as error:  # OutputError is one, too
            if self._demanded:
                raise OutputError(f"cannot keep unfinished work in {self._all}: {error}") from error
        return _seen_from(json.loads(json.dumps(content))), facts

    def discard(self) -> None:
        """Remove the parts of this examination, and those that others left behind long ago."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            for folder in self._all.iterdir():
                if time.time() - folder.stat().st_mtime > KEPT_S:
                    shutil.rmtree(folder, ignore_errors=True)


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _seen_to(seen: Seen) -> dict[str, Any]:
    """As a report without the rest, and the pictures that a report does not hold."""
    run = Run("", (), "", 0.0)
    report = Report(ExhibitFacts(""), run, None, seen.evidence, seen.faces, seen.findings)
    return {
        "report": report.to_dict(),
        "faces": [[_image_to(image) for image in face.images] for face in seen.faces],
        "findings": [_finding_image_to(finding.image) for finding in seen.findings],
    }


def _seen_from(content: dict[str, Any]) -> Seen:
    report = Report.from_json(json.dumps(content["report"]))
    return Seen(
        report.evidence,
        tuple(_with_images(*one) for one in zip(report.faces, content["faces"], strict=True)),
        tuple(_with_image(*one) for one in zip(report.findings, content["findings"], strict=True)),
    )


def _image_to(image: FaceImage) -> dict[str, Any]:
    return {"time_s": image.time_s, "llr": image.llr, "rgb": _array_to(image.rgb), "heat": _array_to(image.heat)}


def _with_images(face: Face, kept: Sequence[dict[str, Any]]) -> Face:
    images = (FaceImage(k["time_s"], k["llr"], _array_from(k["rgb"]), _array_from(k["heat"])) for k in kept)
    return replace(face, images=tuple(images))


def _finding_image_to(image: FindingImage | None) -> dict[str, Any] | None:
    if image is None:
        return None
    return {
        "rgb": _array_to(image.rgb),
        "heat": _array_to(image.heat),
        "magnified": _array_to(image.magnified),
        "magnified_px": list(image.magnified_px),
        "attention": None if image.attention is None else _array_to(image.attention),
    }


def _with_image(finding: Finding, kept: dict[str, Any] | None) -> Finding:
    if kept is None:
        return finding
    x0, y0, x1, y1 = kept["magnified_px"]
    attention = None if kept["attention"] is None else _array_from(kept["attention"])
    rgb, heat, magnified = (_array_from(kept[name]) for name in ("rgb", "heat", "magnified"))
    return replace(finding, image=FindingImage(rgb, heat, magnified, (x0, y0, x1, y1), attention))


def _array_to(array: NDArray[Any]) -> dict[str, Any]:
    content = zlib.compress(np.ascontiguousarray(array).tobytes(), 1)
    return {"shape": array.shape, "type": array.dtype.str, "zlib": base64.b64encode(content).decode("ascii")}


def _array_from(kept: dict[str, Any]) -> NDArray[Any]:
    content = zlib.decompress(base64.b64decode(kept["zlib"]))
    return np.frombuffer(content, np.dtype(kept["type"])).reshape(kept["shape"])
