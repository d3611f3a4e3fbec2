"""Ten forged seconds in minutes of real material; skipped where the collection is absent."""

import csv
import os
from pathlib import Path

import pytest

from unforge import examine
from unforge.bench.protocols import film

DATA = Path(os.environ.get("UNFORGE_DATA", "../shared/data"))
FORGED_AT = 9  # of the pieces
PIECES = 18

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.skipif(not (DATA / "manifest.csv").is_file(), reason=f"no data collection at {DATA}"),
]


def clips(**wanted: str) -> list[Path]:
    with (DATA / "manifest.csv").open(newline="", encoding="utf-8") as lines:
        return [DATA / row["path"] for row in csv.DictReader(lines) if all(row[k] == v for k, v in wanted.items())]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three minutes of people who read news, ten seconds of which show somebody else's face."""
    folder = tmp_path_factory.mktemp("film")
    calm = clips(dataset="ffpp_c23", label="real", split="val")[:3]
    forged = clips(dataset="ffpp_c23", method="Deepfakes", split="val")[1]
    pieces = [film.piece(clip, folder / f"{clip.stem}.mp4") for clip in calm]
    path = folder / "film.mp4"
    film.join(path, pieces, PIECES, {FORGED_AT: film.piece(forged, folder / "forged.mp4")})
    return path


def test_the_forged_ten_seconds_are_the_most_suspicious_ones(made: Path, tmp_path: Path) -> None:
    report = examine(made, examiners=["finegrained", "seam"], state=tmp_path)
    facts = report.evidence[0].facts
    start_s, end_s = float(facts["film_span_start_s"]), float(facts["film_span_end_s"])
    forged_s = FORGED_AT * film.PIECE_S
    assert min(end_s, forged_s + film.PIECE_S) - max(start_s, forged_s) >= film.PIECE_S / 2
    assert report.verdict is not None
    assert report.verdict.band in ("manipulated", "inconclusive")
    assert report.explanation["en"][1].startswith("Most suspicious span: 01:")
