"""What `--with NAME,...` and `--without NAME,...` choose."""

from unforge.errors import UnknownName, UsageError


def examiners(names: str | None, without: str | None = None, *, profile: str = "full") -> tuple[str, ...] | None:
    """The examiners named but for those named after `without`; None where neither chooses.

    profile: of whose examiners `without` takes away where `names` is None. Raises UnknownName with the choices, and
    UsageError where nobody is left, before any work is done.
    """
    if names is None and without is None:
        return None
    left_out = () if without is None else _known(without)
    chosen = tuple(name for name in (_of_profile(profile) if names is None else _known(names)) if name not in left_out)
    if not chosen:
        raise UsageError("--without leaves no examiner; leave fewer out")
    return chosen


def _known(names: str) -> tuple[str, ...]:
    from unforge import detect

    named = tuple(dict.fromkeys(name.strip() for name in names.split(",")))
    for name in named:
        if name not in detect.available():
            raise UnknownName("examiner", name, detect.available())
    return named


def _of_profile(profile: str) -> tuple[str, ...]:
    from unforge import detect

    return tuple(name for name in detect.available() if profile == "full" or name in detect.FAST)
