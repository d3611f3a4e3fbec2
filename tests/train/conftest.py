"""What the tests of training share."""

import importlib.util
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def processor_as_it_was() -> Iterator[None]:
    """Training lets the processor flush the smallest floats to zero; other tests in this process need them."""
    yield
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_flush_denormal(False)
