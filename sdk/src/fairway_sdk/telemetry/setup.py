"""Telemetry as a part of a service: the first that starts and the last that stops."""

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from fairway_sdk.lifecycle import Level
from fairway_sdk.telemetry import lines
from fairway_sdk.telemetry.tracing import tracing

if TYPE_CHECKING:
    from fairway_sdk.service import Service
    from fairway_sdk.telemetry.delivery import Recorder

log = structlog.get_logger("fairway")

SENT_WITHIN = 3.0  # seconds for the last spans when a service ends


class Telemetry:
    """The log and the traces of a service, as its binding wants them."""

    name = "telemetry"
    level = Level.TELEMETRY

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._lines: lines.Lines | None = None
        self._recorder: Recorder | None = None

    async def start(self) -> None:
        """Write JSON lines from now on, and record traces where there is somewhere to send them."""
        service, wanted = self._service, self._service.binding.telemetry
        self._lines = lines.Lines(service.name, service.replica, wanted.level, service.clock.now)
        lines.install(self._lines)
        if wanted.traces or tracing.watchers:
            from fairway_sdk.telemetry.delivery import Recorder

            self._recorder = Recorder(wanted.traces, wanted.share, resource(service), _told)
            tracing.put_behind(self._recorder.provider, wanted.share)

    async def stop(self) -> None:
        """Send the last spans, within a few seconds, and let go of the log."""
        if self._recorder is not None:
            tracing.take_away(self._recorder.provider)
            await asyncio.to_thread(self._recorder.shut_down, SENT_WITHIN)
            self._recorder = None
        if self._lines is not None:
            lines.remove(self._lines)
            self._lines = None

    async def unready(self) -> str | None:
        """Keep no work away: a service serves without its telemetry."""
        return None


def resource(service: "Service") -> dict[str, Any]:
    """Say where spans come from, by OpenTelemetry's names."""
    binding = service.binding
    return {
        "service.name": service.name,
        "service.namespace": binding.system,
        "service.version": binding.version,
        "service.instance.id": service.replica,
        "deployment.environment.name": binding.environment,
        "cloud.region": binding.region,
    }


def _told(delivered: bool, spans: int) -> None:  # noqa: FBT001 - Delivery's word
    if delivered:
        log.info("traces are delivered again", lost=spans)
    else:
        log.warning("traces cannot be delivered; the service works on without them")
