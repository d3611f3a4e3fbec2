"""A folder with a `manifest.csv`: columns path, label, kind, dataset, method, split; identity where it is known."""

import csv
from pathlib import Path

from unforge.errors import UsageError
from unforge.train.sample import Sample

COLUMNS = ("path", "label", "kind", "dataset", "method", "split")
ALLOWED = {"label": ("real", "fake"), "kind": ("image", "video"), "split": ("train", "val")}
CENTRAL_FACE = "openforensics"


def index(root: Path) -> list[Sample]:
    """The samples in the order of the manifest; raises UsageError if it is missing or does not fit."""
    manifest = root / "manifest.csv"
    if not manifest.is_file():
        raise UsageError(f"data folder: expected a manifest.csv in {root}; there is none")
    with manifest.open(newline="", encoding="utf-8") as lines:
        rows = csv.DictReader(lines)
        missing = sorted(set(COLUMNS) - set(rows.fieldnames or ()))
        if missing:
            raise UsageError(f"{manifest}: expected the columns {', '.join(COLUMNS)}; missing: {', '.join(missing)}")
        return [_sample(root, row) for row in rows if row["kind"] in ALLOWED["kind"]]


def _sample(root: Path, row: dict[str, str]) -> Sample:
    for column, choices in ALLOWED.items():
        if row[column] not in choices:
            raise UsageError(f"manifest: expected {column} to be one of {choices}; {row['path']} has {row[column]!r}")
    return Sample(
        path=root / row["path"],
        label=row["label"],  # type: ignore[arg-type]  # checked above
        kind=row["kind"],  # type: ignore[arg-type]
        dataset=row["dataset"],
        method=row["method"],
        split=row["split"],  # type: ignore[arg-type]
        central_face=row["dataset"].startswith(CENTRAL_FACE),
        identity=row.get("identity", ""),
    )
