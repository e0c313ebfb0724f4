"""PostgreSQL: a Cluster of CloudNativePG with its archive, its backups, and two users for each service."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Reason, Site
from fairway.core.cluster import OBJECT_STORAGE
from fairway.core.facts import seconds
from fairway.core.images import IMAGES
from fairway.core.labels import selector
from fairway.core.profile import Landscape, StoreProfile
from fairway.stages.s10_data.build import authorities, places
from fairway.stages.s10_data.decisions import backups, stores

API: Final = "postgresql.cnpg.io/v1"
ARCHIVER: Final = "barman-cloud.cloudnative-pg.io"
RELOAD: Final = {"cnpg.io/reload": "true"}
RESOURCES: Final = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}}
LOG_SIZE: Final = "10Gi"  # of the disk for changes that are not archived yet
ACCESS: Final = Reason(rule="data/reliable-store", topic="access")
TAKES_OVER: Final = Reason(rule="data/geo-replication", topic="other regions")
BACKED_UP: Final = Reason(rule="data/backups", topic="backups")
ENCRYPTED: Final = Reason(rule="data/encryption-at-rest", topic="encryption")


def manifests(landscape: Landscape, site: Site, store: StoreProfile) -> Iterator[Manifest]:
    """Build one store on one site: the region that takes writes, or one that follows."""
    topology, engine = stores.topology(store, landscape), stores.engine(store, landscape)
    kept = backups.backups(store, landscape)
    hosts = [f"{store.name}-{role}" for role in ("rw", "ro", "r")]
    yield authorities.certificate(landscape, store, hosts, {"secretTemplate": {"labels": RELOAD}})
    reasons = {
        ("spec", "instances"): Reason(rule=topology.rule, topic=topology.topic),
        ("spec", "postgresql", "synchronous"): Reason(rule=topology.rule, topic=topology.topic),
        ("spec", "managed"): ACCESS,
        ("spec", "certificates"): ACCESS,
        ("spec", "postgresql", "pg_hba"): ACCESS,
        ("spec", "plugins"): BACKED_UP,
        ("spec", "replica"): TAKES_OVER,
        ("spec", "externalClusters"): TAKES_OVER,
        ("spec", "storage", "storageClass"): ENCRYPTED,
        ("spec", "walStorage", "storageClass"): ENCRYPTED,
    }
    obj = cluster(landscape, site, store)
    there = {path: reason for path, reason in reasons.items() if path[1] in obj["spec"]}
    yield places.manifest(engine.rule, engine.topic, store.name, "cluster", obj, there)
    if places.home(landscape, site) == site.region:
        yield places.manifest(engine.rule, engine.topic, store.name, "database", _database(landscape, store))
    for region in places.regions(landscape, site):
        archive = _object_store(landscape, site, store, region)
        yield places.manifest(kept.rule, kept.topic, store.name, f"objectstore-{region}", archive)
    yield places.manifest(kept.rule, kept.topic, store.name, "scheduledbackup", _backup(landscape, store))
    for grant in stores.access(store).value:
        for user, schema in ((grant.user, False), (grant.schema_user, True)):
            secret = places.credentials(
                landscape, site, store.name, grant.service, _secret(store, user), schema=schema, labels=RELOAD
            )
            yield places.manifest(ACCESS.rule, ACCESS.topic, store.name, f"externalsecret-{user}", secret)


def _secret(store: StoreProfile, user: str) -> str:
    return f"{store.name}-user-{user}"


def _archive(store: StoreProfile, region: str) -> str:
    return f"{store.name}-{region}"


def cluster(landscape: Landscape, site: Site, store: StoreProfile) -> dict[str, Any]:
    """Write the cluster of one site."""
    topology = stores.topology(store, landscape).value
    kept, copied = backups.backups(store, landscape).value, stores.copies(store, landscape)
    shipped = [kept.log_every or "1h", *([copied.value.lag] if copied is not None else [])]
    regions, home = places.regions(landscape, site), places.home(landscape, site)
    settings: dict[str, Any] = {
        "parameters": {
            "archive_timeout": f"{int(min(map(seconds, shipped)))}s",
            "log_connections": "on",
            "log_statement": "ddl",
            "max_connections": "200",
            "password_encryption": "scram-sha-256",
            "shared_buffers": "256MB",
            "ssl_min_protocol_version": "TLSv1.3",
        },
        "pg_hba": [f"hostssl {store.name} all all scram-sha-256", "host all all all reject"],
    }
    if topology.synchronous:
        settings["synchronous"] = {"method": "any", "number": 1, "dataDurability": "required"}
    disk = {"storageClass": places.storage_class(store)}
    spec: dict[str, Any] = {
        "imageName": IMAGES["postgresql"],
        "instances": topology.members,
        "primaryUpdateStrategy": "unsupervised",
        "enableSuperuserAccess": False,
        "inheritedMetadata": {
            "labels": {**selector(landscape.system.system, store.name), **places.outside_mesh(landscape)}
        },
        "bootstrap": _bootstrap(store, home) if site.region == home else _following(store, home),
        "managed": {"roles": list(_roles(store))},
        "certificates": {
            "serverTLSSecret": authorities.keys_of(store.name),
            "serverCASecret": authorities.keys_of(store.name),
        },
        "postgresql": settings,
        "plugins": [
            {
                "name": ARCHIVER,
                "isWALArchiver": True,
                "parameters": {"barmanObjectName": _archive(store, site.region), "serverName": store.name},
            }
        ],
        "storage": {"size": topology.size, **disk},
        "walStorage": {"size": LOG_SIZE, **disk},
        "resources": RESOURCES,
        "affinity": {**places.APART, "enablePodAntiAffinity": True, "podAntiAffinityType": "preferred"},
    }
    if len(regions) > 1:
        other = regions[1] if site.region == home else home
        spec["replica"] = {
            "self": _archive(store, site.region),
            "primary": _archive(store, home),
            "source": _archive(store, other),
        }
        spec["externalClusters"] = [_elsewhere(store, region) for region in regions]
    return {
        "apiVersion": API,
        "kind": "Cluster",
        "metadata": places.described(landscape, store.name, kept=True),
        "spec": spec,
    }


def _elsewhere(store: StoreProfile, region: str) -> dict[str, Any]:
    """Name what a region has archived, as a source to follow."""
    parameters = {"barmanObjectName": _archive(store, region), "serverName": store.name}
    return {"name": _archive(store, region), "plugin": {"name": ARCHIVER, "parameters": parameters}}


def _bootstrap(store: StoreProfile, home: str) -> dict[str, Any]:
    """Make an empty database whose owner nobody can log in as, and give each user of it its rights."""
    del home
    database, owner = _quoted(store.name), _quoted(f"{store.name}-owner")
    later = f"alter default privileges for role {owner} in schema public"
    lines = [
        f"alter role {owner} nologin",
        f"revoke all on database {database} from public",
        f"alter schema public owner to {owner}",
        "revoke all on schema public from public",
    ]
    for grant in stores.access(store).value:
        lines += rights(store.name, grant.user, grant.schema_user, database, owner, later)
    init = {
        "database": store.name,
        "owner": f"{store.name}-owner",
        "dataChecksums": True,
        "encoding": "UTF8",
        "postInitApplicationSQL": lines,
    }
    return {"initdb": init}


def rights(  # noqa: PLR0913, PLR0917 - all that the statements name
    store: str, user: str, schema_user: str, database: str = "", owner: str = "", later: str = ""
) -> list[str]:
    """Write the statements that let one service in: one user for rows, one that acts as the owner of the schema."""
    database, owner = database or _quoted(store), owner or _quoted(f"{store}-owner")
    later = later or f"alter default privileges for role {owner} in schema public"
    rows, schema = _quoted(user), _quoted(schema_user)
    return [
        f"create role {rows}",
        f"create role {schema} in role {owner}",
        f"grant connect, temporary on database {database} to {rows}, {schema}",
        f"alter role {schema} in database {database} set role {owner}",
        f"grant usage on schema public to {rows}",
        f"{later} grant select, insert, update, delete on tables to {rows}",
        f"{later} grant usage, select on sequences to {rows}",
    ]


def _quoted(name: str) -> str:
    return f'"{name}"'


def _following(store: StoreProfile, home: str) -> dict[str, Any]:
    source = {"source": _archive(store, home), "database": store.name, "owner": f"{store.name}-owner"}
    return {"recovery": source}


def _roles(store: StoreProfile) -> Iterator[dict[str, Any]]:
    """Keep logins as they are decided; nobody of them may make databases or roles."""
    for grant in stores.access(store).value:
        for user, groups in ((grant.user, []), (grant.schema_user, [f"{store.name}-owner"])):
            yield {
                "name": user,
                "login": True,
                "superuser": False,
                "createdb": False,
                "createrole": False,
                **({"inRoles": groups} if groups else {}),
                "passwordSecret": {"name": _secret(store, user)},
            }


def _database(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    return {
        "apiVersion": API,
        "kind": "Database",
        "metadata": places.described(landscape, store.name),
        "spec": {
            "cluster": {"name": store.name},
            "name": store.name,
            "owner": f"{store.name}-owner",
            "databaseReclaimPolicy": "retain",
        },
    }


def _object_store(landscape: Landscape, site: Site, store: StoreProfile, region: str) -> dict[str, Any]:
    """Say where one region archives; only the site's own region removes what is old there."""
    there, kept = places.bucket(landscape, site, region), backups.backups(store, landscape).value
    own = {"retentionPolicy": kept.kept} if region == site.region else {}
    small = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}}
    return {
        "apiVersion": "barmancloud.cnpg.io/v1",
        "kind": "ObjectStore",
        "metadata": places.described(landscape, store.name, _archive(store, region)),
        "spec": {
            "configuration": {
                "destinationPath": there.url,
                **_let_in(there),
                "wal": {"compression": "gzip", "maxParallel": 4, **_encrypted(there)},
                "data": {"compression": "gzip", "jobs": 2, **_encrypted(there)},
            },
            **own,
            "instanceSidecarConfiguration": {"resources": small},
        },
    }


