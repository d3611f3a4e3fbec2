"""What happens between a cloak and a forger's program: channels of delivery, then what the forger tries against noise.

A channel takes the whole picture and may return a smaller one; single pictures are coded by H.264 within themselves.
The profiles of platforms are approximations of what others have measured of them (survey in Qu et al., DF-RAP, IEEE
Transactions on Information Forensics and Security 19, 2024); platforms change what they do without saying so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge import channel, weights
from unforge.channel import messenger
from unforge.faces import align

Picture = NDArray[np.uint8]
Mesh = NDArray[np.float32]

AS_SAVED, NOBODY = "as saved", "no attacker"
BLUR_PX = 1.0  # of the channel; what a lens slightly out of focus does
ATTACK_BLUR = 0.012  # of the forger, over the longer side of the face: 3 px on a face of 250 px
DENOISE_STRENGTH = 5  # in grey levels; more takes the pores, and the forger wants them
DENOISE_MARGIN = 0.3  # beyond the face on each side, over the side of its box
REDRAWN_MARGIN = 1.2  # side of what the autoencoder draws, over the longer side of the face
REDRAWN_RIM_PX = 8
DECODER = ("decoder", "shuffle")  # card and output with the smallest error


@dataclass(frozen=True, slots=True)
class Channel:
    """A way of delivery. english, chinese: its name in sentences."""

    name: str
    english: str
    chinese: str
    send: Callable[[Picture], Picture]


@dataclass(frozen=True, slots=True)
class Attacker:
    """A forger's try to get rid of a cloak: takes the delivered picture and the meshes (468, 2) of its faces."""

    name: str
    english: str
    chinese: str
    clean: Callable[[Picture, Sequence[Mesh]], Picture]


def scaled(mesh_px: Mesh, before: Picture, after: Picture) -> Mesh:
    """A mesh (468, 2) on a picture that was made smaller or larger. Pixel centres lie at whole numbers."""
    ratio = np.array([after.shape[1] / before.shape[1], after.shape[0] / before.shape[0]])
    return np.asarray((mesh_px + 0.5) * ratio - 0.5, np.float32)


# Channels


def _jpeg(quality: int, rgb: Picture) -> Picture:
    return messenger.coded(rgb, (quality,))


def _h264(crf: int, rgb: Picture) -> Picture:
    return channel.load("h264").apply(rgb, (crf - 14) / 24, np.random.default_rng(0))


def _long_side(side_px: int, rgb: Picture) -> Picture:
    return messenger.reduced(rgb, side_px)


def _half(rgb: Picture) -> Picture:
    return messenger.reduced(rgb, max(1, max(rgb.shape[:2]) // 2))


def _blur(rgb: Picture) -> Picture:
    return channel.load("blur").apply(rgb, BLUR_PX / 2.5, np.random.default_rng(0))


def _platform(side_px: int, quality: int, rgb: Picture) -> Picture:
    return _jpeg(quality, _long_side(side_px, rgb))


def _profile(name: str, side_px: int, quality: int) -> Channel:
    words = f"{side_px} px, JPEG {quality}"
    return Channel(
        f"{name} (approximation)",
        f"an approximation of {name} ({words})",
        f"近似 {name} 的处理（{words}）",
        partial(_platform, side_px, quality),
    )


CHANNELS: tuple[Channel, ...] = (
    Channel(AS_SAVED, AS_SAVED, "原样保存", lambda rgb: rgb),
    *(Channel(f"JPEG {q}", f"JPEG {q}", f"JPEG {q}", partial(_jpeg, q)) for q in (95, 92, 85, 75, 71, 50)),
    Channel("half size", "half size", "缩小一半", _half),
    *(
        Channel(f"long side {px}", f"a long side of {px} px", f"长边 {px} 像素", partial(_long_side, px))
        for px in (2048, 1280)
    ),
    Channel("blur", "a slight blur", "轻微模糊", _blur),
    *(
        Channel(f"H.264 CRF {crf}", f"H.264 at CRF {crf}", f"H.264（CRF {crf}）", partial(_h264, crf))
        for crf in (18, 23, 28, 33)
    ),
    _profile("facebook", 2048, 92),
    _profile("x", 4096, 85),
    _profile("wechat", 1280, 75),
    _profile("weibo", 2048, 80),
)


# Attackers


def _blurred(rgb: Picture, meshes_px: Sequence[Mesh]) -> Picture:
    sigma_px = ATTACK_BLUR * max((float(np.ptp(mesh, axis=0).max()) for mesh in meshes_px), default=0.0)
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma_px), np.uint8) if sigma_px > 0.0 else rgb


