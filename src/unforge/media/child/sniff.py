"""What a file is by its first bytes, whatever its name says."""

import os

_HEAD_BYTES = 4096
_PICTURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
)
_CLIPS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"OggS",
    b"FLV\x01",
    b"ID3",
    b"fLaC",
    b"RIFF",
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",
    b"0&\xb2u\x8ef\xcf\x11",  # ASF
    b"\x06\x0e+4",  # MXF
    b"YUV4MPEG2",
)
_AVIF_BRANDS = (b"avif", b"avis")
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def head() -> bytes:
    """The first bytes of the file on descriptor 0, which stays at its start."""
    os.lseek(0, 0, os.SEEK_SET)
    first = os.read(0, _HEAD_BYTES)
    os.lseek(0, 0, os.SEEK_SET)
    return first


def picture_format(first: bytes) -> str | None:
    """Pillow's name of a picture format, or None where the bytes are not those of a picture."""
    for magic, name in _PICTURES:
        if first.startswith(magic):
            return name
    if first[:4] == b"RIFF" and first[8:12] == b"WEBP":
        return "WEBP"
    if first[:2] == b"BM" and first[6:10] == b"\0\0\0\0":  # the reserved field: text may begin with BM too
        return "BMP"
    if first[4:8] == b"ftyp":
        brand = first[8:12]
        if brand in _AVIF_BRANDS or (brand in (b"mif1", b"msf1") and b"avif" in first[16:64]):
            return "AVIF"
        return "HEIF" if brand in _HEIF_BRANDS else None
    return None


def looks_like_clip(first: bytes) -> bool:
    """Whether a file that no demuxer takes was a video or a sound once: damaged, not something else."""
    return first.startswith(_CLIPS) or first[4:8] in _BOXES
