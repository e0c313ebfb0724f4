"""How old each secret is: an operator sees that a rotation arrived."""

import contextlib
import math
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import Gauge

from fairway_sdk.configuration.placement import wanted_secrets
from fairway_sdk.contract import metrics
from fairway_sdk.errors import SetupError
from fairway_sdk.lifecycle import Level

if TYPE_CHECKING:
    from fairway_sdk.service import Service

AGE = Gauge(metrics.SECRET_AGE, "Seconds since a secret's file was last written.", ["secret"])


class SecretAges:
    """The part that tells them, whenever the metrics are read."""

    name = "secrets"
    level = Level.TELEMETRY

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._told: tuple[str, ...] = ()

    async def start(self) -> None:
        """Tell of every secret that the binding asks for."""
        self._told = wanted_secrets(self._service.binding)
        for name in self._told:
            AGE.labels(name).set_function(partial(self._age, name))

    async def stop(self) -> None:
        """Tell nothing more."""
        for name in self._told:
            with contextlib.suppress(KeyError):  # another service of this process may have had it, too
                AGE.remove(name)

    async def unready(self) -> str | None:
        """Be ready always."""
        return None

    def _age(self, name: str) -> float:
        try:
            return self._service.clock.now() - self._service.placement.secrets.read(name).written
        except SetupError:
            return math.nan
