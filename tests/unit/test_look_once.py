"""Facts and picture from one child agree with those from two."""

from pathlib import Path

import numpy as np
import pytest

from tests.media_samples import encode, gif_bytes, marker, moving, picture_bytes
from unforge.errors import MediaError
from unforge.media.image import read_image
from unforge.media.probe import look, probe


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("max_side_px", [4096, 40])
def test_of_a_picture(tmp_path: Path, kind: str, max_side_px: int) -> None:
    path = tmp_path / f"x.{kind.lower()}"
    path.write_bytes(picture_bytes(kind))
    facts, frame = look(path, max_side_px)
    expected = read_image(path, max_side_px)
    assert facts == probe(path)
    assert frame is not None
    assert (frame.scale, frame.time_s) == (expected.scale, 0.0)
    assert np.array_equal(frame.rgb, expected.rgb)


def test_of_what_moves_there_are_only_facts(tmp_path: Path) -> None:
    film, animation = tmp_path / "x.mp4", tmp_path / "x.gif"
    encode(film, moving(5))
    animation.write_bytes(gif_bytes([marker(), marker()[::-1]], [100, 100]))
    for path in (film, animation):
        facts, frame = look(path)
        assert facts == probe(path)
        assert frame is None


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff nothing", b"text"])
def test_of_what_cannot_be_read_it_says_what_probe_says(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    with pytest.raises(MediaError) as told:
        probe(path)
    with pytest.raises(MediaError) as also:
        look(path)
    assert (also.value.code, also.value.message) == (told.value.code, told.value.message)
