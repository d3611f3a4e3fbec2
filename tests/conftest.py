"""What all tests share."""

from pathlib import Path

import pytest

from tests import media_samples


@pytest.fixture(scope="session")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every hostile file."""
    folder = tmp_path_factory.mktemp("hostile")
    for sample in media_samples.HOSTILE:
        sample.make(folder)
    return folder
