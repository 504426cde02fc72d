"""What a chapter took when it was run, as the pages say it. Nobody types a number."""

from dataclasses import dataclass, fields
from typing import Any

from sphinx.application import Sphinx

from txbook.overlay import run_of


@dataclass(frozen=True)
class Cost:
    """What a chapter took: ``seconds``, ``memory_mib`` and so on, as `probe.probe` names them."""

    seconds: float
    core_seconds: float | None = None
    memory_mib: float | None = None
    device: str = ""
    device_mib: float | None = None
    torch: str | None = None
    python: str = ""
    system: str = ""
    budget: str = "laptop"

    @classmethod
    def of(cls, measured: dict[str, Any]) -> "Cost":
        """Return the cost of a stored run."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in measured.items() if name in names})


def cost(app: Sphinx, docname: str) -> Cost | None:
    """Return what the chapter took when it was executed, or None if it was not."""
    run = run_of(app, docname)
    return Cost.of(run.cost) if run else None
