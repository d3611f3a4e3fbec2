"""Tables in documents, rendered from records.

A document marks the place; whatever stands between the marks is replaced:

    <!-- results:clips-val -->
    <!-- /results -->

After the name may stand which figures the table shows: `<!-- results:clips-val video_auc tpr -->`. Rows that have
none of them are left out.
`python -m unforge.bench.table` renders; with `--check` it only compares and exits 1 where a document is
behind.
"""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from unforge.bench import reliability
from unforge.bench.record import Record, Value, read_all
from unforge.errors import UnknownName

DOCUMENTS = ("*.md", "docs/*.md")
_MARK = re.compile(
    r"(?P<open><!-- results:(?P<name>[\w.-]+)(?P<figures>(?: \w+)*) -->\n)"
    r"(?P<table>.*?)"
    r"(?P<close><!-- /results -->)",
    re.DOTALL,
)


def render(record: Record, figures: Sequence[str] = ()) -> str:
    """Markdown: a row per row of the record, a column per figure, value and 95 % interval in each cell."""
    columns = tuple(figures) or tuple(dict.fromkeys(name for row in record.rows.values() for name in row))
    lines = [
        f"| {record.split} | n | {' | '.join(column.replace('_', ' ') for column in columns)} |",
        "|---" * (len(columns) + 2) + "|",
    ]
    for name, row in record.rows.items():
        shown = [row[column].n for column in columns if column in row]
        if not shown:
            continue
        n = max(shown)
        cells = " | ".join(_cell(row.get(column)) for column in columns)
        lines.append(f"| {name} | {n} | {cells} |")
    networks = ", ".join(f"{card} `{sha256[:12]}`" for card, sha256 in record.weights.items())
    lines += [
        "",
        f"Record `results/{record.name}.json`: {record.date}, unforge {record.version}, {record.host}; "
        f"{record.settings.get('figures', '95 % bootstrap intervals')}; data `{record.manifest_sha256[:12]}`; "
        f"{networks}.",
    ]
    return "\n".join(lines) + "\n"


def update(text: str, records: Mapping[str, Record]) -> str:
    """The document with every table rendered anew. Raises UnknownName for a record that is not there."""

    def table(mark: re.Match[str]) -> str:
        if mark["name"] not in records:
            raise UnknownName("record", mark["name"], records)
        return mark["open"] + render(records[mark["name"]], mark["figures"].split()) + mark["close"]

    return _MARK.sub(table, text)


def behind(root: Path, results: Path) -> dict[Path, str]:
    """Documents under `root` and diagrams beside the records, each with the text that it should have and has not."""
    records = read_all(results)
    wanted = {path: update(path.read_text("utf-8"), records) for path in _documents(root)}
    wanted |= {
        results / f"{name}-reliability.svg": drawn
        for name, record in records.items()
        if (drawn := reliability.svg(record)) is not None
    }
    return {path: text for path, text in wanted.items() if not path.is_file() or text != path.read_text("utf-8")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Render all tables below the working folder, or only compare with `--check`."""
    arguments = sys.argv[1:] if arguments is None else arguments
    unknown = set(arguments) - {"--check"}
    if unknown:
        print(
            f"usage: python -m unforge.bench.table [--check]; got {' '.join(sorted(unknown))}",
            file=sys.stderr,
        )
        return 2
    return tables(Path(), Path("results"), check="--check" in arguments)


def tables(root: Path, results: Path, *, check: bool) -> int:
    """Bring documents up to date and name them; with `check` change nothing, 1 where one is behind."""
    late = behind(root, results)
    for path, text in late.items():
        print(f"{path}: {'tables are behind the records' if check else 'tables rendered'}", file=sys.stderr)
        if not check:
            path.write_text(text, "utf-8")
    return 1 if check and late else 0


def _documents(root: Path) -> Iterable[Path]:
    return sorted(path for pattern in DOCUMENTS for path in root.glob(pattern))


def _cell(value: Value | None) -> str:
    if value is None or value.value is None:
        return "-"
    if value.low is None or value.high is None:
        return _number(value.value)
    return f"{_number(value.value)} [{_number(value.low)}, {_number(value.high)}]"


def _number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() and abs(value) > 1 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
