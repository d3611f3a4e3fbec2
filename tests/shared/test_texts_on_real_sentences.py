"""The shipped classifier on sentences that it was not taught, as others wrote them."""

import os
from pathlib import Path

import numpy as np
import pytest

from unforge.moderate import taught
from unforge.train.recipes import toxic
from unforge.train.text import fit

DATA = Path(os.environ.get("UNFORGE_DATA", "../shared/data"))
SENTENCES = 200

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (DATA / "text" / "cntp").is_dir(), reason=f"no sentences at {DATA}"),
]


def test_disguised_insults_are_found_about_as_often_as_plain_ones() -> None:
    parts = toxic.split(DATA)
    assert not {one.text for one in parts.train} & {one.text for one in parts.test}
    model = taught.shipped("toxic").model
    threshold = toxic.threshold(model, parts)
    texts = toxic.measured_texts(parts.test)
    found = {name: np.mean(fit.scores(model, texts[name][:SENTENCES]) > threshold) for name in texts}
    assert found["clean"] <= 0.1
    assert all(found[name] >= found["as written"] - 0.15 for name in toxic.PERTURBED)
    assert found["as written"] >= 0.45
