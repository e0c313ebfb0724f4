"""What a local system tells of itself: spans, log lines, traffic, counts, alerts; gathered, and kept within bounds."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairway.local.telemetry.gathering import Telemetry

__all__ = ["Telemetry"]


def __getattr__(name: str) -> object:
    """Import on first use: `fairway up` wants the settings alone, and no server."""
    if name == "Telemetry":
        from fairway.local.telemetry.gathering import Telemetry  # noqa: PLC0415

        return Telemetry
    raise AttributeError(name)
