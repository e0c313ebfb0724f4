"""Which Envoys a system runs as: a gateway and a mesh for each region, or one for each service as well."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from fairway.local.run_folder import RunFolder, private_folder
from fairway.targets.envoy.places import Gateway, Proxy, Replica

GATEWAY: Final = "gateway"
MESH: Final = "mesh"
STORES: Final = "stores"


def proxies(
    run: RunFolder, replicas: Sequence[Replica], stores: Iterable[str], ports: Mapping[str, int], *, isolated: bool
) -> Iterator[Proxy]:
    """Share out what is to be carried; *ports* are the gateways' by region, and the stores stand in the first region.

    Isolated, each service has an Envoy of its own, so that killing one is killing that service's proxies alone.
    """
    home = next(iter(ports))
    for region, port in ports.items():
        yield _proxy(run, named(GATEWAY, region, ports), gateway=Gateway(port=port, region=region))
    if isolated:
        for service in dict.fromkeys(one.service for one in replicas):
            for region in ports:
                own = frozenset(one.name for one in replicas if (one.service, one.region) == (service, region))
                if own:
                    yield _proxy(run, named(f"{MESH}.{service}", region, ports), replicas=own)
        if kept := frozenset(stores):
            yield _proxy(run, f"{MESH}.{STORES}", stores=kept)
        return
    for region in ports:
        there = frozenset(one.name for one in replicas if one.region == region)
        kept = frozenset(stores) if region == home else frozenset[str]()
        yield _proxy(run, named(MESH, region, ports), replicas=there, stores=kept)


def named(what: str, region: str, regions: Iterable[str]) -> str:
    """Name a proxy; the region is part of it where there are several."""
    return f"{what}.{region}" if len(list(regions)) > 1 else what


def _proxy(
    run: RunFolder,
    name: str,
    *,
    gateway: Gateway | None = None,
    replicas: frozenset[str] = frozenset(),
    stores: frozenset[str] = frozenset(),
) -> Proxy:
    folder = private_folder(run.state / "envoy") / name
    admin = str(run.socket(f"{name}.admin"))
    return Proxy(name=name, folder=str(folder), admin=admin, gateway=gateway, replicas=replicas, stores=stores)
