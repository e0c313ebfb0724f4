"""Programs that the SDK does not run, in a cluster: where each listens, where it is asked, who counts its requests.

Such a program knows no Unix sockets and no certificates. In a mesh it has its Pod's addresses as any other; without one
it listens on loopback, behind its proxy, which also passes on the questions of the kubelet.
"""

import re
from collections.abc import Iterable
from typing import Final

from fairway.core.profile import Profile
from fairway_sdk.contract import GRPC_PORT, REST_PORT

PORTS: Final = {"rest": REST_PORT, "grpc": GRPC_PORT}
LOOPBACK_PORTS: Final = {"rest": 18080, "grpc": 18081}
CALLEE_PORT: Final = 18100  # the first at which it finds those whom it calls
PROXY_PORT: Final = 9901  # where the proxy tells whether it is ready, and what it counted
PROBE_PORT: Final = 9902  # where the proxy passes on questions whether the program is well
LISTENING_PATH: Final = "/listening"  # answered by the proxy, from whether the program takes connections
PROXY_METRICS: Final = "/stats/prometheus"
ROUTES_FOLDER: Final = "/etc/fairway/routes"  # of its proxy: how long and how often it calls others
MESH_METRICS: Final = "http-envoy-prom"  # as the mesh names the port of its metrics in each Pod that it joins
MESH_METRICS_PORT: Final = 15090


def filled(words: Iterable[str], *, host: str, port: str, data: str) -> tuple[str, ...]:
    """Fill in what declared words may hold; other braces stay as they are."""
    known = {"address": f"{host}:{port}", "host": host, "port": port, "data": data}
    return tuple(re.sub(r"\{(address|host|port|data)\}", lambda match: known[match[1]], word) for word in words)


def behind_proxy(profile: Profile) -> bool:
    """Tell whether it hides on loopback: without a mesh, its proxy has the ports that others reach."""
    return profile.foreign and profile.system.platform.mesh != "istio" and profile.serving


def listens(profile: Profile) -> bool:
    """Tell whether it listens at all: for requests, or for the questions that it declares an answer to."""
    run = profile.facts.run
    return run is not None and not profile.runs_to_completion and bool(profile.serving or run.ready or run.live)


def side(profile: Profile) -> str:
    """Name the side that PORT is: gRPC only for what speaks nothing else."""
    return "grpc" if profile.grpc and not profile.rest else "rest"


def listened(profile: Profile, of: str) -> str:
    """Give the address at which it listens itself; *of* is rest or grpc."""
    return f"127.0.0.1:{LOOPBACK_PORTS[of]}" if behind_proxy(profile) else f"0.0.0.0:{PORTS[of]}"


def callee(profile: Profile, name: str) -> str:
    """Give the address at which it finds a service that it calls, where its own proxy carries the call."""
    return f"127.0.0.1:{CALLEE_PORT + profile.callees.index(name)}"


def urls(profile: Profile, job: str = "") -> str:
    """Name the Secret with the URLs of its stores and its broker, for itself or for a job in its name."""
    return f"{profile.name}-{job}-urls" if job else f"{profile.name}-urls"


def routes(profile: Profile) -> str:
    """Name the ConfigMap that tells its proxy how to call others; empty where it needs none."""
    carried = profile.foreign and profile.system.platform.mesh != "istio" and bool(profile.callees)
    return f"{profile.name}-routes" if carried else ""


def told_by_secret(profile: Profile) -> bool:
    """Tell whether some of its variables are secret: the URL of a store or of the broker, with a login."""
    facts = profile.facts
    stores = any(store.facts.engine != "dynamodb" for store in profile.stores)
    return profile.foreign and bool(stores or facts.publishes or facts.consumes)


def probe_port(profile: Profile) -> int:
    """Give the port at which the kubelet asks after it."""
    return PROBE_PORT if behind_proxy(profile) else PORTS[side(profile)]


def service_port(profile: Profile) -> int:
    """Give the port at which others reach it."""
    return PORTS[side(profile)]


def metrics_port(profile: Profile) -> int | None:
    """Give the port of its proxy's metrics; None where it is none of ours, or no proxy counts anything of it."""
    if not profile.foreign or profile.runs_to_completion or not profile.serving:
        return None
    return MESH_METRICS_PORT if profile.system.platform.mesh == "istio" else PROXY_PORT
