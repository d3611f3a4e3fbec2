"""Media made by code: good files of every kind, and files that attack whoever opens them. Nothing is stored."""

import io
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

RED, BLUE, GREEN, GREY = (220, 30, 30), (30, 30, 220), (30, 180, 60), (128, 128, 128)


def marker(width: int = 96, height: int = 64) -> NDArray[np.uint8]:
    """Red in the top left corner, blue in the top right one, grey elsewhere: every turn and mirror shows."""
    rgb = np.full((height, width, 3), GREY, np.uint8)
    rgb[: height // 2, : width // 3] = RED
    rgb[: height // 2, -(width // 3) :] = BLUE
    return rgb


def corner_names(rgb: NDArray[np.uint8]) -> tuple[str, str, str, str]:
    """What stands in the corners: top left, top right, bottom left, bottom right."""

    def name(y: int, x: int) -> str:
        red, _, blue = (int(value) for value in rgb[y, x])
        return "red" if red > blue + 60 else "blue" if blue > red + 60 else "grey"

    height, width = rgb.shape[:2]
    y, x = height // 8, width // 8
    return name(y, x), name(y, -x - 1), name(-y - 1, x), name(-y - 1, -x - 1)


def moving(count: int, width: int = 96, height: int = 64) -> list[NDArray[np.uint8]]:
    """Frames in which the marker wanders to the right."""
    return [np.roll(marker(width, height), 2 * index, axis=1) for index in range(count)]


def encode(
    path: Path,
    frames: Sequence[NDArray[np.uint8]],
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    ticks: Sequence[int] | None = None,
    ticks_per_s: int = 25,
    options: dict[str, str] | None = None,
    rotation: tuple[int, bool, bool] | None = None,
    pixel_ratio: Fraction | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """A video in whatever codec and pixel format; `ticks` are its timestamps in 1 / ticks_per_s."""
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=ticks_per_s, options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = Fraction(1, ticks_per_s)
        if pixel_ratio is not None:
            stream.codec_context.sample_aspect_ratio = pixel_ratio
        if rotation is not None:
            stream.set_display_rotation(rotation[0], hflip=rotation[1], vflip=rotation[2])
        for index, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)
            frame.pts = index if ticks is None else ticks[index]
            frame.time_base = Fraction(1, ticks_per_s)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def tone(rate_hz: int = 44_100, seconds: float = 1.0, frequency_hz: float = 440.0) -> NDArray[np.float32]:
    times_s = np.arange(round(rate_hz * seconds)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * frequency_hz * times_s)).astype(np.float32)


def sound_file(path: Path, codec: str, *, with_picture: bool = False, delay_s: float = 0.0) -> Path:
    """A stereo tone of one second, with or without a picture beside it."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25) if with_picture else None
        if video is not None:
            video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        audio = container.add_stream(codec, rate=44_100, layout="stereo")
        for index, rgb in enumerate(moving(25) if video is not None else []):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(video.encode(frame))
        samples = np.stack([tone(), tone()])
        size = audio.codec_context.frame_size or 1024
        for start in range(0, samples.shape[1], size):
            piece = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, start : start + size]), "fltp", "stereo")
            piece.rate, piece.pts, piece.time_base = (
                44_100,
                start + round(delay_s * 44_100),
                Fraction(1, 44_100),
            )
            for converted in av.AudioResampler(audio.format, "stereo", 44_100).resample(piece):
                container.mux(audio.encode(converted))
        if video is not None:
            container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width: int, height: int, *, depth: int = 8, colour: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)


def huge_png(width: int = 30_000, height: int = 30_000) -> bytes:
    """A complete picture of 900 million px in under a megabyte, written row by row."""
    packer, row = zlib.compressobj(9), b"\0" + bytes((width + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png_header(width, height, depth=1, colour=0) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def picture_bytes(kind: str, rgb: NDArray[np.uint8] | None = None, **settings: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(marker() if rgb is None else rgb).save(buffer, kind, **settings)
    return buffer.getvalue()


def gif_bytes(frames: Sequence[NDArray[np.uint8]], durations_ms: Sequence[int]) -> bytes:
    buffer = io.BytesIO()
    first, *others = [Image.fromarray(frame) for frame in frames]
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=list(durations_ms), disposal=1)
    return buffer.getvalue()


@dataclass(frozen=True)
class Hostile:
    """A file nobody sends with good intent. `codes` holds every acceptable answer; None means that it can be read."""

    name: str
    write: Callable[[Path], object]
    codes: frozenset[str | None]

    def make(self, folder: Path) -> Path:
        path = folder / self.name
        self.write(path)
        return path


def _bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _clip_bytes(path: Path, *, header_first: bool = False, count: int = 50) -> bytes:
    scratch = path.with_name("scratch.mp4")
    faststart = {"movflags": "faststart"} if header_first else {}
    encode(scratch, moving(count), container_options=faststart, options={"g": "10"})
    content = scratch.read_bytes()
    scratch.unlink()
    return content


def _cut(path: Path, *, header_first: bool, share: float) -> None:
    content = _clip_bytes(path, header_first=header_first)
    path.write_bytes(content[: int(len(content) * share)])


def _flipped(path: Path, start: float, end: float, every: int) -> None:
    content = bytearray(_clip_bytes(path, header_first=True))
    for place in range(int(len(content) * start), int(len(content) * end), every):
        content[place] ^= 0x5A
    path.write_bytes(bytes(content))


def _without_samples(path: Path) -> None:
    content = _clip_bytes(path, header_first=True)
    body = content.index(b"mdat") + 4
    path.write_bytes(content[:body] + bytes(len(content) - body))


def _claims_centuries(path: Path) -> None:
    content = bytearray(_clip_bytes(path))
    for box, place in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
        at = content.index(box) + place
        content[at : at + 4] = b"\x7f\xff\xff\xff"
    path.write_bytes(bytes(content))


def _without_key_frame(path: Path) -> None:
    scratch = encode(path.with_name("scratch.mkv"), moving(30))
    with av.open(str(scratch)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size and not packet.is_keyframe:
                packet.stream = stream
                target.mux(packet)
    scratch.unlink()


def _no_time_passes(path: Path) -> None:
    content = bytearray(_clip_bytes(path, count=5))
    table = content.index(b"stts") + 4 + 4
    for entry in range(int.from_bytes(content[table : table + 4], "big")):
        content[table + 8 + 8 * entry : table + 12 + 8 * entry] = bytes(4)
    path.write_bytes(bytes(content))


def _unknown_codec(path: Path) -> None:
    scratch = encode(path.with_name("scratch.mkv"), moving(5))
    content = scratch.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_NOBODY/KNOWSIT")[:-1]
    scratch.unlink()
    path.write_bytes(content.replace(b"V_NOBODY/KNOWSIT", b"V_NOBODY/KNOWS!"))


def _mp3_with_cover(path: Path) -> None:
    sound_file(path, "libmp3lame")
    cover = b"\0image/jpeg\0\3\0" + picture_bytes("JPEG")
    size = len(cover) + 10
    synchsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    tag = b"ID3\3\0\0" + synchsafe + b"APIC" + struct.pack(">I", len(cover)) + b"\0\0" + cover
    path.write_bytes(tag + path.read_bytes())


def _jpeg_that_claims(width: int, height: int) -> bytes:
    content = bytearray(picture_bytes("JPEG"))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def _gif_that_claims(width: int, height: int) -> bytes:
    content = bytearray(gif_bytes(moving(3), [40, 40, 40]))
    content[6:10] = struct.pack("<HH", width, height)
    return bytes(content)


def _gif_bomb() -> bytes:
    """A hundred thousand frames of 2 million px each, in less than two megabytes."""
    screen = b"GIF89a" + struct.pack("<HH", 1600, 1200) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\4\0\1\0\0\0" + b"\x2c" + struct.pack("<HHHH", 0, 0, 1, 1) + b"\0\2\2\x44\1\0"
    return screen + frame * 100_000 + b";"


def _text_bomb() -> bytes:
    text = b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9)
    return (
        png_header(2, 2)
        + png_chunk(b"zTXt", text)
        + png_chunk(b"IDAT", zlib.compress(bytes(14)))
        + png_chunk(b"IEND", b"")
    )


def _endless_tiff() -> bytes:
    """Its list of pages leads back to its first page; the picture is one grey px."""
    tags = [
        (256, 4, 1),
        (257, 4, 1),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (278, 4, 1),
        (279, 4, 1),
    ]
    fields = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return (
        b"II*\0" + struct.pack("<I", 12) + b"\x80\0\0\0" + struct.pack("<H", len(tags)) + fields + struct.pack("<I", 12)
    )


def _fast(path: Path) -> None:
    encode(path, moving(500), ticks_per_s=1000)


def _huge_frames(path: Path) -> None:
    encode(path, [np.zeros((6_100, 6_600, 3), np.uint8)], codec="ffv1", pixel_format="gray")


def _growing(path: Path) -> None:
    """Motion JPEG whose later frames are larger than the container says, the last one too large."""
    pictures = [picture_bytes("JPEG", marker(96 * k, 64 * k)) for k in (1, 2, 4)] + [_jpeg_that_claims(9_000, 9_000)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        for index, content in enumerate(pictures):
            packet = av.Packet(content)
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, index, index, Fraction(1, 25)
            packet.is_keyframe = True
            container.mux(packet)


def _pixel_format(codec: str, pixel_format: str) -> Callable[[Path], object]:
    return lambda path: encode(path, moving(5), codec=codec, pixel_format=pixel_format)


def _y4m(width: int, height: int) -> bytes:
    return f"YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C420jpeg\nFRAME\n".encode() + bytes(1000)


_NOISE = np.random.default_rng(7).integers(0, 256, 65_536, dtype=np.uint8).tobytes()
_PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/clip.ts\n#EXT-X-ENDLIST\n"
_DASH = b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>http://127.0.0.1:9/</BaseURL></MPD>'


def _hostile(name: str, write: Callable[[Path], object], *codes: str | None) -> Hostile:
    return Hostile(name, write, frozenset(codes))


HOSTILE: tuple[Hostile, ...] = (
    _hostile("empty.mp4", _bytes(b""), "unreadable"),
    _hostile("one byte.mp4", _bytes(b"\0"), "not_media"),
    _hostile("text.mp4", _bytes("这是一段文字。 Only text.\n".encode() * 400), "not_media"),
    _hostile("zeros.mp4", _bytes(bytes(65_536)), "not_media"),
    _hostile("noise.mp4", _bytes(_NOISE), "not_media"),
    _hostile("zip.mp4", _bytes(b"PK\3\4" + _NOISE[:2000]), "not_media"),
    _hostile("program.mp4", _bytes(b"\x7fELF\2\1\1" + bytes(2000)), "not_media"),
    _hostile("page.html", _bytes(b"<!doctype html><p>Not a picture</p>" * 50), "not_media"),
    _hostile("drawing.svg", _bytes(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), "not_media"),
    _hostile("script.eps", _bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"), "not_media"),
    _hostile("playlist.m3u8", _bytes(_PLAYLIST), "not_media"),
    _hostile("playlist.mp4", _bytes(_PLAYLIST), "not_media"),
    _hostile("concat.mp4", _bytes(b"ffconcat version 1.0\nfile '/etc/hostname'\n"), "not_media"),
    _hostile("dash.mpd", _bytes(_DASH), "not_media"),
    _hostile("session.sdp", _bytes(b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"), "not_media"),
    _hostile("brand only.mp4", _bytes(b"\0\0\0\x14ftypisom\0\0\2\0isom"), "unreadable"),
    _hostile("cut, header last.mp4", lambda path: _cut(path, header_first=False, share=0.6), "unreadable"),
    _hostile("cut, header first.mp4", lambda path: _cut(path, header_first=True, share=0.6), None),
    _hostile("cut in header.mp4", lambda path: _cut(path, header_first=True, share=0.05), "unreadable"),
    _hostile("flipped samples.mp4", lambda path: _flipped(path, 0.5, 0.9, 97), None),
    _hostile("flipped header.mp4", lambda path: _flipped(path, 0.02, 0.3, 23), None, "unreadable", "no_picture"),
    _hostile("no samples.mp4", _without_samples, "unreadable"),
    _hostile("claims centuries.mp4", _claims_centuries, None),
    _hostile("no time passes.mp4", _no_time_passes, None),
    _hostile("no key frame.mkv", _without_key_frame, None, "unreadable"),
    _hostile("unknown codec.mkv", _unknown_codec, "unreadable", "no_picture"),
    _hostile("thousand hertz.mp4", _fast, None),
    _hostile("ten bit.mkv", _pixel_format("ffv1", "yuv444p10le"), None),
    _hostile("planar rgb.avi", _pixel_format("utvideo", "gbrp"), None),
    _hostile("grey.mkv", _pixel_format("ffv1", "gray"), None),
    _hostile("grey sixteen.mkv", _pixel_format("ffv1", "gray16le"), None),
    _hostile("alpha.mkv", _pixel_format("ffv1", "yuva420p"), None),
    _hostile("wide chroma.mkv", _pixel_format("ffv1", "yuv410p"), None),
    _hostile("packed chroma.avi", _pixel_format("rawvideo", "yuyv422"), None),
    _hostile("huge frames.y4m", _bytes(_y4m(30_000, 30_000)), "unreadable"),
    _hostile("huge frames.mkv", _huge_frames, "too_large"),
    _hostile("growing.mkv", _growing, None),
    _hostile("sound.wav", lambda path: sound_file(path, "pcm_s16le"), "no_picture"),
    _hostile("sound.mp4", lambda path: sound_file(path, "aac"), "no_picture"),
    _hostile("cover.mp3", _mp3_with_cover, "no_picture"),
    _hostile("huge.png", _bytes(huge_png()), "too_large"),
    _hostile("huge.jpg", _bytes(_jpeg_that_claims(65_500, 65_500)), "too_large"),
    _hostile("large claim.jpg", _bytes(_jpeg_that_claims(9_000, 9_000)), None, "unreadable"),
    _hostile("huge.gif", _bytes(_gif_that_claims(65_535, 65_535)), "too_large"),
    _hostile("bomb.gif", _bytes(_gif_bomb()), "too_large"),
    _hostile("text bomb.png", _bytes(_text_bomb()), "unreadable", None),
    _hostile("no size.png", _bytes(png_header(0, 0) + png_chunk(b"IEND", b"")), "unreadable"),
    _hostile("only a signature.png", _bytes(b"\x89PNG\r\n\x1a\n and then words"), "unreadable"),
    _hostile(
        "cut.png",
        _bytes(picture_bytes("PNG", np.frombuffer(_NOISE[:49_152], np.uint8).reshape(128, 128, 3))[:20_000]),
        "unreadable",
    ),
    _hostile("cut.jpg", _bytes(picture_bytes("JPEG")[:500]), "unreadable"),
    _hostile("cut.webp", _bytes(picture_bytes("WEBP", lossless=True)[:60]), "unreadable"),
    _hostile("cut.avif", _bytes(picture_bytes("AVIF")[:200]), "unreadable"),
    _hostile("endless.tif", _bytes(_endless_tiff()), None, "unreadable"),
)
