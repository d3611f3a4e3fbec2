"""The one seam between the spine and whoever looks at an exhibit."""

from typing import Protocol

from unforge.evidence import Evidence
from unforge.exhibit import Exhibit


class Examiner(Protocol):
    """Looks at an exhibit and answers one question.

    name: the plug-in's name, as after `--with`; models: the weights cards that take part in the answer.
    `examine` abstains with a sentence where there is nothing to see, and is deterministic. A region that covers a
    whole track, without a box, carries what the examiner says about that person.
    """

    @property
    def name(self) -> str: ...

    @property
    def models(self) -> tuple[str, ...]: ...

    def examine(self, exhibit: Exhibit) -> Evidence: ...
