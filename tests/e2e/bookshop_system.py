"""The bookshop's real services as processes of one machine, bound by what Fairway decided, no proxies between them.

PostgreSQL, Valkey and DynamoDB's stand-in are real; the network between services is Unix sockets.
"""

import base64
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from fairway.core.artefact import Site
from fairway.targets.notes import binding_text
from fairway.verbs.bind import binding
from fairway.verbs.workspace import open_system
from fairway_sdk.contract import BINDING_FILE, CONFIGURATION_VARIABLE, SECRETS_VARIABLE
from fairway_sdk.contract.binding import Binding, Broker, Call, Listen, Store
from fairway_sdk.testing.servers import DynamoDB, PostgreSQL, Valkey
from fairway_sdk.testing.servers.process import connects, free_port
from fairway_sdk.testing.tokens import TokenIssuer

BOOKSHOP = Path(__file__).parents[2] / "examples" / "bookshop"
SITE = Site(environment="staging", region="eu-west-1")
OUTSIDE = {"card-network": "card-network", "carrier": "carrier", "mail": "mail"}
AUDIENCE = "bookshop"
STARTS_WITHIN = 120.0  # seconds; a busy machine is slow


class Replica:
    """One process of one service."""

    def __init__(self, service: str, number: int, folder: Path) -> None:
        self.service = service
        self.name = f"{service}-{number}"
        self.folder = folder / self.name
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def listen(self) -> Listen:
        """Where it listens."""
        return Listen(**{side: f"unix:{self.folder / side}" for side in ("rest", "grpc", "admin")})

    def start(self) -> None:
        """Start it; it may take a while until it is ready."""
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fairway_sdk", "run", f"{self.service}.service:service"],
            cwd=BOOKSHOP / "services" / self.service,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()

    @property
    def environment(self) -> dict[str, str]:
        """Give its environment variables."""
        folders = {CONFIGURATION_VARIABLE: str(self.folder), SECRETS_VARIABLE: str(self.folder.parent / "secrets")}
        return os.environ | folders | {"PYTHONUNBUFFERED": "1"}

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Ask it to end, and wait."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None

    @property
    def log(self) -> str:
        """Give what it has written."""
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""


