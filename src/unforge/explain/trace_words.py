"""What is said of a mark in a photograph, in both languages: how sure, what it means, and what it does not prove."""

from collections.abc import Iterator, Mapping

from unforge.explain.vocabulary import Said
from unforge.report import Grade, Investigation, ScreenMark

GRADES: Mapping[Grade, Said] = {
    "confirmed": Said("A mark was read, and its signature fits", "已读出水印，签名相符"),
    "probable": Said("A mark was probably read", "很可能读出了水印"),
    "inconclusive": Said("Inconclusive", "无法确定"),
    "none": Said("No mark was found", "未发现水印"),
}

MEANING: Mapping[Grade, Said] = {
    "confirmed": Said(
        "It means: the photograph shows a mark that was made with a key of this ring, and what it says was read whole.",
        "这意味着：照片中的水印由本密钥环中的密钥生成，其内容已完整读出。",
    ),
    "probable": Said(
        "It means: a mark of this key ring fits far better than by chance, but less surely than a confirmed one.",
        "这意味着：照片与本密钥环的某一水印的吻合程度远超偶然，但不如“已读出”时确定。",
    ),
    "inconclusive": Said(
        "It means: there are signs of a mark, or the photograph does not allow an answer. Try a sharper or larger one.",
        "这意味着：有水印的迹象，或照片不足以作出回答。请换用更清晰或更大的照片。",
    ),
    "none": Said(
        "It means: no mark of this key ring was found where one could have been read.",
        "这意味着：在可以读取水印的条件下，未发现本密钥环的水印。",
    ),
}

NOT_MEANING: Mapping[Grade, Said] = {
    "confirmed": Said(
        "It does not mean: that this person took the photograph, or that this screen showed what is in it.",
        "这不意味着：照片由此人拍摄，或照片中的内容确实显示在该屏幕上。",
    ),
    "probable": Said(
        "It does not mean: that the source is known. Do not name anybody on this alone.",
        "这不意味着：来源已经查明。不可仅凭此结果指认任何人。",
    ),
    "inconclusive": Said(
        "It does not mean: that there is no mark, or that there is one.",
        "这不意味着：没有水印，也不意味着有水印。",
    ),
    "none": Said(
        "It does not mean: that the screen was not marked. Reduction, blur, warm colours and grey copies erase marks.",
        "这不意味着：屏幕没有水印。缩小、模糊、暖色屏幕和灰度副本都会抹去水印。",
    ),
}

_REVOKED = (
    Said("A mark was read, but its key has been revoked", "读出了水印，但其密钥已被吊销"),
    Said(
        "It means: the photograph shows a mark that was made with a key which others may hold.",
        "这意味着：照片中的水印由他人可能持有的密钥生成。",
    ),
    Said(
        "It does not mean: that any machine of this site showed it. What it says is not told for that reason.",
        "这不意味着：本站点的某台机器显示过它。因此不公布其内容。",
    ),
)

STATUS: Mapping[str, Said] = {
    "known": Said(
        "The registry holds that this machine showed this mark at that time.",
        "登记库记载该机器当时显示了此水印。",
    ),
    "unknown": Said(
        "The key is valid, the owner is unknown: the registry has no such machine or token.",
        "密钥有效，但归属未知：登记库中没有这台机器或这个令牌。",
    ),
    "not_running": Said(
        "The registry does not hold that this machine showed this mark then: the mark may be a copy.",
        "登记库没有该机器当时显示此水印的记录：水印可能是复制的。",
    ),
    "revoked": Said(
        "This machine had been revoked by then: the mark may be a copy.",
        "该机器当时已被吊销：水印可能是复制的。",
    ),
}

_OF_MARK = (
    Said(
        "The signature proves that whoever holds the key made this mark. It does not prove that the screen showed it.",
        "签名证明水印由持有密钥者生成，并不证明该屏幕显示过它。",
    ),
    Said(
        "A mark can be copied from one screen or file to another. Hold this result against the log of the overlay "
        "before anybody is named.",
        "水印可以从一个屏幕或文件复制到另一个。在指认任何人之前，请与屏幕水印程序的运行日志核对。",
    ),
    Said(
        "A machine is not a person. Who sat before it is a matter of other evidence.",
        "机器不等于人。当时由谁使用，须由其他证据说明。",
    ),
    Said(
        "The time is that of the mark. The photograph may be later: a marked file, and a picture of a screen on a "
        "screen, keep the time of their mark.",
        "时间是水印的时间，照片可能拍摄得更晚：已加水印的文件以及翻拍的屏幕画面，都保留其水印的时间。",
    ),
)
_OF_NONE = (
    Said(
        "Marks of other key rings cannot be seen with this one.",
        "用本密钥环看不到其他密钥环的水印。",
    ),
    Said(
        "A photograph that is too small, blurred, grey or cropped may have lost its mark.",
        "过小、模糊、灰度或裁剪过的照片可能已失去水印。",
    ),
)
_OF_ALL = Said(
    "Nothing is said about whether the photograph has been edited, or about anything else in it.",
    "对照片是否经过编辑及其中的其他内容不作任何判断。",
)
_LEAST_SAID = 1e-12  # whatever is computed below this is an estimate of an estimate


def limits(found: Investigation) -> Iterator[Said]:
    """What the result does not prove."""
    read = found.best is not None and found.best.grade in ("confirmed", "probable")
    yield from _OF_MARK if read else _OF_NONE
    yield _OF_ALL


def odds(probability: float) -> Said:
    """An error probability in words: about 1 in 2,000,000."""
    if probability < _LEAST_SAID:
        return Said("less than 1 in 1,000,000,000,000", "不到一万亿分之一")
    once_in = 1.0 / min(probability, 1.0)
    digits = max(len(f"{once_in:.0f}") - 2, 0)
    rounded = max(round(once_in / 10**digits) * 10**digits, 1)
    return Said(f"about 1 in {rounded:,}", f"约{_chinese(rounded)}分之一")


def headline(screen: ScreenMark) -> Said:
    """Who the mark leads to, in a few words; the grade where it leads to nobody."""
    if is_revoked(screen):
        return _REVOKED[0]
    told = GRADES[screen.grade]
    if screen.owner is not None and screen.owner.machine:
        return Said(f"{told.en}: {screen.owner.machine}", f"{told.zh}：{screen.owner.machine}")
    if screen.machine is not None:
        return Said(f"{told.en}: machine {screen.machine}", f"{told.zh}：机器 {screen.machine}")
    return told


def meaning(screen: ScreenMark) -> tuple[Said, Said]:
    """What it means, and what it does not mean."""
    return _REVOKED[1:] if is_revoked(screen) else (MEANING[screen.grade], NOT_MEANING[screen.grade])


def is_revoked(screen: ScreenMark) -> bool:
    """Whether a mark was read whose key is not believed any more: it is told with its key, and leads to nobody."""
    return screen.grade == "none" and screen.key is not None


def _chinese(count: int) -> str:
    if count >= 10**8:
        return f" {count / 10**8:,g} 亿"
    return f" {count / 10**4:,g} 万" if count >= 10**4 else f" {count:,} "
