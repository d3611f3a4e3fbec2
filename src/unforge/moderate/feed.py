"""What people decided goes into the bank of what is known, and what they overruled comes out of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from unforge.errors import MediaError, NotApplicable
from unforge.moderate.bank import Bank
from unforge.moderate.queue import RESTRICTING, Case


@dataclass
class Fed:
    """How many files went in and came out. said: what was left as it is, and why."""

    added: int = 0
    removed: int = 0
    said: list[str] = field(default_factory=list)


def feed(cases: Iterable[Case], path: Path) -> Fed:
    """Bring a bank up to date with closed cases; the bank is made where there is none. Doing it again changes nothing.

    Only files that are still what was decided on go in, told by their SHA-256.
    """
    fed = Fed()
    with Bank(path, create=True) as bank:
        in_force = {entry.sha256 for entry in bank.entries()}
        for case in cases:
            if case.state != "closed" or case.decision["sha256"] is None:
                continue
            _bring(bank, case, in_force, fed)
    return fed


def _bring(bank: Bank, case: Case, in_force: set[str], fed: Fed) -> None:
    sha256, people = str(case.decision["sha256"]), ", ".join(case.deciders)
    if case.action in RESTRICTING and sha256 not in in_force:
        problem = _add(bank, case, sha256, people)
        if problem:
            fed.said.append(f"case {case.number}: {problem}")
            return
        in_force.add(sha256)
        fed.added += 1
    elif case.action not in RESTRICTING and sha256 in in_force:
        bank.remove(sha256, f"case {case.number}: {case.reason}", people)
        in_force.discard(sha256)
        fed.removed += 1


def _add(bank: Bank, case: Case, sha256: str, people: str) -> str:
    """Why a file was not added; empty where it was."""
    path = Path(case.decision["path"])
    try:
        if _sha256(path) != sha256:
            return f"{path} is not the file any more that was decided on"
        bank.add_file(path, case.reason, f"case {case.number}", people)
    except (MediaError, NotApplicable) as error:
        return f"{path}: {error}"
    return ""


def _sha256(path: Path) -> str:
    from unforge.media.probe import probe

    return probe(path).sha256
