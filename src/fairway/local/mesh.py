"""Gateways and mesh around the services: their Envoys, certificates, and configuration when something changes."""

import asyncio
import json
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from fairway.core.errors import FairwayError
from fairway.core.traffic import Traffic
from fairway.local import services
from fairway.local.certificates import Certificates
from fairway.local.credentials import Credentials
from fairway.local.envoy import Envoy, Files, accounts, configuration
from fairway.local.processes import ProcessSpec
from fairway.local.proxies import proxies
from fairway.local.run_folder import RunFolder, private_folder
from fairway.local.servers import Backing
from fairway.local.state import Ports
from fairway.local.stores import Backed
from fairway.targets.envoy.places import Door, KeySet, Places, Replica, Store, Traces

LOOKED_AT_EVERY: Final = 1.0  # seconds: keys of tokens; certificates are looked at as often
LONGEST_PAUSE: Final = 30.0  # seconds between two tries of what Envoy does not take
IDLE_LOOKED_AT_EVERY: Final = 0.05
CURRENT: Final = "current"  # the version of a service that is there already
CANARY: Final = "canary"
TRUST_DOMAIN: Final = "cluster.local"
Keys = Mapping[str, tuple[str, Path]]  # by declared issuer: the issuer here, and the file of its key set


class Carrier:
    """One Envoy as it comes and goes, and which state of the whole it was told."""

    def __init__(self, envoy: Envoy) -> None:
        """Take it before it has run."""
        self.envoy = envoy
        self.name = envoy.proxy.name
        self.told = 0
        self.starts = False  # its folder is not ours to change
        self.runs = asyncio.Event()


