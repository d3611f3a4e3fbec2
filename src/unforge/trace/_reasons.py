"""What a reading says in words, in both languages."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from unforge.trace import payload as payloads
from unforge.trace import utc
from unforge.trace.keys import Key
from unforge.trace.listen import SIDES_PX, resized
from unforge.trace.registry import Owner
from unforge.trace.understand import Message

DARK, BLOWN = 24, 251  # grey levels
MOST_BLOWN_SHARE, ALL_BLOWN_SHARE = 0.6, 0.98
LEAST_SHARPNESS = 1.2  # grey levels between a picture and itself blurred by a pixel, 99th percentile

Picture = NDArray[np.uint8]


class Said(NamedTuple):
    """The same in English and Chinese."""

    reason: str
    reason_zh: str


UNREADABLE = Said(
    "A mark of this site is on the screen, but too little of it can be read to say whose it is; try the original file, "
    "a picture of more of the screen, or a registry with the time of the photograph.",
    "屏幕上有本站点的水印，但可读取的部分太少，无法判断来源；请尝试原始文件、拍到更多屏幕的照片，或提供登记与拍摄时间。",
)
COLOURLESS = Said(
    "No mark was found, but the picture has no colour: the main carrier is gone, and the rest may be too faint.",
    "未找到水印，但图片没有颜色：主要载体已丢失，剩余部分可能过于微弱。",
)
TOO_DARK = Said("The picture is too dark to show a mark.", "图片过暗，无法显示水印。")
TOO_BRIGHT = Said(
    "Most of the picture is blown out: its white cannot show a mark.", "图片大部分过曝，白色区域无法显示水印。"
)
TOO_BLURRED = Said("The picture is too blurred to show a mark.", "图片过于模糊，无法显示水印。")


def too_small(rgb: Picture, least_px: int) -> Said:
    """Why a picture was not even looked at."""
    height, width = rgb.shape[:2]
    return Said(
        f"The picture has {width} x {height} px; a mark needs a long side of {least_px} px or more.",
        f"图片为 {width} × {height} 像素；读取水印需要长边至少 {least_px} 像素。",
    )


def read_out(message: Message, owner: Owner | None) -> Said:
    """What was read, how, and how sure it is."""
    how, how_zh = ("by comparison with the registry", "与登记比对") if message.by_registry else ("by its tag", "凭签名")
    what, what_zh = _message(message.payload)
    known = "" if owner is None else f" {owner.note}"
    chance = f"{message.error_probability:.0e}"
    return Said(
        f"The mark says {what}; read {how}. A picture without this mark is read so with a probability of at most "
        f"{chance}.{known}",
        f"水印内容：{what_zh}；{how_zh}读出。没有该水印的图片被读成这样的概率不超过 {chance}。",
    )


def revoked(key: Key) -> Said:
    """A mark by a key that is in other hands."""
    when = "" if key.revoked_at is None else utc.text(key.revoked_at)
    return Said(
        f"A mark was read, but its key {key.id} has been revoked at {when}: anybody may have made it.",
        f"读出了水印，但其密钥 {key.id} 已于 {when} 吊销：任何人都可能制作它。",
    )


def unsigned(tried: str) -> Said:
    """A message that is clearly there, and that no key of the ring has signed."""
    return Said(
        f"A mark of this site is on the screen, but none of its keys signed the message; keys tried: {tried}.",
        f"屏幕上有本站点的水印，但没有任何密钥签署过该内容；已尝试的密钥：{tried}。",
    )


def mixed(messages: list[Message]) -> Said:
    """Two marks at one place, as where pictures of two screens were averaged."""
    both, both_zh = ([_message(one.payload)[n] for one in messages] for n in range(2))
    return Said(
        f"Marks of two screens lie over each other, as where pictures were mixed: {' and '.join(both)}.",
        f"两块屏幕的水印重叠在一起，类似图片被混合：{'；'.join(both_zh)}。",
    )


def nothing(tried: str) -> Said:
    """No mark in a picture that could have shown one."""
    return Said(
        f"No mark of this site was found; keys tried: {tried}. A small, blurred or far screen may hide one.",
        f"没有找到本站点的水印；已尝试的密钥：{tried}。屏幕过小、模糊或过远时，水印可能无法读出。",
    )


def unfit(rgb: Picture, grey: bool) -> Said | None:
    """Why a picture could not have shown a mark; None where it could."""
    luma = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    if float(np.percentile(luma, 95)) < DARK:
        return TOO_DARK
    blown_share = float((rgb.min(axis=2) > BLOWN).mean())
    if blown_share > (ALL_BLOWN_SHARE if grey else MOST_BLOWN_SHARE):
        return TOO_BRIGHT
    if grey:
        return COLOURLESS
    return TOO_BLURRED if _sharpness(luma) < LEAST_SHARPNESS else None


def _message(said: payloads.Payload) -> tuple[str, str]:
    if isinstance(said, payloads.MachinePayload):
        when = utc.text(said.starts_at)
        return (
            f"machine {said.machine}, place {said.place}, the ten minutes from {when}",
            f"机器 {said.machine}，地点 {said.place}，自 {when} 起的十分钟",
        )
    return f"token {said.token}", f"令牌 {said.token}"


def _sharpness(luma: Picture) -> float:
    """How much of a picture is finer than two pixels at the size at which marks are looked for."""
    small = resized(luma, min(1.0, SIDES_PX[0] / max(luma.shape))).astype(np.float32)
    return float(np.percentile(np.abs(small - cv2.GaussianBlur(small, (0, 0), 1.0)), 99))
