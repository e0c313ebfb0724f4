"""What a program without the SDK is told by its environment, read by what would read it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from collector import Collector

from fairway.core.facts import Run
from fairway.core.traffic import Traffic
from fairway.local import foreign
from fairway.local.credentials import Credentials
from fairway.local.run_folder import RunFolder
from fairway_sdk.contract.binding import Binding, Broker, Call, Listen, Store, Telemetry

WORD = "word"  # the name of a secret
STOCK = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
with provider.get_tracer("stock").start_as_current_span("work") as span:
    print(format(span.get_span_context().trace_id, "032x"))
"""


@pytest.fixture
def credentials(tmp_path: Path) -> Iterator[Credentials]:
    """Give a place for secrets."""
    run = RunFolder(tmp_path)
    yield Credentials(run)
    run.sockets.rmdir()


def told(credentials: Credentials, **parts: object) -> dict[str, str]:
    """Tell a service of these parts."""
    return foreign.told(Binding(service="clock", system="shop", replica="clock-0", **parts), credentials)  # type: ignore[arg-type] # fields of a binding


def test_a_stock_sdk_of_opentelemetry_needs_no_more_than_the_environment(credentials: Credentials) -> None:
    """Its spans arrive, under the service's name."""
    with Collector() as collector:
        variables = told(credentials, telemetry=Telemetry(traces=collector.url, share=1.0))
        done = subprocess.run(
            [sys.executable, "-c", STOCK], env=variables, check=True, capture_output=True, text=True, timeout=30
        )
        assert collector.services[done.stdout.strip()] == {"clock"}
    assert "service.instance.id=clock-0" in variables["OTEL_RESOURCE_ATTRIBUTES"]
    assert variables["OTEL_LOGS_EXPORTER"] == "otlp"


def test_where_nobody_gathers_telemetry_none_is_sent(credentials: Credentials) -> None:
    """Instead of a warning a second."""
    assert told(credentials)["OTEL_SDK_DISABLED"] == "true"


def test_stores_brokers_and_callees_are_urls(credentials: Credentials) -> None:
    """With a password that stands in no other program's environment, and any sign in it."""
    credentials.tell("clock", WORD, "a/b c@d")
    found = told(
        credentials,
        listen=Listen(rest="127.0.0.1:4000"),
        stores={
            "main-db": Store(
                kind="postgresql", address="127.0.0.1:4001", database="m", user="clock", password_secret=WORD
            ),
            "old-db": Store(kind="mysql", address="unix:/run/old", database="o", user="clock"),
            "far-db": Store(kind="postgresql", address="db.example.com:5432", database="f", user="me", tls=True),
            "cache": Store(kind="redis", address="127.0.0.1:4002", user="clock", password_secret=WORD),
        },
        broker=Broker(kind="rabbitmq", address="127.0.0.1:4003", user="fairway", password_secret=WORD),
        calls={"rate-limits": Call(address="127.0.0.1:4004"), "bank": Call(address="api.bank.example:443", tls=True)},
    )
    assert found["PORT"] == "4000"
    assert found["MAIN_DB_URL"] == found["DATABASE_URL"] == "postgresql://clock:a%2Fb%20c%40d@127.0.0.1:4001/m"
    assert found["OLD_DB_URL"] == "mysql://clock@/o?unix_socket=/run/old"
    assert found["FAR_DB_URL"] == "postgresql://me@db.example.com:5432/f?sslmode=require"
    assert found["REDIS_URL"] == "redis://clock:a%2Fb%20c%40d@127.0.0.1:4002"
    assert found["BROKER_URL"] == "amqp://fairway:a%2Fb%20c%40d@127.0.0.1:4003"
    assert found["RATE_LIMITS_URL"] == "http://127.0.0.1:4004"
    assert found["RATE_LIMITS_ADDRESS"] == "127.0.0.1:4004"
    assert found["BANK_URL"] == "https://api.bank.example:443"


def test_words_are_filled_in_and_python_is_our_own() -> None:
    """Other braces stay as they are."""
    words = foreign.filled(
        ["python", "a.py", "--port={port}", "{host}", "{x}", "{data}/a"], "127.0.0.1:80", Path("/data")
    )
    assert words == (sys.executable, "a.py", "--port=80", "127.0.0.1", "{x}", "/data/a")
    assert foreign.filled(["node", "{address}"], "127.0.0.1:80", Path("/data")) == ("node", "127.0.0.1:80")


def test_people_are_told_who_changes_a_schema_and_who_is_called_by_grpc() -> None:
    """Each with the fact that changes it."""
    bindings = {"clock": Binding(service="clock", stores={"main": Store(kind="postgresql")})}
    traffic = {"clock": Traffic(service="clock", protocols=("grpc",))}
    _, grpc, schema = foreign.notes(bindings, {"clock": Run(command=("x",))}, traffic)
    assert "services.clock.waivers" in grpc
    assert "services.clock.run.migrate" in schema
    quiet = {"clock": Traffic(service="clock", protocols=("rest",))}
    assert len(list(foreign.notes(bindings, {"clock": Run(command=("x",), migrate=("y",))}, quiet))) == 1
    assert list(foreign.notes({}, {}, {})) == []
