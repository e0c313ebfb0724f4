"""Gateway and mesh around the services: one Envoy, its certificates, and its configuration when something changes."""

import asyncio
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from fairway.core.errors import FairwayError
from fairway.core.traffic import Traffic
from fairway.local import services
from fairway.local.certificates import Certificates
from fairway.local.envoy import Envoy, Files, accounts, configuration
from fairway.local.processes import ProcessSpec
from fairway.local.run_folder import RunFolder, private_folder
from fairway.local.state import Ports
from fairway.local.stores import Backed
from fairway.targets.envoy.clusters import to
from fairway.targets.envoy.places import GATEWAY, Door, KeySet, Places, Replica, Store, Traces

NAME: Final = "envoy"
LOOKED_AT_EVERY: Final = 1.0  # seconds: keys of tokens; certificates are looked at as often
TRUST_DOMAIN: Final = "cluster.local"
Keys = Mapping[str, tuple[str, Path]]  # by declared issuer: the issuer here, and the file of its key set


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
        port: int,
        keys: Keys,
        doors: Mapping[str, str] | None = None,
        traces: str = "",
    ) -> None:
        """Take who is there, and where; *port* is the gateway's."""
        self._run = run
        self._envoy = Envoy(run)
        self._keys = keys
        self._traffic = dict(traffic)
        self._told: dict[str, str] = {}
        self._runs = asyncio.Event()
        self._port = port
        known = list(replicas)
        stores = {
            name: Store(name=name, port=port_of(f"mtls.{name}"), address=backing.store.address)
            for name, backing in backed.stores.items()
            if backing.meshed
        }
        if backed.broker is not None and backed.broker.meshed:
            address = backed.broker.broker.address
            stores["broker"] = Store(name="broker", port=port_of("mtls.broker"), address=address)
        self._places = Places(
            system=system,
            folder=str(self._envoy.folder),
            gateway_port=port,
            admin=str(self._envoy.admin),
            trust_domain=TRUST_DOMAIN,
            replicas=tuple(self._place(one, stores, {other.program.name for other in known}, port_of) for one in known),
            stores=tuple(stores.values()),
            doors=tuple(Door(prefix=prefix, address=address) for prefix, address in (doors or {}).items()),
            region=known[0].binding.region if known else "",
            access_log=str(run.log("access")),
            traces=Traces(address=traces) if traces else None,
        )
        folder = private_folder(run.state / "certificates")
        self._certificates = Certificates(folder, accounts(self._traffic, self._places))

    @property
    def administration(self) -> dict[str, Path]:
        """Give the socket of each proxy's administration, by the proxy's name."""
        return {NAME: self._envoy.admin}

    def spec(self, after: tuple[str, ...] = ()) -> ProcessSpec:
        """Say how it runs."""

        async def prepare() -> None:
            self._runs.clear()
            self._note_keys()
            await self._envoy.prepare(self._places, self._files())

        async def settle() -> None:
            await self._envoy.confirm()
            self._runs.set()

        return ProcessSpec(
            name=NAME,
            part="proxy",
            command=self._envoy.command(),
            cwd=self._run.state,
            env={"PATH": "/usr/bin:/bin"},
            log=self._run.log("envoy.output"),
            address=f"127.0.0.1:{self._port}",
            depends_on=after,
            prepare=prepare,
            settle=settle,
            ready=self._envoy.ready,
            live=self._envoy.ready,
        )

    async def keep_current(self) -> None:
        """Bring renewed certificates and keys into force, for as long as the system runs."""
        while True:
            await asyncio.sleep(LOOKED_AT_EVERY)
            await self._runs.wait()  # while it is made ready, its folder is not ours to change
            try:
                renewed = self._certificates.renew()
                if self._note_keys() or renewed:
                    await self._envoy.write(self._files())
            except (OSError, FairwayError):  # it is just starting anew, and will read the files then
                self._told.clear()

    async def sees(self, services: Iterable[str]) -> bool:
        """Tell whether the gateway knows a healthy replica of each of these."""
        try:
            found = await self._envoy.stats(r"^cluster\.gateway\.to\..*\.membership_healthy$")
        except OSError:
            return False
        healthy = {name for name, count in found.items() if count != "0"}
        return all(any(name.startswith(f"cluster.{to(GATEWAY, one)}.") for name in healthy) for one in services)

    async def drain(self) -> None:
        """Let nobody new in."""
        await self._envoy.close_gateway()

    def _place(
        self, one: services.Replica, stores: Mapping[str, Store], there: Collection[str], port_of: Ports
    ) -> Replica:
        binding, name, run = one.binding, one.name, self._run
        used = {store: kept.kind for store, kept in binding.stores.items()} | ({"broker": ""} if binding.broker else {})
        protocols = self._traffic[one.program.name].protocols
        return Replica(
            service=one.program.name,
            name=name,
            port=port_of(f"mtls.{name}"),
            rest=one.listen.rest if "rest" in protocols else "",
            grpc=one.listen.grpc if "grpc" in protocols else "",
            admin=one.listen.admin,
            calls={callee: services.called(run, name, callee) for callee in binding.calls if callee in there},
            stores={store: services.reached(run, name, store, kind) for store, kind in used.items() if store in stores},
            region=binding.region,
            version=binding.version,
        )

    def _files(self) -> Files:
        sets = {
            declared: KeySet(issuer=issuer, keys=self._told.get(declared) or json.dumps({"keys": []}))
            for declared, (issuer, _) in self._keys.items()
        }
        places = msgspec.structs.replace(self._places, issuers=sets)
        return configuration(self._traffic, places, self._certificates)

    def _note_keys(self) -> bool:
        now = {declared: file.read_text() for declared, (_, file) in self._keys.items() if file.exists()}
        changed, self._told = now != self._told, now
        return changed


def gateway_identity(system: str) -> str:
    """Give the identity that services believe the tenant header of."""
    return f"spiffe://{TRUST_DOMAIN}/ns/{system}/sa/gateway"
