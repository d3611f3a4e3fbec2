"""Checks of the gateway: one file each, with `COST_MS` and `load(setup) -> Check`.

A check is an examiner of items. It answers one question of `QUESTIONS` with calibrated evidence, abstains with a
sentence where there is nothing for it to judge, and never decides: that is what the policy is for. In its evidence

- `facts["llr_manipulated"]` and `facts["llr_no_evidence"]` are the thresholds of its bands, as everywhere;
- `facts["note_zh"]` says the note in Chinese;
- a region points at the original: `box_px` in the displayed picture, `start_s` and `end_s` in a film, and
  `facts["start_char"]`, `facts["end_char"]` in a text as it came in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

from unforge.evidence import Evidence
from unforge.moderate.item import Item
from unforge.plugins import Registry

_REGISTRY = Registry(__name__, __path__, "check")
available = _REGISTRY.available

QUESTIONS = ("known", "code", "contact", "toxic", "spam", "advert", "adversarial", "manipulated")


@dataclass(frozen=True, slots=True)
class Setup:
    """What whoever runs the gateway may set.

    bank: the file of known hashes. votes: noisy looks of the picture classifier, 0 for none. options: what else a
    check from outside the package may want, by its name.
    """

    bank: Path | None = None
    votes: int = 0
    options: Mapping[str, str] = field(default_factory=dict)


class Check(Protocol):
    """Looks at an item and answers one question; deterministic."""

    @property
    def name(self) -> str: ...

    @property
    def question(self) -> str: ...

    @property
    def models(self) -> tuple[str, ...]: ...

    def examine(self, item: Item) -> Evidence: ...


class _Module(Protocol):
    COST_MS: float

    def load(self, setup: Setup) -> Check: ...


def cost_ms(name: str) -> float:
    """What a check takes on an ordinary picture, roughly; the cheap ones are asked first."""
    return _module(name).COST_MS


def load(name: str, setup: Setup) -> Check:
    """The check called `name`, ready to use; raises UnknownName with the choices."""
    return _module(name).load(setup)


def _module(name: str) -> _Module:
    return cast(_Module, _REGISTRY.module(name))
