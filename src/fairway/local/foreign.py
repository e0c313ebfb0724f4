"""Programs that know no SDK: what they are told by their environment, and what people should know of them."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fairway.core.facts import Run
from fairway.core.traffic import Traffic
from fairway.core.wording import listed
from fairway.local.credentials import Credentials
from fairway.local.processes import Ask, answers, listens
from fairway_sdk.contract.binding import Binding, Broker, Store

TRACES: Final = "/v1/traces"  # below OpenTelemetry's one address of all signals
SCHEMES: Final = {"rabbitmq": "amqp"}  # where a broker's URL does not begin with its kind
SCHEMA_OF: Final = frozenset({"postgresql", "mysql"})  # where a user of its own may change the schema


def filled(words: Iterable[str], address: str, data: Path) -> tuple[str, ...]:
    """Fill in what declared words may hold; `python` is the one that runs Fairway."""
    known = {"address": address, "port": address.rpartition(":")[2], "data": str(data)}
    found = [re.sub(r"\{(address|port|data)\}", lambda match: known[match[1]], word) for word in words]
    return (sys.executable, *found[1:]) if found[0] in {"python", "python3"} else tuple(found)


def schema_user(service: str) -> str:
    """Name who may change the schema of a service's stores."""
    return f"{service}-migration"


def ready(run: Run, address: str) -> Ask:
    """Ask whether it takes requests: at its path, or whether it listens at all."""
    return answers(address, run.ready) if run.ready else listens(address)


def live(run: Run, address: str) -> Ask:
    """Ask whether it hangs: at its path, or whether it listens no more."""
    return answers(address, run.live) if run.live else listens(address)


def told(bound: Binding, credentials: Credentials) -> dict[str, str]:
    """Tell a program what it needs, by the names that libraries of most languages look for."""
    host, _, port = bound.listen.rest.rpartition(":")
    found = {"HOST": host, "PORT": port} if port else {}
    for name, store in bound.stores.items():
        found[f"{_capitals(name)}_URL"] = url = _store(store, _password(bound, store, credentials))
        found.setdefault("REDIS_URL" if store.kind == "redis" else "DATABASE_URL", url)
    for callee, call in bound.calls.items():
        found[f"{_capitals(callee)}_ADDRESS"] = call.address
        if not call.address.startswith("unix:"):
            found[f"{_capitals(callee)}_URL"] = f"http{'s' if call.tls else ''}://{call.address}"
    if bound.broker:
        found["BROKER_URL"] = _broker(bound.broker, _password(bound, bound.broker, credentials))
    for secret in bound.secrets:
        found[f"{_capitals(secret)}_FILE"] = str(credentials.folder(bound.service) / secret)
    for volume, folder in bound.volumes.items():
        found[f"{_capitals(volume)}_FOLDER"] = folder
    return found | dict(_telemetry(bound))


def _telemetry(bound: Binding) -> Iterator[tuple[str, str]]:
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
    yield "OTEL_SERVICE_NAME", bound.service
    yield "OTEL_RESOURCE_ATTRIBUTES", ",".join(f"{name}={quote(value)}" for name, value in attributes.items())
    yield "OTEL_EXPORTER_OTLP_ENDPOINT", bound.telemetry.traces.removesuffix(TRACES)
    yield "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"
    yield "OTEL_TRACES_EXPORTER", "otlp"
    yield "OTEL_LOGS_EXPORTER", "otlp"
    yield "OTEL_METRICS_EXPORTER", "none"
    yield "OTEL_PROPAGATORS", "tracecontext,baggage"
    yield "OTEL_TRACES_SAMPLER", "parentbased_always_on"


def _store(store: Store, password: str) -> str:
    """Write a store's address as a URL."""
    login, path = _login(store.user, password), store.address.removeprefix("unix:")
    if store.kind == "dynamodb":
        return store.address if "://" in store.address else f"http://{store.address}"
    if path == store.address:
        kind = "rediss" if store.tls and store.kind == "redis" else store.kind
        secure = "?sslmode=require" if store.tls and store.kind == "postgresql" else ""
        return f"{kind}://{login}{path}" + (f"/{store.database}" if store.database else "") + secure
    if store.kind == "redis":
        return f"unix://{login}{path}"
    folder = str(Path(path).parent) if store.kind == "postgresql" else path
    key = "host" if store.kind == "postgresql" else "unix_socket"
    return f"{store.kind}://{login}/{store.database}?{key}={folder}"


def _broker(broker: Broker, password: str) -> str:
    scheme = SCHEMES.get(broker.kind, broker.kind) + ("s" if broker.tls else "")
    if broker.address.startswith("unix:"):
        return f"unix://{_login(broker.user, password)}{broker.address.removeprefix('unix:')}"
    return f"{scheme}://{_login(broker.user, password)}{broker.address}"


def _login(user: str, password: str) -> str:
    if not user and not password:
        return ""
    return quote(user, safe="") + (f":{quote(password, safe='')}" if password else "") + "@"


def _password(bound: Binding, reached: Store | Broker, credentials: Credentials) -> str:
    if not reached.password_secret:
        return ""
    owner = reached.user if reached.user == schema_user(bound.service) else bound.service
    return (credentials.folder(owner) / reached.password_secret).read_text()


def notes(bindings: Mapping[str, Binding], runs: Mapping[str, Run], traffic: Mapping[str, Traffic]) -> Iterator[str]:
    """Say of these programs what is otherwise than for services of the SDK."""
    if not runs:
        return
    names = listed(list(runs))
    know, them, their = ("knows", "it", "its") if len(runs) == 1 else ("know", "them", "their")
    yield (
        f"{names}: {know} no Unix sockets, so loopback ports stand for them. Any user of this machine may call {them}"
        f" there, and others in {their} name; only stores ask for a password as well."
    )
    for name, run in runs.items():
        if "rest" not in traffic[name].protocols and traffic[name].protocols:
            yield (
                f"{name}: is called by gRPC over HTTP/2, as is decided for internal services."
                f" If it speaks plain HTTP, waive design/grpc-when-internal for it: services.{name}.waivers."
            )
        alters = [store for store, one in bindings[name].own_stores.items() if one.kind in SCHEMA_OF]
        if alters and not run.migrate:
            yield (
                f"{name}: changes the schema of {listed(alters)} itself, so it has the rights to."
                f" Name the command that does so, and it loses them: services.{name}.run.migrate."
            )


def _capitals(name: str) -> str:
    return name.upper().replace("-", "_")