class Bookshop:
    """The running bookshop, or the part of it that a test needs."""

    def __init__(self, folder: Path, *services: str, replicas: dict[str, int] | None = None) -> None:
        """Take a folder with a short name: the path of a Unix socket has few letters."""
        self.folder = folder
        self.workspace = open_system(BOOKSHOP)
        names = services or tuple(self.workspace.landscape.services)
        wanted = replicas or {}
        self.replicas = [Replica(name, number, folder) for name in names for number in range(wanted.get(name, 1))]
        self.postgresql = PostgreSQL(folder / "pg")
        self.valkey = Valkey(folder / "valkey")
        self.dynamodb = DynamoDB(folder / "dynamodb")
        self.outside = {name: f"127.0.0.1:{free_port()}" for name in OUTSIDE}
        folder.mkdir(parents=True, exist_ok=True)
        self._issuer = TokenIssuer(folder)
        self.traces = ""  # where spans go: a URL, set before the shop is entered
        # Seconds, in which a busy machine is not too slow; what was decided where they are zero.
        self.lease = 0.0  # after which a crashed checkout is taken over
        self.deadline = 0.0  # of a request
        self._running = ExitStack()

    def token(self, reader: str) -> str:
        """Give a reader's token."""
        return self._issuer.token(sub=reader, tenant="riverside", aud=AUDIENCE)

    def of(self, service: str) -> list[Replica]:
        """Give the replicas of one service."""
        return [replica for replica in self.replicas if replica.service == service]

    def __enter__(self) -> Self:
        """Start everything, and wait until every service is ready."""
        with ExitStack() as starting:
            self.postgresql = starting.enter_context(self.postgresql)
            self.valkey = starting.enter_context(self.valkey)
            self.dynamodb = starting.enter_context(self.dynamodb)
            self._secrets()
            for name, address in self.outside.items():
                starting.callback(_end, self._outside(name, address))
            for replica in self.replicas:
                self._place(replica)
            self._migrate()
            for replica in self.replicas:
                starting.callback(replica.kill)
                replica.start()
            self.ready()
            self._running = starting.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop everything."""
        self._running.close()

    def ready(self) -> None:
        """Wait until every replica that runs says that it is ready."""
        end = time.monotonic() + STARTS_WITHIN
        for replica in self.replicas:
            while replica.process is not None and not self._ready(replica):
                if replica.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"{replica.name} is not ready:\n{replica.log[-3000:]}")
                time.sleep(0.05)

    def _ready(self, replica: Replica) -> bool:
        address = replica.listen.admin
        if not connects(address):
            return False
        asked = ["curl", "-sf", "-o", os.devnull, "--unix-socket", address.removeprefix("unix:"), "http://a/readyz"]
        return subprocess.run(asked, check=False).returncode == 0

    def _secrets(self) -> None:
        folder = self.folder / "secrets"
        folder.mkdir(mode=0o700, exist_ok=True)
        names: dict[str, str] = {"personal-master-key": base64.b64encode(secrets.token_bytes(32)).decode()}
        names["dynamodb-key"] = "any"  # the stand-in asks for one, and looks at none
        for profile in self.workspace.landscape.services.values():
            names |= {name: secrets.token_urlsafe() for name in profile.facts.secrets}
        for name, value in names.items():
            file = folder / name
            if not file.exists():
                file.touch(mode=0o600)
                file.write_text(value)

    def _outside(self, name: str, address: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "bookshop_outside", name, address, str(self.folder / f"{name}.jsonl")]
        process = subprocess.Popen(command, cwd=BOOKSHOP / "outside")
        while not connects(address):
            assert process.poll() is None, f"{name} does not start"
            time.sleep(0.02)
        return process

    def _place(self, replica: Replica) -> None:
        replica.folder.mkdir(exist_ok=True)
        decided = binding(self.workspace, replica.service, SITE)
        here = msgspec.structs.replace(
            decided,
            replica=replica.name,
            listen=replica.listen,
            calls={name: self._call(name, call) for name, call in decided.calls.items()},
            stores={name: self._store(name, store) for name, store in decided.stores.items()},
            broker=Broker(kind="redis", address=self.valkey.address) if decided.broker else None,
            volumes={name: str(replica.folder / name) for name in decided.volumes},
            identity=msgspec.structs.replace(
                decided.identity, issuers=(self._issuer.bound(audience=AUDIENCE),), proxied=False
            ),
            telemetry=msgspec.structs.replace(decided.telemetry, traces=self.traces),
            deadline=self.deadline or decided.deadline,
            sagas=msgspec.structs.replace(decided.sagas, lease=self.lease or decided.sagas.lease),
            flags_file="",
        )
        (replica.folder / BINDING_FILE).write_text(binding_text(here))

    def _call(self, callee: str, call: Call) -> Call:
        address = self.outside.get(callee) or f"unix:{self.folder / f'{callee}-0' / 'grpc'}"
        return msgspec.structs.replace(call, address=address, tls=False)

    def _store(self, name: str, store: Store) -> Store:
        match store.kind:
            case "postgresql":
                here = self.postgresql.store(name, store.connections)
            case "redis":
                here = self.valkey.store()
            case "dynamodb":
                here = msgspec.structs.replace(self.dynamodb.store(), database=store.database)
            case _:
                raise NotImplementedError(store.kind)
        return msgspec.structs.replace(here, shared=store.shared)

    def _migrate(self) -> None:
        bound = {replica.service: self._bound(replica) for replica in self.replicas}
        databases = {name for one in bound.values() for name, store in one.stores.items() if store.kind == "postgresql"}
        for name in sorted(databases):
            self.postgresql.create(name)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self._migrate_one, (one for one in self._first() if _with_schema(bound[one.service]))))

    @staticmethod
    def _migrate_one(replica: Replica) -> None:
        command = [sys.executable, "-m", "fairway_sdk", "migrate", f"{replica.service}.service:service"]
        folder = BOOKSHOP / "services" / replica.service
        done = subprocess.run(command, check=False, cwd=folder, env=replica.environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{replica.service} cannot be migrated:\n{done.stdout}{done.stderr}")

    def _first(self) -> Iterator[Replica]:
        seen: set[str] = set()
        for replica in self.replicas:
            if replica.service not in seen:
                seen.add(replica.service)
                yield replica

    @staticmethod
    def _bound(replica: Replica) -> Binding:
        return msgspec.json.decode((replica.folder / BINDING_FILE).read_bytes(), type=Binding)


def _with_schema(binding: Binding) -> bool:
    """Tell whether a service has anything to migrate."""
    return any(store.kind != "redis" for store in binding.stores.values())


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
