"""unforge: tells whether a picture or video of a person has been forged, and shows why."""

import os
from typing import TYPE_CHECKING, Any

# ONNX Runtime keeps an identifier and an event log, and can send them, unless it is told before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from unforge.evidence import Evidence, Region
from unforge.report import Report
from unforge.verdict import Verdict

if TYPE_CHECKING:
    from unforge.examination import examine
    from unforge.exhibit import Exhibit

__version__ = "0.1.0"
__all__ = ["Evidence", "Exhibit", "Region", "Report", "Verdict", "examine"]


def __getattr__(name: str) -> Any:
    # Decoders and networks are imported when somebody examines, not when somebody imports.
    if name == "examine":
        from unforge.examination import examine

        return examine
    if name == "Exhibit":
        from unforge.exhibit import Exhibit

        return Exhibit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
