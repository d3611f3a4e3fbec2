"""What is said of a protected copy, in both languages: what was done, what it means, and what it does not stop.

The words follow a policy: a cloak raises the cost of some forgeries. Nothing here promises more.
"""

from collections.abc import Iterator, Mapping

from unforge.explain.vocabulary import Said
from unforge.report import Judged, Outcome, Protection

MEANING = Said(
    "It means: the copy carries a change that is hard to see and aims at programs which find, know or change faces. "
    "Where it works, it raises the cost of a forgery.",
    "这意味着：副本带有难以察觉的改动，用于干扰查找、识别或改变人脸的程序。在其有效之处，可提高伪造的成本。",
)
NOT_MEANING = Said(
    "It does not mean: that nobody can forge with this picture. Many programs are not stopped, and no protection is "
    "known that all of them are stopped by.",
    "这不意味着：无人能用该图片伪造。许多程序不受影响，目前也没有任何保护能阻止所有程序。",
)

LIMITS: tuple[Said, ...] = (
    Said(
        "Programs that were not tried, and later versions of those that were, may not be stopped.",
        "未经试验的程序，以及受试程序的后续版本，可能不受影响。",
    ),
    Said(
        "Face swaps that learn one person from many pictures (the original deepfake) are hardly moved by a change of "
        "this size. What it may do to them is to keep their first step from finding the face.",
        "通过大量图片学习某个人的换脸程序（最初的深度伪造）几乎不受如此微小的改动影响；改动至多使其第一步找不到人脸。",
    ),
    Said(
        "A forger who retrains a program on protected pictures, or cleans or redraws the face first, has defeated "
        "several published protections (arXiv 2510.03747, 2508.07795, 2603.13028; MagDR, CVPR 2021).",
        "伪造者若用受保护的图片重新训练程序，或事先清洗、重绘人脸，已能破解多种已发表的保护方法"
        "（arXiv 2510.03747、2508.07795、2603.13028；MagDR，CVPR 2021）。",
    ),
    Said(
        "Every upload may weaken it, coarse compression and strong reduction most.",
        "每次上传都可能削弱它，强压缩和大幅缩小尤甚。",
    ),
    Said(
        "The original, earlier copies and other pictures of the same person are as open as before.",
        "原图、先前的副本以及同一人的其他图片仍与以前一样不受保护。",
    ),
)
WITHOUT_MARK = Said(
    "This copy bears no readable mark. Keep a signature of origin and a mark (--mark) with what you publish, so that a "
    "forgery that works after all can be traced to it.",
    "此副本不带可读水印。发布时请同时保留来源签名和水印（--mark），以便伪造一旦成功仍可追溯。",
)
WITH_MARK = Said(
    "This copy bears a readable mark: a forgery that works after all may still lead back to it.",
    "此副本带有可读水印：伪造即使成功，也可能据此追溯。",
)

KINDS: Mapping[str, Said] = {
    "detector": Said("finds faces", "查找人脸"),
    "landmarks": Said("finds landmarks", "定位五官"),
    "identity": Said("knows who it is", "识别身份"),
    "editor": Said("edits looks", "编辑外貌"),
    "swap": Said("swaps faces", "换脸"),
}
OUTCOMES: Mapping[Outcome, Said] = {
    "stopped": Said("stopped", "被阻止"),
    "partly": Said("stopped on some faces", "仅部分人脸被阻止"),
    "not_stopped": Said("not stopped", "未被阻止"),
    "by_chance": Said("random noise does as much", "随机噪声同样有效"),
    "nothing": Said("does nothing here even without protection", "未加保护时亦无反应"),
    "unreached": Said("leaves the picture as it is", "不改变该图片"),
}
HELD_OUT = Said("held out", "未用于优化")
TRAINED_HERE = Said("trained here", "由本项目训练")
CONTROL = Said(
    "Control: the same change with signs drawn at random, as large everywhere and aimed at nothing. What it stops as "
    "well is not the protection's doing.",
    "对照：同样大小、符号随机的改动，不针对任何程序。对照同样能阻止的，不能归功于保护。",
)

