"""H.264 compression of a single picture, constant rate factor 14 to 38."""

from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray


def apply(rgb: NDArray[np.uint8], strength: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture after one intra-coded H.264 round at CRF 14 + 24 x strength; odd sides keep their last line."""
    if strength <= 0:
        return rgb
    height, width = rgb.shape[0] // 2 * 2, rgb.shape[1] // 2 * 2
    if min(height, width) < 2:
        return rgb
    coded = rgb.copy()
    coded[:height, :width] = _round_trip(np.ascontiguousarray(rgb[:height, :width]), round(14 + 24 * strength))
    return coded


def _round_trip(rgb: NDArray[np.uint8], crf: int) -> NDArray[np.uint8]:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = rgb.shape[1], rgb.shape[0]
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"crf": str(crf), "preset": "veryfast", "tune": "zerolatency", "threads": "1"}
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    decoded = [out for packet in packets for out in decoder.decode(packet)] + decoder.decode(None)
    return np.asarray(decoded[0].to_ndarray(format="rgb24"), np.uint8)