class Mesh:
    """The proxies of a system."""

    def __init__(  # noqa: PLR0913 - all that a proxy stands between
        self,
        run: RunFolder,
        *,
        system: str,
        traffic: Mapping[str, Traffic],
        replicas: Iterable[services.Replica],
        backed: Backed,
        port_of: Ports,
        ports: Mapping[str, int],
        keys: Keys,
        doors: Mapping[str, str] | None = None,
        traces: str = "",
        isolated: bool = False,
    ) -> None:
        """Take who is there, and where; *ports* are the gateways', by region."""
        self._run = run
        self._keys = keys
        self._traffic = dict(traffic)
        self._noted: dict[str, str] = {}
        self._state = 1  # counted up whenever files change
        self._trouble = ""
        self._turn = asyncio.Lock()
        known = list(replicas)
        canaries = [one.program.name for one in known if one.program.version]
        first = {name: next(iter(self._traffic[name].steps), 0) for name in canaries}
        stores = {
            name: Store(name=name, port=port_of(f"mtls.{name}"), address=backing.store.address)
            for name, backing in backed.stores.items()
            if backing.meshed
        }
        if backed.broker is not None and backed.broker.meshed:
            address = backed.broker.broker.address
            stores["broker"] = Store(name="broker", port=port_of("mtls.broker"), address=address)
        there = {other.program.name for other in known}
        self._places = Places(
            system=system,
            trust_domain=TRUST_DOMAIN,
            replicas=tuple(self._place(one, backed, stores, there, port_of) for one in known),
            stores=tuple(stores.values()),
            doors=tuple(Door(prefix=prefix, address=address) for prefix, address in (doors or {}).items()),
            weights={name: _weights(share) for name, share in first.items()},
            access_log=str(run.log("access")),
            traces=Traces(address=traces) if traces else None,
        )
        found = list(proxies(run, self._places.replicas, stores, ports, isolated=isolated))
        self._carriers = [Carrier(Envoy(run, one)) for one in found]
        folder = private_folder(run.state / "certificates")
        self._certificates = Certificates(folder, accounts(self._traffic, self._places, found))

    @property
    def administration(self) -> dict[str, Path]:
        """Give the socket of each proxy's administration, by the proxy's name."""
        return {one.name: one.envoy.admin for one in self._carriers}

    @property
    def watchers(self) -> int:
        """Tell how many watchers of files all proxies need."""
        return sum(one.envoy.watchers(self._files(one)) for one in self._carriers)

    @property
    def inside(self) -> tuple[str, ...]:
        """Name the processes that services rely on: all but the gateways."""
        return tuple(one.name for one in self._carriers if not one.envoy.proxy.gateway)

    @property
    def notes(self) -> list[str]:
        """Say what people should know of the proxies now."""
        weights = self._places.weights
        shares = [f"{name}: {one[CANARY]} % of its requests go to its canary." for name, one in weights.items()]
        return shares + ([self._trouble] if self._trouble else [])

    def share(self, service: str) -> int | None:
        """Give the percent of a service's requests that its canary takes; none where it has no canary."""
        weights = self._places.weights.get(service)
        return weights[CANARY] if weights else None

    def steps(self, service: str) -> tuple[int, ...]:
        """Give the shares that were decided for a new version of a service; the last is all of it."""
        return (*self._traffic[service].steps, 100)

    async def shift(self, service: str, share: int) -> None:
        """Give the canary of a service so much of its requests, in percent; `RefusedError` and all is as before."""
        before = self._places
        weights = before.weights | {service: _weights(share)}
        self._places = msgspec.structs.replace(before, weights=weights)
        self._state += 1
        try:
            async with self._turn:
                await self._tell()
        except BaseException:
            self._places = before
            self._state += 1
            raise

    def specs(self, after: tuple[str, ...] = ()) -> list[ProcessSpec]:
        """Say how they run; the gateways wait for what is named."""
        return [self._spec(one, after if one.envoy.proxy.gateway else ()) for one in self._carriers]

    async def keep_current(self) -> None:
        """Bring renewed certificates and keys into force, for as long as the system runs."""
        pause = LOOKED_AT_EVERY
        while True:
            await asyncio.sleep(pause)
            try:
                async with self._turn:
                    await self._catch_up()
            except (OSError, FairwayError) as error:
                if pause > LOOKED_AT_EVERY:  # the first time it may just be starting anew
                    self._trouble = f"{_now()}: the proxies do not take what is new: {error} It is tried again."
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                pause, self._trouble = LOOKED_AT_EVERY, ""

    async def sees(self, services: Collection[str]) -> bool:
        """Tell whether every gateway, and the proxy of every caller, knows a healthy replica of each of these."""
        for one in self._carriers:
            try:
                found = await one.envoy.stats(r"^cluster\..*\.to\..*\.membership_healthy$")
            except OSError:
                return False
            healthy: dict[tuple[str, str], bool] = {}  # by caller and callee, of whichever version
            for name, count in found.items():
                caller, _, rest = name.removeprefix("cluster.").partition(".to.")
                way = caller, rest.partition(".")[0]
                healthy[way] = healthy.get(way, False) or count != "0"
            if any(callee in services and not well for (_, callee), well in healthy.items()):
                return False
        return True

    async def drain(self, within: float, hurried: asyncio.Event) -> None:
        """Let nobody new in, and wait until what is under way has ended; no longer than *within* seconds."""
        busy = [one for one in self._gateways if await _closed(one.envoy)]
        end = time.monotonic() + within
        while busy and time.monotonic() < end and not hurried.is_set():
            await asyncio.sleep(IDLE_LOOKED_AT_EVERY)
            busy = [one for one in busy if await _is_busy(one.envoy)]

    @property
    def _gateways(self) -> list[Carrier]:
        return [one for one in self._carriers if one.envoy.proxy.gateway]

    def _spec(self, one: Carrier, after: tuple[str, ...]) -> ProcessSpec:
        envoy, gateway = one.envoy, one.envoy.proxy.gateway

        async def prepare() -> None:
            one.runs.clear()
            one.starts = True
            self._note_keys()
            one.told = self._state
            await envoy.prepare(self._places, self._files(one))

        async def settle() -> None:
            await envoy.confirm()
            one.starts = False
            one.runs.set()

        return ProcessSpec(
            name=one.name,
            part="proxy",
            command=envoy.command(),
            cwd=self._run.state,
            env={"PATH": "/usr/bin:/bin"},
            log=self._run.log(f"{one.name}.output"),
            address=f"127.0.0.1:{gateway.port}" if gateway else str(envoy.admin),
            depends_on=after,
            prepare=prepare,
            settle=settle,
            ready=envoy.ready,
            live=envoy.ready,
        )

    async def _catch_up(self) -> None:
        """Tell those that run what is new."""
        self._note_keys()
        if any(one.starts and one.told != self._state for one in self._carriers):  # it would be two steps behind
            await self._tell()
            return
        with self._certificates.renewing() as renewed:
            try:
                self._state += renewed
                await self._tell()
            except BaseException:
                self._state += renewed  # who has taken it gets back what was before
                raise

    async def _tell(self) -> None:
        for one in self._carriers:
            if one.runs.is_set() and one.told != self._state:
                state = self._state
                await one.envoy.write(self._files(one))
                one.told = state

    def _place(
        self, one: services.Replica, backed: Backed, stores: Mapping[str, Store], there: Collection[str], port_of: Ports
    ) -> Replica:
        protocols = self._traffic[one.program.name].protocols
        return Replica(
            service=one.program.name,
            name=one.name,
            port=port_of(f"mtls.{one.name}"),
            rest=one.listen.rest if "rest" in protocols else "",
            grpc=one.listen.grpc if "grpc" in protocols else "",
            admin=one.asked_at,
            ready=one.ready_path,
            calls={callee: address for callee, address in one.calls.items() if callee in there},
            stores={store: address for store, address in one.stores.items() if store in stores},
            region=one.binding.region,
            version=one.program.version or CURRENT,
            keys={store: key for store, backing in backed.stores.items() if (key := self._key(one, store, backing))},
        )

    def _key(self, one: services.Replica, store: str, backing: Backing) -> str:
        if store not in one.stores or not (backing.key_secret and one.program.uses_sdk):
            return ""
        return Credentials(self._run).password(one.program.name, backing.key_secret).read_text()

    def _files(self, one: Carrier) -> Files:
        sets = {
            declared: KeySet(issuer=issuer, keys=self._noted.get(declared) or json.dumps({"keys": []}))
            for declared, (issuer, _) in self._keys.items()
        }
        places = msgspec.structs.replace(self._places, issuers=sets)
        return configuration(self._traffic, places, one.envoy.proxy, self._certificates)

    def _note_keys(self) -> None:
        now = {declared: file.read_text() for declared, (_, file) in self._keys.items() if file.exists()}
        if now != self._noted:
            self._noted = now
            self._state += 1


async def _closed(envoy: Envoy) -> bool:
    """Close a gateway, and tell whether something is under way in it."""
    try:
        await envoy.close_gateway()
    except OSError:  # it does not run
        return False
    return await _is_busy(envoy)


async def _is_busy(envoy: Envoy) -> bool:
    try:
        return not await envoy.idle()
    except OSError:
        return False


def _weights(share: int) -> dict[str, int]:
    return {CURRENT: 100 - share, CANARY: share}


def _now() -> str:
    return time.strftime("%H:%M:%S")


def gateway_identity(system: str) -> str:
    """Give the identity that services believe the tenant header of."""
    return f"spiffe://{TRUST_DOMAIN}/ns/{system}/sa/gateway"
