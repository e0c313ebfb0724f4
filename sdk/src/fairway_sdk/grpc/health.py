"""gRPC's own health service: what the readiness probe would hear, asked over gRPC."""

from collections.abc import AsyncIterator, Collection
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

if TYPE_CHECKING:
    from fairway_sdk.service import Service

LOOKED_AT_EVERY: Final = 0.5  # seconds between two looks for one who watches


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc] # generated, without types
    """Answers for the whole service, named or not: its parts are ready together."""

    def __init__(self, service: "Service", names: Collection[str]) -> None:
        self._service = service
        self._names = frozenset(names) | {""}

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Say whether work may come now."""
        if request.service not in self._names:
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service here")
        return health_pb2.HealthCheckResponse(status=await self._status())

    async def List(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the protocol's name
        """Say it for every service there is."""
        status = health_pb2.HealthCheckResponse(status=await self._status())
        return health_pb2.HealthListResponse(statuses=dict.fromkeys(self._names, status))

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ARG002, N802 - the protocol's name
        """Say it now and at each change; ends with the service, so that nobody's watching keeps it from ending."""
        told = None
        while True:
            status = await self._status() if request.service in self._names else _UNKNOWN
            if status != told:
                yield health_pb2.HealthCheckResponse(status=status)
                told = status
            if self._service.life.draining:
                return
            await self._service.clock.sleep(LOOKED_AT_EVERY)

    async def _status(self) -> Any:
        return _NOT_SERVING if await self._service.life.unready() else _SERVING


_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN: Final = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
