"""The published schema fits what is written, and refuses what is not."""

import json
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import pytest
from hypothesis import given

from tests.faces_samples import portrait
from tests.unit.test_values import reports
from unforge import Report, examine

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text("utf-8"))


def check(data: Any) -> None:
    jsonschema.validate(data, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Report:
    path = tmp_path_factory.mktemp("face") / "face.png"
    cv2.imwrite(str(path), cv2.cvtColor(portrait(), cv2.COLOR_RGB2BGR))
    return examine(path)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_real_report_fits(judged: Report) -> None:
    check(json.loads(judged.to_json()))


def test_an_error_report_fits(tmp_path: Path) -> None:
    check(json.loads(examine(tmp_path / "absent.mp4").to_json()))


@given(reports())
def test_every_report_that_makes_sense_fits(report: Report) -> None:
    if report.verdict is None or 0 < report.verdict.prior < 1:
        check(json.loads(report.to_json()))


@pytest.mark.parametrize(
    ("field", "value"),
    [("schema", "unforge.report/9"), ("verdict", None), ("evidence", {}), ("exhibit", {}), ("error", {"code": 1})],
)
def test_what_does_not_fit_is_refused(judged: Report, field: str, value: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        check({**json.loads(judged.to_json()), field: value})
