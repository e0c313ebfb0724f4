"""MySQL: a cluster of Percona's operator, whose members vote; full backups and every change in between."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Reason, Site
from fairway.core.cluster import OBJECT_STORAGE
from fairway.core.facts import seconds
from fairway.core.images import IMAGES
from fairway.core.profile import Landscape, StoreProfile
from fairway.core.secrets import external_secret
from fairway.stages.s10_data.binding import PROXY
from fairway.stages.s10_data.build import across_regions, authorities, places
from fairway.stages.s10_data.decisions import backups, stores

OPERATOR: Final = "1.19.0"
PLACE: Final = "backups"  # what the storage is called in the cluster's own object
READS_AND_WRITES: Final = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE TEMPORARY TABLES", "EXECUTE")
CHANGES_SCHEMA: Final = ("ALL",)
RESOURCES: Final = {"requests": {"cpu": "500m", "memory": "1536Mi"}, "limits": {"cpu": "2", "memory": "1536Mi"}}
SMALL: Final = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}
USER: Final = 1001  # of all the operator's images
HARDENED: Final = {"podSecurityContext": places.only(USER), "containerSecurityContext": places.RESTRICTED}
ACCESS: Final = Reason(rule="data/reliable-store", topic="access")
SERVERS: Final = Reason(rule="data/reliable-store", topic="servers")
BACKED_UP: Final = Reason(rule="data/backups", topic="backups")
FOLLOWS: Final = Reason(rule="data/geo-replication", topic="other regions")
PORT: Final = 3306
OWN_USERS: Final = ("root", "xtrabackup", "monitor", "proxyadmin", "operator", "replication")
EXPORTS: Final = {"gcp": "net.gke.io/v1"}  # who serves an export; elsewhere the API that all others speak


def manifests(landscape: Landscape, site: Site, store: StoreProfile) -> Iterator[Manifest]:
    """Build one store on one site: the region that takes writes, or one that follows."""
    engine = stores.engine(store, landscape)
    hosts = [f"{store.name}{PROXY}", f"*.{store.name}-pxc", f"{store.name}-pxc"]
    alone = not across_regions.several(landscape, site)
    afar = () if alone else (exported(landscape, store),)
    yield authorities.certificate(landscape, store, hosts, across_regions.issued(landscape, site), afar)
    yield from across_regions.way(landscape, site, store, (PORT,))
    if not alone:
        yield places.manifest(
            FOLLOWS.rule, FOLLOWS.topic, store.name, "externalsecret-own", _own(landscape, site, store)
        )
    if not alone and places.home(landscape, site) == site.region:
        yield places.manifest(FOLLOWS.rule, FOLLOWS.topic, store.name, "serviceexport", _export(landscape, site, store))
    reasons = {
        ("spec", "pxc", "size"): SERVERS,
        ("spec", "pxc", "volumeSpec"): Reason(rule="data/encryption-at-rest", topic="encryption"),
        ("spec", "users"): ACCESS,
        ("spec", "sslSecretName"): ACCESS,
        ("spec", "backup"): BACKED_UP,
    }
    obj = _cluster(landscape, site, store)
    if "replicationChannels" in obj["spec"]["pxc"]:
        reasons["spec", "pxc", "replicationChannels"] = FOLLOWS
    yield places.manifest(engine.rule, engine.topic, store.name, "perconaxtradbcluster", obj, reasons)
    for grant in stores.access(store).value:
        for user, schema in ((grant.user, False), (grant.schema_user, True)):
            name = f"{store.name}-user-{user}"
            secret = places.credentials(landscape, site, store.name, grant.service, name, schema=schema, labels={})
            yield places.manifest(ACCESS.rule, ACCESS.topic, store.name, f"externalsecret-{user}", secret)


def _cluster(landscape: Landscape, site: Site, store: StoreProfile) -> dict[str, Any]:
    topology = stores.topology(store, landscape).value
    alone = topology.members < 3  # noqa: PLR2004 - two members cannot outvote one another
    disk = {
        "storageClassName": places.storage_class(store),
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": topology.size}},
    }
    labels = places.outside_mesh(landscape)
    pxc: dict[str, Any] = {
        "size": topology.members,
        "image": IMAGES["mysql"],
        "autoRecovery": True,
        "labels": labels,
        "configuration": "[mysqld]\nrequire_secure_transport=ON\nbinlog_format=ROW\ngtid_mode=ON\n"
        "enforce_gtid_consistency=ON\nlog_replica_updates=ON\n",
        "resources": RESOURCES,
        "affinity": {"antiAffinityTopologyKey": "topology.kubernetes.io/zone"},
        "podDisruptionBudget": {"maxUnavailable": 1},
        "gracePeriod": 600,
        "volumeSpec": {"persistentVolumeClaim": disk},
        **HARDENED,
    }
    if len(places.regions(landscape, site)) > 1:
        pxc["replicationChannels"] = [_channel(landscape, site, store)]
    spec: dict[str, Any] = {
        "crVersion": OPERATOR,
        "secretsName": _secrets(store),
        "sslSecretName": authorities.keys_of(store.name),
        "sslInternalSecretName": authorities.keys_of(store.name),
        "tls": {"enabled": True},
        "updateStrategy": "SmartUpdate",
        "upgradeOptions": {"apply": "disabled"},
        "initContainer": {"containerSecurityContext": places.RESTRICTED, "resources": SMALL},
        "pxc": pxc,
        "haproxy": {
            "enabled": True,
            "size": topology.members,
            "image": IMAGES["mysql-haproxy"],
            "labels": labels,
            "resources": SMALL,
            "affinity": {"antiAffinityTopologyKey": "topology.kubernetes.io/zone"},
            "podDisruptionBudget": {"maxUnavailable": 1},
            **HARDENED,
        },
        "users": list(_users(store)),
        "backup": _backup(landscape, site, store),
    }
    if alone:
        spec["unsafeFlags"] = {"pxcSize": True, "proxySize": True}
    return {
        "apiVersion": "pxc.percona.com/v1",
        "kind": "PerconaXtraDBCluster",
        "metadata": places.described(landscape, store.name, kept=True),
        "spec": spec,
    }


def _users(store: StoreProfile) -> Iterator[dict[str, Any]]:
    """Let each service in twice: what runs cannot change the schema."""
    for grant in stores.access(store).value:
        for user, granted in ((grant.user, READS_AND_WRITES), (grant.schema_user, CHANGES_SCHEMA)):
            yield {
                "name": user,
                "dbs": [store.name],
                "hosts": ["%"],
                "passwordSecretRef": {"name": f"{store.name}-user-{user}", "key": "password"},
                "grants": list(granted),
                "withGrantOption": False,
            }


def _channel(landscape: Landscape, site: Site, store: StoreProfile) -> dict[str, Any]:
    """Follow the home region, by the name that it exports, or be followed from the others."""
    home = places.home(landscape, site)
    name = f"{store.name}-{home}"
    if site.region == home:
        return {"name": name, "isSource": True}
    return {
        "name": name,
        "isSource": False,
        "sourcesList": [{"host": exported(landscape, store), "port": PORT, "weight": 100}],
        "configuration": {"ssl": True, "sslSkipVerify": False, "ca": "/etc/mysql/ssl/ca.crt", "sourceRetryCount": 3},
    }


def exported(landscape: Landscape, store: StoreProfile) -> str:
    """Give the name by which every region reaches the servers that take writes: only their region exports it."""
    return f"{store.name}{PROXY}.{landscape.system.system}.svc.clusterset.local"


def _export(landscape: Landscape, site: Site, store: StoreProfile) -> dict[str, Any]:
    return {
        "apiVersion": EXPORTS.get(places.cloud(landscape, site), "multicluster.x-k8s.io/v1alpha1"),
        "kind": "ServiceExport",
        "metadata": places.described(landscape, store.name, f"{store.name}{PROXY}"),
    }


def _own(landscape: Landscape, site: Site, store: StoreProfile) -> dict[str, Any]:
    """Fetch the passwords of the operator's own users: a region that follows has those of the one that it follows."""
    entries = {user: (f"store-{store.name}", f"{user}-password") for user in OWN_USERS}
    described = places.described(landscape, store.name, _secrets(store))
    return external_secret(landscape, site, described, entries, refresh="15m")


