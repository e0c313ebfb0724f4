"""Programs that know no SDK: what they are told by their environment, and what people should know of them."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from fairway.core import programs
from fairway.core.facts import Run
from fairway.core.traffic import Traffic
from fairway.core.wording import listed
from fairway.local.credentials import Credentials
from fairway.local.processes import Ask, answers, listens
from fairway.targets.environment import SCHEMA_OF, variables
from fairway_sdk.contract.binding import Binding, Broker, Store


def filled(words: Iterable[str], address: str, data: Path) -> tuple[str, ...]:
    """Fill in what declared words may hold; `python` is the one that runs Fairway."""
    host, _, port = address.rpartition(":")
    found = programs.filled(words, host=host, port=port, data=str(data))
    return (sys.executable, *found[1:]) if found[0] in {"python", "python3"} else found


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
    """Tell a program what it needs; its own user and password are in its URLs."""

    def login(_: str, reached: Store | Broker) -> str:
        password = _password(bound, reached, credentials)
        return quote(reached.user, safe="") + (f":{quote(password, safe='')}" if password else "")

    every = variables(bound, login, str(credentials.folder(bound.service)), logs=True)
    return {variable.name: variable.value for variable in every}


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
