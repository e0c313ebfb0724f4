"""What a program that knows no SDK is told by its environment, wherever it runs: the same names for the same things."""

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

import msgspec

from fairway_sdk.contract.binding import Binding, Broker, Store

TRACES: Final = "/v1/traces"  # below OpenTelemetry's one address of all signals
# Where a broker's URL does not begin with its kind: plain, and by TLS.
SCHEMES: Final = {"rabbitmq": ("amqp", "amqps"), "nats": ("nats", "tls"), "kafka": ("kafka", "kafka+ssl")}
SCHEMA_OF: Final = frozenset({"postgresql", "mysql"})  # where a user of its own may change the schema
EXPANDED: Final = "$()"  # signs by which a Pod's variable holds another one

Login = Callable[[str, Store | Broker], str]  # user:password, fit for a URL, by the name of what is reached


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """One variable; where it is secret, nobody else may read it."""

    name: str
    value: str
    secret: bool = False


def variables(bound: Binding, login: Login, secrets: str, *, logs: bool) -> Iterator[Variable]:
    """Tell a program what it needs, by the names that libraries of most languages look for.

    *secrets* is the folder of its secret files; *logs* says whether somebody takes logs beside traces.
    """
    yield from (Variable(name=name, value=value) for name, value in _listening(bound))
    yield from _stores(bound, login)
    for callee, call in bound.calls.items():
        yield Variable(name=f"{capitals(callee)}_ADDRESS", value=call.address)
        if not call.address.startswith("unix:"):
            url = f"http{'s' if call.tls else ''}://{call.address}"
            yield Variable(name=f"{capitals(callee)}_URL", value=url)
    if bound.broker:
        yield Variable(name="BROKER_URL", value=_broker(bound.broker, login("broker", bound.broker)), secret=True)
        if bound.broker.tls_authority:
            yield Variable(name="BROKER_CA_FILE", value=bound.broker.tls_authority)
    for secret in bound.secrets:
        yield Variable(name=f"{capitals(secret)}_FILE", value=f"{secrets}/{secret}")
    for volume, folder in bound.volumes.items():
        yield Variable(name=f"{capitals(volume)}_FOLDER", value=folder)
    yield from (Variable(name=name, value=value) for name, value in _telemetry(bound, logs=logs))


def capitals(name: str) -> str:
    """Write a name as variables are written."""
    return name.upper().replace("-", "_")


def _listening(bound: Binding) -> Iterator[tuple[str, str]]:
    host, _, port = bound.listen.rest.rpartition(":")
    if not port:
        return
    yield "HOST", host
    yield "PORT", port
    if bound.listen.grpc not in {"", bound.listen.rest}:
        yield "GRPC_PORT", bound.listen.grpc.rpartition(":")[2]


def _stores(bound: Binding, login: Login) -> Iterator[Variable]:
    said: set[str] = set()
    for name, store in bound.own_stores.items():
        if store.kind == "dynamodb" and not store.address:
            own = Variable(name="AWS_REGION", value=store.region)  # the cloud's own: its libraries know the address
            if store.region and own.name not in said:
                said.add(own.name)
                yield own
            continue
        url = _store(store, login(name, store))
        common = "REDIS_URL" if store.kind == "redis" else "DATABASE_URL"
        for variable in (f"{capitals(name)}_URL", common):
            if variable not in said:
                said.add(variable)
                yield Variable(name=variable, value=url, secret=store.kind != "dynamodb")
        if store.tls_authority:
            yield Variable(name=f"{capitals(name)}_CA_FILE", value=store.tls_authority)


def _store(store: Store, login: str) -> str:
    """Write a store's address as a URL."""
    path, who = store.address.removeprefix("unix:"), f"{login}@" if login else ""
    if store.kind == "dynamodb":
        return store.address if "://" in store.address else f"http://{store.address}"
    if path == store.address:
        kind = "rediss" if store.tls and store.kind == "redis" else store.kind
        return f"{kind}://{who}{path}" + (f"/{store.database}" if store.database else "") + _secured(store)
    if store.kind == "redis":
        return f"unix://{who}{path}"
    folder = str(PurePosixPath(path).parent) if store.kind == "postgresql" else path
    key = "host" if store.kind == "postgresql" else "unix_socket"
    return f"{store.kind}://{who}/{store.database}?{key}={folder}"


def _secured(store: Store) -> str:
    """Ask for TLS in the words that all drivers of PostgreSQL know; for others there are none that all know."""
    if not store.tls or store.kind != "postgresql":
        return ""
    return f"?sslmode=verify-full&sslrootcert={store.tls_authority}" if store.tls_authority else "?sslmode=require"


def _broker(broker: Broker, login: str) -> str:
    who = f"{login}@" if login else ""
    if broker.address.startswith("unix:"):
        return f"unix://{who}{broker.address.removeprefix('unix:')}"
    scheme = SCHEMES.get(broker.kind, (broker.kind, f"{broker.kind}s"))[broker.tls]
    return f"{scheme}://{who}{broker.address}"


def _telemetry(bound: Binding, *, logs: bool) -> Iterator[tuple[str, str]]:
    """Tell where traces and logs go, and as whose: a stock SDK of OpenTelemetry reads no more than this."""
    if not bound.telemetry.traces:
        yield "OTEL_SDK_DISABLED", "true"  # or it would look for a collector where none is
        return
    attributes = {
        "service.namespace": bound.system,
        "service.instance.id": bound.replica,
        "service.version": bound.version,
        "deployment.environment.name": bound.environment,
    }
    told = ",".join(f"{name}={quote(value, safe=EXPANDED)}" for name, value in attributes.items())
    yield "OTEL_SERVICE_NAME", bound.service
    yield "OTEL_RESOURCE_ATTRIBUTES", told
    yield "OTEL_EXPORTER_OTLP_ENDPOINT", bound.telemetry.traces.removesuffix(TRACES)
    yield "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"
    yield "OTEL_TRACES_EXPORTER", "otlp"
    yield "OTEL_LOGS_EXPORTER", "otlp" if logs else "none"
    yield "OTEL_METRICS_EXPORTER", "none"
    yield "OTEL_PROPAGATORS", "tracecontext,baggage"
    if bound.telemetry.share < 1:
        yield "OTEL_TRACES_SAMPLER", "parentbased_traceidratio"
        yield "OTEL_TRACES_SAMPLER_ARG", f"{bound.telemetry.share:.10g}"
    else:
        yield "OTEL_TRACES_SAMPLER", "parentbased_always_on"
