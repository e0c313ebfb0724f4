"""One system on this machine from its first process to its last: put together, run, asked, ended."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from fairway.core.errors import FairwayError, did_you_mean
from fairway.core.facts import System
from fairway.core.traffic import Traffic
from fairway.local import foreign, launching, services
from fairway.local.console.process import NAME as CONSOLE
from fairway.local.console.process import Console, scraped
from fairway.local.control import Answer, Request, Status, serving
from fairway.local.forking import ForkServer, modules, sharing
from fairway.local.identity.settings import Settings, settings
from fairway.local.memory import let_go
from fairway.local.mesh import Mesh, gateway_identity
from fairway.local.observers import Observers
from fairway.local.preloading import Begun
from fairway.local.processes import ProcessSpec, listens
from fairway.local.run_folder import RunFolder, replace
from fairway.local.state import Lock, Ports, Register, is_free
from fairway.local.stores import Backed, back
from fairway.local.supervisor import LOOKED_AT_FIRST, Supervisor, Tell
from fairway.local.telemetry.settings import Shown
from fairway.local.watchers import require
from fairway_sdk.contract.binding import Binding, Issuer

FIRST_PORT: Final = 8080
IDENTITY: Final = "identity"
DOOR: Final = "/-/idp"  # where the gateway lets callers through to it
OPEN_WITHIN: Final = 5.0  # seconds that the gateway takes to see who is ready


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to run."""

    system: str
    folder: Path  # of fairway.yaml
    programs: tuple[services.Program, ...]
    traffic: dict[str, Traffic]
    facts: System
    stores: dict[str, str] = {}  # URLs of stores that run elsewhere
    broker: str = ""
    port: int | None = None  # of the first region's gateway
    isolated: bool = False  # an Envoy for each service
    mesh: bool = True
    console: bool = True
    shown: Shown = Shown()
    alert_rules: tuple[dict[str, Any], ...] = ()  # groups, as in Prometheus's rule files


