"""A gRPC client for one declared call: a channel that stubs take for a real one, with the guard before it."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc

from fairway_sdk.calls.declared import passed_on
from fairway_sdk.grpc.methods import StreamStream, StreamUnary, UnaryStream, UnaryUnary, Way
from fairway_sdk.lifecycle import Level

if TYPE_CHECKING:
    from fairway_sdk.calls.guard import Guard
    from fairway_sdk.service import Service

S = TypeVar("S")

OPTIONS: Final = (
    # The guard alone tries again. What this loses, sending again what no server has seen, is a call in some thousands
    # at a restart; what it saves is a filter that every message passes, some hundredths of a call's time.
    ("grpc.enable_retries", 0),
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    ("grpc.service_config_disable_resolution", 1),  # nobody adds a policy of his own through DNS
    ("grpc.enable_http_proxy", 0),  # the binding says where a callee is, not the environment
    ("grpc.dns_min_time_between_resolutions_ms", 2000),  # replicas move; the library's own 30 s is an outage
    ("grpc.initial_reconnect_backoff_ms", 100),  # the breaker spares a callee that is down; this finds it again
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 30_000),  # a connection that died without a word is noticed
    ("grpc.keepalive_timeout_ms", 10_000),
)


class GrpcClient:
    """A channel to one callee as a part of a service, and the stubs that use it."""

    level = Level.CALLS

    def __init__(self, service: "Service", callee: str) -> None:
        self.name = f"client {callee}"
        self.callee = callee
        self._service = service
        self._methods: list[Way] = []
        self._channel: grpc.aio.Channel | None = None
        self._guard: Guard | None = None
        service.calls.want(callee, "grpc")

    def stub(self, stub: Callable[[Any], S]) -> S:
        """Make a generated stub; its methods are awaited, or iterated over where they answer with a stream."""
        return stub(_Channel(self))

    async def start(self) -> None:
        """Make the channel; it connects with the first call."""
        self._guard = self._service.calls.guard(self.callee)
        bound = self._guard.bound
        target, options = bound.address, list(OPTIONS)
        if target.startswith("unix:"):
            options.append(("grpc.default_authority", self.callee))  # else it would be the socket's path
        else:
            target = f"dns:///{target}"
        self._channel = (
            grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options)
            if bound.tls
            else grpc.aio.insecure_channel(target, options)
        )
        for method in self._methods:
            method.bind(self._channel, self._guard)

    async def stop(self) -> None:
        """Let calls in flight end, then close the channel."""
        if self._channel is not None and self._guard is not None:
            for method in self._methods:
                method.release()
            await self._channel.close(self._guard.bound.timeout)
        self._channel = self._guard = None

    async def unready(self) -> str | None:
        """Stay ready though the callee may be down."""
        return None

    def metadata(self, further: Sequence[tuple[str, str | bytes]] | None) -> Sequence[tuple[str, str | bytes]]:
        """Give what goes with a call."""
        assert self._guard is not None
        return (*passed_on(self._guard.bound), *further) if further else passed_on(self._guard.bound)

    def take(self, method: Way) -> Way:
        """Take a stub's method in, and give it the channel where there is one already."""
        self._methods.append(method)
        if self._channel is not None and self._guard is not None:
            method.bind(self._channel, self._guard)
        return method


class _Channel:
    """What a stub takes for a channel; whatever else a stub's generator passes on is passed on."""

    def __init__(self, client: GrpcClient) -> None:
        self._client = client

    def unary_unary(self, path: str, *serializers: Any, **options: Any) -> Way:
        """Make a method with one message each way."""
        return self._client.take(UnaryUnary(self._client.metadata, path, serializers, options))

    def unary_stream(self, path: str, *serializers: Any, **options: Any) -> Way:
        """Make a method that answers with a stream."""
        return self._client.take(UnaryStream(self._client.metadata, path, serializers, options))

    def stream_unary(self, path: str, *serializers: Any, **options: Any) -> Way:
        """Make a method that is asked with a stream."""
        return self._client.take(StreamUnary(self._client.metadata, path, serializers, options))

    def stream_stream(self, path: str, *serializers: Any, **options: Any) -> Way:
        """Make a method with streams both ways."""
        return self._client.take(StreamStream(self._client.metadata, path, serializers, options))
