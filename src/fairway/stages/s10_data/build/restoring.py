"""Scripts that bring a store back to a moment."""

from typing import Any, Final

import msgspec

from fairway.core.artefact import Site
from fairway.core.cluster import ENGINE_PODS, OPERATORS
from fairway.core.labels import metadata
from fairway.core.profile import Landscape, StoreProfile, regions_of
from fairway.stages.s10_data.build import postgresql as built
from fairway.stages.s10_data.decisions import backups

SKIP: Final = {"cnpg.io/skipEmptyWalArchiveCheck": "enabled"}  # the archive holds the timeline that it comes from


def postgresql(landscape: Landscape, store: StoreProfile) -> str:
    """Write the script for a store on PostgreSQL; without a name it makes a copy beside what runs."""
    system = landscape.system.system
    home = next(iter(regions_of(landscape.system)))
    copy, whole = _recovered(landscape, store, beside=True), _recovered(landscape, store, beside=False)
    return f"""\
#!/bin/sh
# Brings {store.name} back to a moment of the last {backups.backups(store, landscape).value.kept}.
# sh restore/{store.name}.sh '2027-01-31 12:00:00+00' [REGION] [NAME]
# Without NAME it is a copy beside what runs, {store.name}-restored; as {store.name} it takes the place of what was.
set -eu
moment=${{1:?the moment to go back to, in UTC}}
region=${{2:-{home}}}
name=${{3:-{store.name}-restored}}
if [ "$name" = {store.name} ]; then
  kubectl -n {system} apply -f - <<EOF
{whole}
EOF
else
  kubectl -n {system} apply -f - <<EOF
{_json(_reached(landscape))}
EOF
  kubectl -n {system} apply -f - <<EOF
{copy}
EOF
fi
kubectl -n {system} wait "cluster.postgresql.cnpg.io/$name" --for=condition=Ready --timeout=12h
kubectl -n {system} get "cluster.postgresql.cnpg.io/$name"
"""


def _reached(landscape: Landscape) -> dict[str, Any]:
    """Let a copy, which no policy of the tree knows, reach its archive and the API, and its operator reach it."""
    own, system = {"podSelector": {"matchLabels": {ENGINE_PODS["postgresql"]: "$name"}}}, landscape.system.system
    operators = {"namespaceSelector": {"matchExpressions": [{"key": OPERATORS, "operator": "Exists"}]}}
    names = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    further = [{"protocol": "TCP", "port": port} for port in (443, 6443)]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(system, "$name", name="restore-$name"),
        "spec": {
            **own,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [own, operators]}],
            "egress": [{"to": [own]}, {"ports": [*names, *further]}],
        },
    }


def _recovered(landscape: Landscape, store: StoreProfile, *, beside: bool) -> str:
    """Write the cluster with its beginning in the archive; a copy archives nothing itself."""
    system = landscape.system
    environment, held = next(iter(system.environments.items()))
    region = next(iter(held.regions or system.regions))
    obj: dict[str, Any] = built.cluster(landscape, Site(environment=environment, region=region), store)
    spec = {key: value for key, value in obj["spec"].items() if key != "replica"}
    source = {
        "name": "archive",
        "plugin": {
            "name": built.ARCHIVER,
            "parameters": {"barmanObjectName": f"{store.name}-$region", "serverName": store.name},
        },
    }
    spec["bootstrap"] = {
        "recovery": {
            "source": "archive",
            "database": store.name,
            "owner": f"{store.name}-owner",
            "recoveryTarget": {"targetTime": "$moment"},
        }
    }
    spec["externalClusters"] = [source]
    described = {**obj["metadata"], "name": "$name"}
    if beside:
        del spec["plugins"], spec["certificates"]
        spec["instances"] = 1
        spec["postgresql"] = {key: value for key, value in spec["postgresql"].items() if key != "synchronous"}
    else:
        described["annotations"] = {**obj["metadata"]["annotations"], **SKIP}
        spec["plugins"][0]["parameters"]["barmanObjectName"] = f"{store.name}-$region"
    return _json({**obj, "metadata": described, "spec": spec})


def _json(obj: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(obj), indent=2).decode()
