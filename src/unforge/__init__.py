"""unforge: tells whether a picture or video of a person has been forged, and shows why."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# ONNX Runtime keeps an identifier and an event log, and can send them, unless it is told before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from unforge.evidence import Evidence, Region
    from unforge.examination import examine
    from unforge.exhibit import Exhibit
    from unforge.report import Report
    from unforge.verdict import Verdict

__version__ = "0.1.0"
__all__ = ["Evidence", "Exhibit", "Region", "Report", "Verdict", "examine"]

_HOMES = {
    "Evidence": "evidence",
    "Exhibit": "exhibit",
    "Region": "evidence",
    "Report": "report",
    "Verdict": "verdict",
    "examine": "examination",
}


def __getattr__(name: str) -> Any:
    # Imported when asked for: every decoder is a process that starts with importing this package, and needs none.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"unforge.{_HOMES[name]}"), name)