def _secrets(store: StoreProfile) -> str:
    return f"{store.name}-operator"


def _backup(landscape: Landscape, site: Site, store: StoreProfile) -> dict[str, Any]:
    kept, there = backups.backups(store, landscape).value, places.bucket(landscape, site)
    hours = str(kept.schedule).split()[1]
    a_day = 24 if hours == "*" else 4 if hours == "*/6" else 1
    count = int(seconds(kept.kept) // 86400) * a_day
    return {
        "image": IMAGES["mysql-backup"],
        "storages": {PLACE: {**_storage(there, store), **HARDENED}},
        "schedule": [
            {
                "name": store.name,
                "schedule": kept.schedule,
                "storageName": PLACE,
                "retention": {"type": "count", "count": count, "deleteFromStorage": True},
            }
        ],
        "pitr": {
            "enabled": True,
            "storageName": PLACE,
            "timeBetweenUploads": seconds(kept.log_every or "1h"),
            "resources": SMALL,
        },
    }


def source(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    """Write the place of the home region's backups as a restore elsewhere names it."""
    environment = places.widest(landscape)
    home = places.home(landscape, Site(environment=environment, region=""))
    kept = _storage(places.bucket(landscape, Site(environment=environment, region=home)), store)
    return {"destination": "DESTINATION", **{key: kept[key] for key in ("s3", "azure") if key in kept}}


def _storage(there: places.Backup, store: StoreProfile) -> dict[str, Any]:
    path = f"{there.bucket}/{store.name}"
    if there.cloud == "azure":
        azure = {"container": path, "credentialsSecret": places.KEYS_OF_STORAGE}
        return {"type": "azure", "resources": SMALL, "azure": azure}
    s3: dict[str, Any] = {"bucket": path, "region": there.region}
    s3 |= {} if there.cloud == "aws" else {"credentialsSecret": places.KEYS_OF_STORAGE}
    if there.cloud == "gcp":
        s3["endpointUrl"] = "https://storage.googleapis.com"
    if there.cloud == "none":
        s3["endpointUrl"] = f"https://{OBJECT_STORAGE}"
    return {"type": "s3", "verifyTLS": True, "resources": SMALL, "s3": s3}