def _let_in(there: places.Backup) -> dict[str, Any]:
    """Say which role of the cloud lets the archiver in, or which keys do."""
    if there.cloud == "aws":
        return {"s3Credentials": {"inheritFromIAMRole": True}}
    if there.cloud == "gcp":
        return {"googleCredentials": {"gkeEnvironment": True}}
    if there.cloud == "azure":
        return {"azureCredentials": {"inheritFromAzureAD": True}}
    name = places.KEYS_OF_STORAGE
    keys = {
        "accessKeyId": {"name": name, "key": "access-key-id"},
        "secretAccessKey": {"name": name, "key": "secret-access-key"},
    }
    return {"endpointURL": f"https://{OBJECT_STORAGE}", "s3Credentials": keys}


def _encrypted(there: places.Backup) -> dict[str, str]:
    """Ask for encryption where a bucket does not encrypt by itself, or has a key of its owner."""
    return {"aws": {"encryption": "aws:kms"}, "none": {"encryption": "AES256"}}.get(there.cloud, {})


def _backup(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    schedule = backups.backups(store, landscape).value.schedule
    return {
        "apiVersion": API,
        "kind": "ScheduledBackup",
        "metadata": places.described(landscape, store.name),
        "spec": {
            "schedule": f"0 {schedule}",
            "backupOwnerReference": "self",
            "cluster": {"name": store.name},
            "method": "plugin",
            "pluginConfiguration": {"name": ARCHIVER},
            "immediate": True,
        },
    }
