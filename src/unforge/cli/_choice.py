"""What `--with NAME,...` chooses."""

from unforge.errors import UnknownName


def examiners(names: str | None) -> tuple[str, ...] | None:
    """The examiners named, None for all. Raises UnknownName with the choices before any work is done."""
    if names is None:
        return None
    from unforge import detect

    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",")))
    for name in chosen:
        if name not in detect.available():
            raise UnknownName("examiner", name, detect.available())
    return chosen
