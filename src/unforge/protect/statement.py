"""What a judgement allows to be said, in both languages: what is stopped, what is not, and what was not measured.

The words follow a policy: a cloak raises the cost of some programs under some channels. No sentence promises more, no
number stands for all targets, and what random noise does as well is not called the cloak's doing.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from unforge.protect.judge import Cell, Judgement
from unforge.protect.targets import KINDS, Kind
from unforge.protect.ways import ATTACKERS, CHANNELS, FINE_TUNED, NOBODY

Language = Literal["en", "zh"]
Said = tuple[str, str]  # English, Chinese

MOSTLY, AT_TIMES = 0.8, 0.2  # shares of faces from which a target is called stopped, or stopped on some faces
BY_CHANCE = 0.5  # share of the cloak's effect from which the control explains it

_KINDS: dict[Kind, Said] = {
    "detector": ("face detector", "人脸检测器"),
    "landmarks": ("landmarks of the face", "人脸关键点"),
    "identity": ("identity encoder", "身份编码器"),
    "editor": ("editor of looks", "外貌编辑器"),
    "swap": ("face swap", "换脸程序"),
}
_OUTCOMES: tuple[Said, ...] = (
    ("stopped: {}", "被阻止：{}"),
    ("stopped on some faces only: {}", "仅部分人脸被阻止：{}"),
    ("NOT stopped: {}", "未被阻止：{}"),
    ("random noise does as much: {}", "随机噪声同样有效，不归功于保护：{}"),
    ("not measured, because it does nothing with these faces: {}", "未测得（对这些人脸本无反应）：{}"),
)
_FACES: Said = (
    "Measured on {}. A cloak raises the cost of forging with these programs; it is no proof against forgery.",
    "在 {} 张人脸上测得。保护扰动提高用这些程序伪造的成本，但不能杜绝伪造。",
)
_FEW: Said = (
    "So few faces say little of other pictures.",
    "人脸数量太少，难以推断其他图片的情况。",
)
_UNREACHED: Said = (
    "Not measured, because these channels leave so small a picture as it is: {}.",
    "未测量（图片较小，这些渠道不作改变）：{}。",
)
_NOT_TRIED: Said = ("Not measured: {}.", "未测量：{}。")
_NO_ATTACKER: Said = (
    "Not measured: forgers who clean the picture first.",
    "未测量：伪造者事先清洗图片的情况。",
)
_OTHERS: Said = (
    "Other programs were not measured. Forgers who retrain theirs on protected pictures or redraw the face first have "
    "defeated several published protections (arXiv 2510.03747, 2508.07795, 2603.13028; MagDR, CVPR 2021).",
    "其他程序未作测量。伪造者若用受保护的图片重新训练程序，或先重绘人脸，已能破解多种已发表的保护方法"
    "（arXiv 2510.03747、2508.07795、2603.13028；MagDR，CVPR 2021）。",
)
_ATTRIBUTABLE: Said = (
    "Keep a signature of origin and a readable mark with the picture, so that a forgery that works after all can be "
    "traced to it.",
    "请同时保留来源签名和可读水印，以便伪造一旦成功仍可追溯到本图片。",
)
FEW_FACES = 30


def statement(judgement: Judgement, language: Language) -> tuple[str, ...]:
    """Sentences for readers, in "en" or "zh", the limits among them always."""
    say: Callable[[Said], str] = lambda said: said[0 if language == "en" else 1]  # noqa: E731
    n_faces = max((len(cell.cloak) for cell in judgement.cells), default=0)
    return (
        say(_FACES).format(n_faces if language == "zh" else "one face" if n_faces == 1 else f"{n_faces} faces"),
        *((say(_FEW),) if n_faces < FEW_FACES else ()),
        *_of_targets(judgement.cells, language),
        *_not_measured(judgement.cells, language),
        say(_OTHERS),
        say(_ATTRIBUTABLE),
    )


def _of_targets(cells: Sequence[Cell], language: Language) -> Iterator[str]:
    """A sentence for each target and attacker: after which channels it is stopped."""
    for target, attacker in dict.fromkeys((cell.target, cell.attacker) for cell in cells):
        own = [cell for cell in cells if (cell.target, cell.attacker) == (target, attacker) and cell.cloak]
        if not own:
            continue
        groups: dict[int, list[str]] = {}
        for cell in own:
            groups.setdefault(outcome(cell), []).append(_channel(cell.channel, language))
        parts = [_phrase(_OUTCOMES[n], names, language) for n, names in sorted(groups.items())]
        yield _sentence(_named(own[0], language), parts, language)


def outcome(cell: Cell) -> int:
    """0 stopped, 1 stopped on some faces, 2 not stopped, 3 the control does as much, 4 nothing to measure."""
    stopped, by_chance = cell.stopped.value, cell.stopped_by_random.value
    if stopped is None or by_chance is None:
        return 4
    if stopped < AT_TIMES:
        return 2
    if by_chance >= BY_CHANCE * stopped:
        return 3
    return 0 if stopped >= MOSTLY else 1


def _not_measured(cells: Sequence[Cell], language: Language) -> Iterator[str]:
    first = 0 if language == "en" else 1
    unreached = dict.fromkeys(cell.channel for cell in cells if cell.unreached and not cell.cloak)
    if unreached:
        yield _UNREACHED[first].format(_listed([_channel(name, language) for name in unreached], language))
    missing = [kind for kind in KINDS if kind not in {cell.kind for cell in cells}]
    if missing:
        yield _NOT_TRIED[first].format(_listed([_KINDS[kind][first] for kind in missing], language))
    if all(cell.attacker == NOBODY for cell in cells):
        yield _NO_ATTACKER[first]


def _named(cell: Cell, language: Language) -> str:
    """The target with what kind of program it is, and the attacker."""
    english = language == "en"
    notes = [_KINDS[cell.kind][0 if english else 1]]
    if cell.is_trained_here:
        notes.append("trained here" if english else "由本项目训练")
    if cell.held_out:
        notes.append("held out" if english else "未用于优化")
    attacker = next((one for one in (*ATTACKERS, FINE_TUNED) if one.name == cell.attacker), None)
    words = cell.attacker if attacker is None else attacker.english if english else attacker.chinese
    tried = "" if cell.attacker == NOBODY else f", {words}" if english else f"，{words}"
    return f"{cell.target} ({', '.join(notes)}){tried}" if english else f"{cell.target}（{'，'.join(notes)}）{tried}"


def _channel(name: str, language: Language) -> str:
    found = next((one for one in CHANNELS if one.name == name), None)
    return name if found is None else found.english if language == "en" else found.chinese


def _phrase(said: Said, names: Sequence[str], language: Language) -> str:
    return said[0 if language == "en" else 1].format(_listed(names, language))


def _listed(names: Sequence[str], language: Language) -> str:
    return (", " if language == "en" else "、").join(names)


def _sentence(subject: str, parts: Sequence[str], language: Language) -> str:
    return f"{subject} - {'; '.join(parts)}." if language == "en" else f"{subject}——{'；'.join(parts)}。"
