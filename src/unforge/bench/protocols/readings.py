"""`readings`: whether what is written on pictures is read, in Chinese and English, whatever happened to the picture.

Adverts of one to three lines, one of which holds a term of contact and a name or number, are written on untouched
stills brought to the size of a listing. `terms` is the share of pictures in whose reading the term stands, `handles`
the same for the name or number. On the same stills without any writing, `words_read` is the share on which something
of two or more characters is read all the same: an upper bound of false words, because some photographs show writing.
`elapsed_s` is what both readings of a picture take, `cpu_s` the processor time of all threads.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unforge.bench import _contact_pictures as pictures
from unforge.bench import figures, material
from unforge.bench._contact_pictures import Generator, Picture
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.errors import UsageError
from unforge.media.image import read_image
from unforge.moderate import reading
from unforge.moderate.item import Still

STILLS = 40
SIDE_PX = 960
SEED = 17
LOW_CONTRAST = 0.25  # of the way from the ground to black or white
LOW_CONTRAST_WAY = "low contrast"
INTERVALS = "95 % intervals: Wilson score for rates, bootstrap of the median for times"


@dataclass(frozen=True, slots=True)
class Read:
    """What was read off one picture, and what it took."""

    text: str
    elapsed_s: float
    cpu_s: float


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Write on stills and read them. Raises UsageError without a manifest, a Chinese font, or rapidocr."""
    material.no_list("readings", listed)
    material.no_peers("readings", peers)
    if examiners is not None:
        raise UsageError("readings: expected no choice of examiners; it measures what is read off pictures")
    stills = untouched(data, split, STILLS)
    pictures.chinese_font()
    _read(stills[0])  # the networks are loaded before anything is timed
    ways = {**pictures.WAYS, LOW_CONTRAST_WAY: pictures.WAYS["clean"]}
    rows: dict[str, dict[str, Value]] = {}
    for n, way in enumerate(ways):
        for language in pictures.LANGUAGES:
            if on_progress is not None:
                on_progress(f"{language}: {way}", n / len(ways))
            rows[f"{language}: {way}"] = _written(stills, language, way, ways[way])
    rows["nothing written"] = _clean(stills)
    return of_today(
        name=f"readings-{split}",
        protocol="readings",
        split=split,
        rows=rows,
        manifest_sha256=material.sha256(data),
        weights={},
        seed=SEED,
        settings={"stills": len(stills), "side_px": SIDE_PX, "low_contrast": LOW_CONTRAST, "figures": INTERVALS},
    )


def untouched(data: Path | None, split: str, most: int) -> list[Picture]:
    """Untouched stills of a split, evenly over its sets, with a longer side of SIDE_PX. Raises UsageError."""
    items = [item for item in material.read(data, split, "image") if not item.fake]
    paths = [(data or Path()) / item.path for item in material.evenly(items, most)]
    return [pictures.enlarged(read_image(path).rgb, SIDE_PX) for path in paths]


def _written(
    stills: Sequence[Picture], language: str, way: str, change: Callable[[Picture, Generator], Picture]
) -> dict[str, Value]:
    contrast = LOW_CONTRAST if way == LOW_CONTRAST_WAY else 1.0
    terms, handles, read = [], [], []
    for n, still in enumerate(stills):
        rng = np.random.default_rng([SEED, n, pictures.LANGUAGES.index(language)])
        advert = pictures.advert(language, rng)
        read.append(_read(change(pictures.written(still, advert.lines, rng, contrast), rng)))
        terms.append(pictures.contains(read[-1].text, advert.term))
        handles.append(pictures.contains(read[-1].text, advert.handle))
    return {"terms": _share(terms), "handles": _share(handles), **_times(read)}


def _clean(stills: Sequence[Picture]) -> dict[str, Value]:
    read = [_read(still) for still in stills]
    words = [any(len(line.strip()) > 1 for line in one.text.splitlines()) for one in read]
    return {"words_read": _share(words), **_times(read)}


def _read(rgb: Picture) -> Read:
    started, busy = time.perf_counter(), time.process_time()
    found = reading.read([Still(0.0, rgb)])
    if found.missing:
        raise UsageError(f"readings: {found.missing}")
    text = "\n".join(passage.text for passage in found.passages)
    return Read(text, time.perf_counter() - started, time.process_time() - busy)


def _share(hits: Sequence[bool]) -> Value:
    return figures.rate(np.array(hits, np.bool_), np.ones(len(hits), np.bool_))


def _times(read: Sequence[Read]) -> dict[str, Value]:
    return {"elapsed_s": _median([one.elapsed_s for one in read]), "cpu_s": _median([one.cpu_s for one in read])}


def _median(seconds: Sequence[float]) -> Value:
    values = np.array(seconds)
    return figures.bootstrapped(lambda drawn: float(np.median(values[drawn])), np.zeros(len(values)))
