"""What the decoder gives of long films: cheap looks, spans, sound of spans, and memory that does not grow."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from tests.media_samples import encode, moving, sound_file
from unforge.errors import MediaError, UsageError
from unforge.media.child.skip import telling
from unforge.media.sound import read_sound
from unforge.media.video import frames


@dataclass(frozen=True)
class Packet:
    time_s: float | None
    is_keyframe: bool = False
    size: int = 100


def packets(keys_every_s: float, lasts_s: float, rate_hz: float = 10.0) -> list[Packet]:
    step = round(keys_every_s * rate_hz)
    return [Packet(n / rate_hz, n % step == 0) for n in range(round(lasts_s * rate_hz))]


def taken(given: Sequence[Packet], gap_s: float = 4.0, rate_hz: float | None = 0.5) -> list[Packet]:
    return list(telling(given, lambda packet: packet.time_s, gap_s, rate_hz))


def test_key_frames_suffice_where_they_are_frequent() -> None:
    found = taken(packets(2.0, 60.0))
    assert [packet.time_s for packet in found] == [2.0 * n for n in range(30)]


def test_key_frames_that_nobody_asked_for_are_left_out() -> None:
    found = taken(packets(0.1, 60.0))
    assert [packet.time_s for packet in found] == [2.0 * n for n in range(30)]


def test_where_key_frames_are_rare_everything_is_decoded() -> None:
    given = packets(10.0, 60.0)
    assert taken(given) == given


def test_only_the_groups_that_are_long_are_decoded_in_full() -> None:
    short = packets(2.0, 20.0)
    long = [Packet(20.0 + (p.time_s or 0.0), p.is_keyframe) for p in packets(10.0, 10.0)]
    found = taken([*short, *long])
    assert [packet.time_s for packet in found[:10]] == [2.0 * n for n in range(10)]
    assert found[10:] == long


def test_films_without_key_frames_or_times_are_decoded_in_full() -> None:
    for given in ([Packet(n / 10) for n in range(50)], [Packet(None, n % 5 == 0) for n in range(50)]):
        assert taken(given) == given


def test_the_packet_that_ends_the_stream_always_passes() -> None:
    end = Packet(None, size=0)
    assert taken([*packets(2.0, 5.0), end])[-1] is end


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute at 5 Hz, a key frame every 10 s, every frame another picture."""
    path = tmp_path_factory.mktemp("film") / "minute.mkv"
    options = {"g": "50", "sc_threshold": "0"}
    return encode(path, moving(300), ticks_per_s=5, options=options)


def test_a_cheap_look_leaves_no_gap(film: Path) -> None:
    with frames(film, gap_s=60.0) as source:
        assert [frame.time_s for frame in source] == [10.0 * n for n in range(6)]
    with frames(film, gap_s=4.0, rate_hz=0.5) as source:
        assert [frame.time_s for frame in source] == [2.0 * n for n in range(30)]


@pytest.mark.parametrize("start_s", [0.0, 7.4, 30.0, 44.2])
@pytest.mark.parametrize("gap_s", [None, 4.0])
def test_a_span_shows_what_the_film_shows_there(film: Path, start_s: float, gap_s: float | None) -> None:
    with frames(film, rate_hz=0.5, gap_s=gap_s) as source:
        expected = {f.time_s: f.rgb.copy() for f in source if start_s <= f.time_s < start_s + 12.0}
    with frames(film, rate_hz=0.5, gap_s=gap_s, start_s=start_s, end_s=start_s + 12.0) as source:
        found = {f.time_s: f.rgb.copy() for f in source}
    assert list(found)[1:] == list(expected)[-len(found) + 1 :]
    assert source.next_s == pytest.approx(start_s + 12.0, abs=0.2)
    assert all(np.array_equal(found[time_s], rgb) for time_s, rgb in expected.items() if time_s in found)


def test_after_the_last_span_a_film_does_not_go_on(film: Path) -> None:
    with frames(film, start_s=50.0, end_s=70.0) as source:
        assert len(list(source)) == 50
    assert source.next_s is None


def test_a_film_that_cannot_be_skipped_in_is_read_from_its_start(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "bare.mkv"
    with av.open(str(film)) as source, av.open(str(path), "w", format="matroska", options={"live": "1"}) as bare:
        stream = bare.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                bare.mux(packet)
    with frames(path, start_s=40.0, end_s=42.0) as found, frames(film, start_s=40.0, end_s=42.0) as expected:
        for one, other in zip(found, expected, strict=True):
            assert one.time_s == other.time_s
            assert np.array_equal(one.rgb, other.rgb)


def test_frames_do_not_pile_up_in_the_decoder(tmp_path: Path) -> None:
    """200 frames at 1080p are 1.2 GB: the decoder may have 800 MiB."""
    rgb = np.zeros((1080, 1920, 3), np.uint8)
    path = encode(tmp_path / "large.mkv", [rgb] * 200, options={"preset": "ultrafast"})
    with frames(path) as source:
        assert sum(1 for _ in source) == 200


def test_the_sound_of_a_span_is_that_of_the_film_there(tmp_path: Path) -> None:
    path = tmp_path / "long.mka"
    times_s = np.arange(60 * 16_000) / 16_000
    rising = (0.5 * np.sin(2 * np.pi * (100.0 + 10.0 * times_s) * times_s)).astype(np.float32)
    sound_of(path, rising)
    whole, part = read_sound(path), read_sound(path, start_s=30.0, end_s=34.0)
    assert 29.9 <= part.start_s <= 30.0
    assert 4.0 <= len(part.samples) / part.rate_hz <= 4.2
    first = round((part.start_s - whole.start_s) * 16_000)
    assert np.abs(part.samples[:64_000] - whole.samples[first : first + 64_000])[400:].max() < 0.02


def test_there_is_no_sound_after_its_end_and_no_span_without_length(tmp_path: Path) -> None:
    path = sound_file(tmp_path / "a.wav", "pcm_s16le")
    with pytest.raises(MediaError) as caught:
        read_sound(path, start_s=5.0, end_s=6.0)
    assert caught.value.code == "no_sound"
    with pytest.raises(UsageError):
        read_sound(path, start_s=5.0, end_s=5.0)


def sound_of(path: Path, samples: np.ndarray) -> None:
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        whole = (samples * 32_767).astype(np.int16)
        for start in range(0, len(whole), 4096):
            piece = av.AudioFrame.from_ndarray(whole[None, start : start + 4096], "s16", "mono")
            piece.rate, piece.pts = 16_000, start
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
