"""What security tells a running service: whom it believes, who may call it, and how personal data is sealed."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.cluster import KEYRING, MASTER_KEY, SOCKETS
from fairway.core.parts import Bind
from fairway.core.profile import Landscape, Profile
from fairway.stages.s07_security.decisions.identity import identity, tls_proxy
from fairway.stages.s07_security.decisions.network import STORE_PORTS
from fairway.stages.s07_security.decisions.protection import keyring

KEYRING_CONNECTIONS = 2  # keys are remembered for a while, so few questions are asked


def bind(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Bind]:
    """Tell what the proxies vouch for, and where the keys of persons are."""
    del site
    own = identity(profile)
    trust = own.value.spiffe.removeprefix("spiffe://").partition("/")[0]
    told: dict[str, object] = {"trust-domain": trust, "proxied": True}
    if profile.callers:
        told["callers"] = list(profile.callers)
    for key, held in told.items():
        yield Bind(service=profile.name, rule=own.rule, topic=own.topic, path=("identity", key), value=held)
    if (beside := tls_proxy(profile)) is not None and profile.facts.run is None:
        for side in ("rest", "grpc"):
            at = f"unix:{SOCKETS}/{side}.sock"
            yield Bind(service=profile.name, rule=beside.rule, topic=beside.topic, path=("listen", side), value=at)
    for callee in profile.callees:
        path = ("calls", callee, "internal")
        yield Bind(service=profile.name, rule=own.rule, topic=own.topic, path=path, value=True)
    ring = keyring(landscape)
    if ring is None or "personal" not in profile.data:
        return
    sealed = {"master-key-secret": MASTER_KEY, "keys": KEYRING}
    store = {
        "kind": "postgresql",
        "address": f"{KEYRING}-rw.{landscape.system.system}.svc.cluster.local:{STORE_PORTS['postgresql']}",
        "database": KEYRING,
        "user-secret": f"{KEYRING}-user",
        "password-secret": f"{KEYRING}-password",
        "tls": True,
        "connections": KEYRING_CONNECTIONS,
        "shared": True,
    }
    places: dict[tuple[str, ...], object] = {("personal", key): value for key, value in sealed.items()}
    places |= {("stores", KEYRING, key): value for key, value in store.items()}
    for place, value in places.items():
        yield Bind(service=profile.name, rule=ring.rule, topic=ring.topic, path=place, value=value)