class LocalSystem:
    """A system that runs, or is about to."""

    def __init__(self, wanted: Wanted, tell: Tell, begun: Begun | None = None) -> None:
        """Take what is to run, who is told of each change, and what services are forked from where it runs already."""
        self._wanted = wanted
        self._tell = tell
        self._begun = begun
        self._run = RunFolder(wanted.folder)
        self._since = time.time()
        self._ending = asyncio.Event()
        self._hurried = asyncio.Event()
        self._ready = False
        self._supervisor: Supervisor | None = None
        self._mesh: Mesh | None = None
        self._backed = Backed()
        self.notes: list[str] = []
        self.gateways: dict[str, str] = {}  # URLs by region
        self._console: Console | None = None
        self._ports: Ports | None = None  # they are ours for as long as this is kept

    @property
    def status(self) -> Status:
        """Show all of it as it is now."""
        return Status(
            system=self._wanted.system,
            folder=str(self._run.system_folder),
            pid=os.getpid(),
            since=self._since,
            state="stopping" if self._ending.is_set() else "up" if self._ready else "starting",
            gateway=self._gateway,
            gateways=self.gateways,
            console=self._console.url if self._console else "",
            tries=[line.replace("{gateway}", self._gateway) for line in self._wanted.shown.tries],
            notes=self.notes
            + (self._mesh.notes if self._mesh else [])
            + (self._console.notes if self._console else []),
            processes=self._supervisor.views() if self._supervisor else [],
        )

    async def live(self, ready: asyncio.Event) -> None:
        """Run it until it is told to end; `ready` is set once every process has come as far as it will for now."""
        lock = Lock(self._run)
        lock.take(self._wanted.system)
        try:
            with Register(self._run) as register:
                if left := register.clean():
                    self.notes.append(f"{left} processes were left of an 'up' that was killed; they are ended.")
                await self._live(register, ready)
        finally:
            self._run.remove_sockets()
            lock.release()

    def end(self) -> None:
        """Begin to end; the second time, at once."""
        if self._ending.is_set() and self._supervisor is not None:
            self._hurried.set()
            self._supervisor.hurry()
        self._ending.set()

    async def _live(self, register: Register, ready: asyncio.Event) -> None:
        bindings = [binding for program in self._wanted.programs for binding in program.bindings]
        forks = ForkServer(register, self._run.log("fork-server"), modules(bindings), self._begun)
        supervisor = self._supervisor = Supervisor(register, self._tell, forks.start)
        async with serving(self._run, self._answer), contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(forks.close)
            forking = any(program.uses_sdk and program.missing is None for program in self._wanted.programs)
            if forking:
                await forks.open()  # what it loads takes longest of all, so it begins first
            elif self._begun is not None:
                self._begun.end()
            specs = [sharing(spec) if forking else spec for spec in self._specs()]
            if self._mesh is not None:
                require(self._mesh.watchers)  # before anything starts: an Envoy that gets too few ends in a crash
            stack.push_async_callback(self._stop, supervisor)
            supervisor.start(specs)
            if self._mesh is not None:
                keeping = asyncio.create_task(self._mesh.keep_current())
                stack.callback(keeping.cancel)
            settling = asyncio.create_task(supervisor.settled())
            ending = asyncio.create_task(self._ending.wait())
            await asyncio.wait({settling, ending}, return_when=asyncio.FIRST_COMPLETED)
            settling.cancel()
            await self._opened(supervisor)
            self._ready = True
            ready.set()
            let_go()
            await ending

    async def _opened(self, supervisor: Supervisor) -> None:
        """Wait until all proxies see that what is ready is ready: they ask only now and then."""
        ready = {view.service for view in supervisor.views() if view.state == "ready" and view.part == "service"}
        within = 0.0 if self._ending.is_set() else OPEN_WITHIN
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._mesh is not None and not await self._mesh.sees(ready):  # noqa: ASYNC110 - Envoy tells nobody
                    await asyncio.sleep(LOOKED_AT_FIRST)

    async def _stop(self, supervisor: Supervisor) -> None:
        self._ending.set()
        if self._mesh is not None:
            await self._mesh.drain(services.DRAIN, self._hurried)
        for server in self._backed.closing:
            await server.close()
        await supervisor.stop()

    def _specs(self) -> list[ProcessSpec]:
        wanted, run = self._wanted, self._run
        port_of = self._ports = Ports(run)
        programs = list(self._there())
        every = [binding for program in programs for binding in program.bindings]
        if wanted.mesh:
            self.gateways = dict(self._open(every, port_of))
        if wanted.console:
            self._console = Console(run, port_of)
        by_service = {one.service: one for one in reversed(every)}
        self._backed = back(run, by_service, port_of, wanted.stores, wanted.broker, mesh=wanted.mesh)
        self.notes += self._backed.notes
        identity = self._identity(port_of)
        played = identity.stand_ins if identity else {}
        outside = dict(self._outside(every, port_of))
        ported = self._backed.ported
        placed = [replica for program in programs for replica in services.replicas(program, run, port_of, ported)]
        self.notes += foreign.notes(
            {one.service: one for one in every},
            {program.name: program.run for program in programs if program.run is not None},
            wanted.traffic,
        )
        if wanted.mesh:
            there = {program.name for program in programs}
            self._mesh = Mesh(
                run,
                system=wanted.system,
                traffic={name: one for name, one in wanted.traffic.items() if name in there},
                replicas=placed,
                backed=self._backed,
                port_of=port_of,
                ports={region: int(url.rpartition(":")[2]) for region, url in self.gateways.items()},
                keys={declared: (one.url, Path(one.published)) for declared, one in played.items()},
                doors={f"{DOOR}/": identity.listen} if identity else {},
                traces=self._console.collector if self._console else "",
                isolated=wanted.isolated,
            )
        around = services.Neighbours(
            run=run,
            backed=self._backed,
            outside={name: spec.address for name, spec in outside.items()},
            protocols={name: "grpc" if "grpc" in one.protocols else "rest" for name, one in wanted.traffic.items()},
            first={replica.program.name: replica for replica in reversed(placed)},
            issuers={
                declared: Issuer(issuer=one.url, audience="", keys=one.published) for declared, one in played.items()
            },
            traces=self._console.traces if self._console else "",
            mesh=self._mesh.inside if self._mesh else (),
            gateway=gateway_identity(wanted.system),
        )
        self._write_flags()
        specs = [*self._backed.specs, *outside.values()]
        if identity is not None:
            specs.append(self._identity_spec(identity))
        if self._mesh is not None:
            specs += self._mesh.specs((IDENTITY,) if identity else ())
        if self._console is not None:
            observers, proxies = Observers(run, port_of), self._mesh.administration if self._mesh else {}
            self.notes += observers.notes
            specs += observers.specs(scraped(placed), proxies, wanted.alert_rules, self._console.collector)
            specs.append(
                self._console.spec(
                    system=wanted.system,
                    traffic=wanted.traffic,
                    placed=placed,
                    outside=outside,
                    proxies=proxies,
                    shown=msgspec.structs.replace(wanted.shown, tries=tuple(self.status.tries)),
                    prometheus=observers.prometheus,
                    alertmanager=observers.alertmanager,
                )
            )
        specs += [spec for replica in placed for spec in launching.specs(replica, around)]
        return [_heard(spec) for spec in specs] if self._console is not None else specs

    def _there(self) -> Iterator[services.Program]:
        for program in self._wanted.programs:
            if program.missing is None:
                yield program
            else:
                self.notes.append(program.missing)

    @property
    def _gateway(self) -> str:
        """Give the URL of the first region's gateway; empty where there is none."""
        return next(iter(self.gateways.values()), "")

    def _open(self, bindings: list[Binding], port_of: Ports) -> Iterator[tuple[str, str]]:
        """Give each region its gateway; the first one's port may be named, and the others follow it."""
        first = FIRST_PORT if self._wanted.port is None else self._wanted.port
        if self._wanted.port is not None and not is_free(first):
            raise FairwayError(f"--port {first}: is taken by another program. End it, or name another port.")
        for region in dict.fromkeys(one.region for one in bindings) or ("",):
            yield region, f"http://127.0.0.1:{port_of.first_from(first)}"

    def _identity(self, port_of: Ports) -> Settings | None:
        """Say who is played that vouches for callers; none where nobody is declared."""
        programs = self._wanted.programs
        declared = {one.issuer for program in programs for each in program.bindings for one in each.identity.issuers}
        known = {provider.issuer for provider in self._wanted.facts.identity_providers.values()}
        base, listen = f"{self._gateway}{DOOR}", f"unix:{self._run.socket(IDENTITY)}"
        if not self.gateways:
            listen = f"127.0.0.1:{port_of(IDENTITY)}"
            base = f"http://{listen}"
        return settings(self._wanted.facts, self._run, base=base, listen=listen, joining=sorted(declared - known))

    def _identity_spec(self, identity: Settings) -> ProcessSpec:
        file = self._run.config("identity.json")
        replace(file, msgspec.json.encode(identity))
        return ProcessSpec(
            name=IDENTITY,
            part="identity",
            command=(sys.executable, "-m", "fairway.local.identity", str(file)),
            cwd=self._run.state,
            env=dict(os.environ),
            log=self._run.log(IDENTITY),
            address=identity.base,
            ready=listens(identity.listen),
            hopeless=(2,),
        )

    def _outside(self, bindings: list[Binding], port_of: Ports) -> Iterator[tuple[str, ProcessSpec]]:
        callers: dict[str, list[str]] = {}
        for binding in bindings:
            for callee in binding.calls:
                if callee in self._wanted.facts.external_systems:
                    callers.setdefault(callee, []).append(binding.service)
        for name, called_by in callers.items():
            run = self._wanted.facts.external_systems[name].stand_in
            if run is None:
                self.notes.append(
                    f"{name}: nothing plays it here, so calls of {', '.join(dict.fromkeys(called_by))} to it fail."
                    f" Say what does: external-systems.{name}.stand-in."
                )
                continue
            address = f"127.0.0.1:{port_of(f'outside.{name}')}"
            command = foreign.filled(run.command, address, self._run.data(name))
            yield (
                name,
                ProcessSpec(
                    name=name,
                    part="outside",
                    command=command,
                    cwd=self._run.system_folder / (run.folder or ""),
                    env=dict(os.environ) | {"PORT": address.rpartition(":")[2]},
                    log=self._run.log(name),
                    address=address,
                    ready=listens(address),
                ),
            )

    def _write_flags(self) -> None:
        """Write flagd's definitions, once: who edits them throws a flag in all services, at once."""
        file = self._run.config("flags.json")
        if self._wanted.facts.flags and not file.exists():
            flags = {
                name: {
                    "state": "ENABLED",
                    "variants": {"on": True, "off": False},
                    "defaultVariant": "on" if flag.default else "off",
                }
                for name, flag in self._wanted.facts.flags.items()
            }
            replace(file, msgspec.json.format(msgspec.json.encode({"flags": flags})))

    async def _answer(self, request: Request) -> Answer:
        if request.do == "stop":
            self.end()
            return Answer()
        if request.do == "restart":
            assert self._supervisor is not None, "it is there before anybody can ask"
            found = named(self._supervisor, request.name)
            if not found:
                known = {one.service or one.name for one in self._supervisor.views()}
                return Answer(fault=f"{request.name}: nothing of this name runs. {did_you_mean(request.name, known)}")
            self._supervisor.restart(found)
            return Answer(names=found)
        if request.do == "traffic":
            return await self._shifted(request)
        return Answer(status=self.status)

    async def _shifted(self, request: Request) -> Answer:
        """Move requests to a canary, or back."""
        name, mesh = request.name, self._mesh
        share = mesh.share(name) if mesh else None
        if mesh is None or share is None:
            return Answer(fault=f"{name}: has no canary. Start one: fairway up --canary {name}=FOLDER")
        steps = mesh.steps(name)
        wanted = next((step for step in steps if step > share), share) if request.next else request.share
        try:
            if wanted >= 0:
                await mesh.shift(name, wanted)
        except (OSError, FairwayError) as error:
            return Answer(fault=f"{name}: stays as it is. {error}")
        return Answer(share=mesh.share(name) or 0, steps=steps)


def _heard(spec: ProcessSpec) -> ProcessSpec:
    """Let the collector outlive all who tell it something: they would wait for it, and their last spans be lost."""
    if spec.part not in {"service", "job", "proxy"}:
        return spec
    return msgspec.structs.replace(spec, outlived_by=(*spec.outlived_by, CONSOLE))


def named(supervisor: Supervisor, name: str) -> list[str]:
    """Name the processes that are a service's replicas, or have this name themselves."""
    return [
        view.name for view in supervisor.views() if view.name == name or (view.service == name and view.part != "job")
    ]
