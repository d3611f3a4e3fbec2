"""What all tests share."""

from pathlib import Path

import hypothesis
import pytest

from tests import media_samples

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("unforge", deadline=None)
hypothesis.settings.load_profile("unforge")


@pytest.fixture(scope="session")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every hostile file."""
    folder = tmp_path_factory.mktemp("hostile")
    for sample in media_samples.HOSTILE:
        sample.make(folder)
    return folder
