"""What the command prints follows the schema in the documents."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from unforge.cli.main import main

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "moderate.schema.json").read_text("utf-8"))


def test_every_kind_of_line_follows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, broken, queue = tmp_path / "x.png", tmp_path / "broken.jpg", str(tmp_path / "review.db")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)).save(picture)
    broken.write_bytes(b"\xff\xd8\xff")
    typed = [str(picture), str(broken), "--text", "加我薇信 abc12345", "--policy", "remove", "--shadow", "label"]
    for _ in range(2):  # the second time it is told again from the queue
        assert main(["moderate", *typed, "--queue", queue, "--with", "known,code,advert,evasion,contact,toxic"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one.get("again", False) for one in lines] == [False] * 3 + [True] * 3
    assert {one["action"] for one in lines} >= {"review", "remove"}
    for one in lines:
        jsonschema.validate(one, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(lines[0] | {"action": "burn"}, SCHEMA)