QUALITY: Mapping[str, Said] = {
    "psnr_square_db": Said("PSNR, on the square around the face", "峰值信噪比（人脸所在方形区域）"),
    "psnr_face_db": Said("PSNR, on the face", "峰值信噪比（人脸）"),
    "psnr_frame_db": Said("PSNR, whole picture", "峰值信噪比（整幅）"),
    "ssim_face": Said("SSIM, on the face (1: equal)", "结构相似度（人脸，1 为相同）"),
    "ssim_frame": Said("SSIM, whole picture", "结构相似度（整幅）"),
    "ciede2000_mean": Said("difference in colour on the face, mean (1: just seen)", "人脸平均色差（1 为刚可察觉）"),
    "ciede2000_p99": Said("the same, what 99% of the pixels stay under", "同上，99% 的像素低于此值"),
}


def headline(told: Protection) -> Said:
    """What was done, in a few words."""
    if told.faces:
        return Said(f"Cloaked: {faces(told.faces).en}", f"已加保护扰动：{faces(told.faces).zh}")
    return Said("Cloaked: the whole picture, no face was seen", "已加保护扰动：整幅画面（未发现人脸）")


def faces(count: int) -> Said:
    return Said("1 face" if count == 1 else f"{count} faces", f"{count} 张人脸")


def seen(told: Protection) -> Said:
    """How much can be seen, in a few words."""
    if told.psnr_face_db is None or told.psnr_frame_db is None:
        return Said("nothing differs", "没有差别")
    face, frame = f"{told.psnr_face_db:.1f} dB", f"{told.psnr_frame_db:.1f} dB"
    if not told.faces:
        return Said(f"{frame} in all", f"整幅 {frame}")
    where = ("on the face", "人脸") if told.faces == 1 else ("on the faces", "人脸")
    return Said(f"{face} {where[0]}, {frame} in all", f"{where[1]} {face}，整幅 {frame}")


def left_out(told: Protection) -> Iterator[Said]:
    """Faces that were left as they are, and why."""
    if told.too_small:
        count = faces(len(told.too_small))
        yield Said(
            f"{count.en} under 48 px: too few pixels to hold a cloak, left as {_they_are(told.too_small)}",
            f"{count.zh}小于 48 像素，像素不足以承载扰动，未作处理",
        )
    if told.too_many:
        count = faces(len(told.too_many))
        yield Said(
            f"{count.en} beyond the 30 largest: left as {_they_are(told.too_many)}",
            f"{count.zh}在最大的 30 张之外，未作处理",
        )


def coarse_jpeg(quality: int) -> Said:
    """The warning for a JPEG that is coded more coarsely than anything that was measured."""
    return Said(
        f"JPEG quality {quality}: protection was not measured there (50 and above were); take a better original",
        f"JPEG 质量为 {quality}：该质量下的保护效果未经测量（仅测量过 50 及以上），请使用质量更好的原图",
    )


def stops_nothing(judged: Judged) -> bool:
    """Whether every program that was tried does its work all the same, or fails by noise just as well."""
    return not any(trial.outcome in ("stopped", "partly") for trial in judged.trials)


def summary(judged: Judged) -> Said:
    """How many programs the protection stopped after each channel, in one sentence."""
    if stops_nothing(judged):
        return Said(
            "In the short trial on this copy, no program was stopped: it offers no protection against those.",
            "在对此副本的简短试验中，没有程序被阻止：它对这些程序不起保护作用。",
        )
    counts = [(channel, *_counted(judged, channel)) for channel in dict.fromkeys(one.channel for one in judged.trials)]
    en = ", ".join(f"{channel[0]} {stopped} of {tried}" for channel, stopped, tried in counts)
    zh = "、".join(f"{channel[1]} {stopped}/{tried}" for channel, stopped, tried in counts)
    return Said(
        f"In the short trial on this copy, so many programs were stopped: {en}.",
        f"在对此副本的简短试验中，被阻止的程序数：{zh}。",
    )


def _counted(judged: Judged, channel: tuple[str, str]) -> tuple[int, int]:
    """Programs that were stopped, and those that could have been."""
    own = [trial.outcome for trial in judged.trials if trial.channel == channel]
    return own.count("stopped"), sum(outcome not in ("nothing", "unreached") for outcome in own)


def limits(told: Protection) -> Iterator[Said]:
    """What a protected copy does not stop."""
    yield from LIMITS
    yield WITHOUT_MARK if told.mark is None else WITH_MARK


def _they_are(some: tuple[object, ...]) -> str:
    return "it is" if len(some) == 1 else "they are"