def _denoised(rgb: Picture, meshes_px: Sequence[Mesh]) -> Picture:
    """Non-local means around each face (Buades, Coll and Morel, CVPR 2005)."""
    cleaned = rgb.copy()
    for mesh in meshes_px:
        low, high = mesh.min(axis=0), mesh.max(axis=0)
        margin = DENOISE_MARGIN * (high - low)
        x0, y0 = np.maximum(np.floor(low - margin), 0).astype(int)
        x1, y1 = np.maximum(np.ceil(high + margin), 0).astype(int)
        part = np.ascontiguousarray(rgb[y0:y1, x0:x1])
        if part.size:
            cleaned[y0:y1, x0:x1] = cv2.fastNlMeansDenoisingColored(
                part, None, DENOISE_STRENGTH, DENOISE_STRENGTH, templateWindowSize=5, searchWindowSize=13
            )
    return cleaned


def _redrawn(rgb: Picture, meshes_px: Sequence[Mesh]) -> Picture:
    """Each face as an autoencoder draws it that knows no cloaks, put back (the idea: Chen et al., MagDR, CVPR 2021)."""
    for mesh in meshes_px:
        rgb = _one_redrawn(rgb, mesh)
    return rgb


def _one_redrawn(rgb: Picture, mesh_px: Mesh) -> Picture:
    size_px = int(weights.card(DECODER[0]).details["size_px"])
    matrix = align.face_square(mesh_px, REDRAWN_MARGIN, size_px)
    fed = align.warp(rgb, matrix, size_px).astype(np.float32).transpose(2, 0, 1)[None]
    (drawn,) = weights.session(DECODER[0]).run([DECODER[1]], {"rgb": np.ascontiguousarray(fed)})
    inside = np.zeros((size_px, size_px), np.float32)
    inside[REDRAWN_RIM_PX:-REDRAWN_RIM_PX, REDRAWN_RIM_PX:-REDRAWN_RIM_PX] = 1.0
    faded = cv2.blur(inside, (REDRAWN_RIM_PX, REDRAWN_RIM_PX))
    size_wh, flags = (rgb.shape[1], rgb.shape[0]), cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    face = cv2.warpAffine(drawn[0].transpose(1, 2, 0), matrix, size_wh, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    share = cv2.warpAffine(faded, matrix, size_wh, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)[..., None]
    return np.asarray(np.clip(np.rint(rgb + share * (face - rgb)), 0, 255), np.uint8)


ATTACKERS: tuple[Attacker, ...] = (
    Attacker(NOBODY, NOBODY, "无攻击者", lambda rgb, meshes_px: rgb),
    Attacker("blur", "blurred by the forger", "伪造者模糊处理", _blurred),
    Attacker("denoise", "denoised by the forger", "伪造者去噪", _denoised),
    Attacker("reconstruction", "redrawn by an autoencoder", "经自编码器重建", _redrawn),
)

# Done to a program, not to the picture: bench measures such a program as a target of its own.
FINE_TUNED = Attacker(
    "fine-tuned generator",
    "its program retrained on protected pictures",
    "程序已用受保护的图片重新训练",
    lambda rgb, meshes_px: rgb,
)
