"""Targets that are trained here: there are none before they are trained."""

from pathlib import Path

import pytest

from unforge.errors import WeightsError
from unforge.protect import targets

KINDS = ("editor", "fader", "identity", "swap")


@pytest.mark.parametrize("name", KINDS)
def test_there_are_none_without_a_folder_or_in_an_empty_one(name: str, tmp_path: Path) -> None:
    assert name in targets.available()
    assert targets.load(name).targets(None) == ()
    assert targets.load(name).targets(tmp_path) == ()
    assert targets.load(name).targets(tmp_path / "absent") == ()


@pytest.mark.parametrize("name", KINDS)
def test_a_file_that_is_no_network_is_an_error_that_names_it(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}-1.onnx").write_bytes(b"not a network")
    with pytest.raises(WeightsError, match=rf"{name}-1\.onnx"):
        targets.load(name).targets(tmp_path)
