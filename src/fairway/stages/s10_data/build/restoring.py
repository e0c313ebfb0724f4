"""Scripts that bring a store back to a moment."""

import json
from typing import Any, Final

from fairway.core.artefact import Site
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
{copy}
EOF
fi
kubectl -n {system} wait "cluster.postgresql.cnpg.io/$name" --for=condition=Ready --timeout=12h
kubectl -n {system} get "cluster.postgresql.cnpg.io/$name"
"""


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
        described["annotations"] = SKIP
        spec["plugins"][0]["parameters"]["barmanObjectName"] = f"{store.name}-$region"
    return json.dumps({**obj, "metadata": described, "spec": spec}, indent=2)
