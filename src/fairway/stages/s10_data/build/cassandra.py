"""Cassandra: a datacenter in each region, of one cluster; a snapshot of all of them every hour."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Reason, Site
from fairway.core.cluster import OBJECT_STORAGE
from fairway.core.facts import seconds
from fairway.core.profile import Landscape, StoreProfile
from fairway.core.secrets import external_secret
from fairway.stages.s10_data.build import across_regions, authorities, cassandra_roles, places
from fairway.stages.s10_data.decisions import backups, stores

VERSION: Final = "5.0.5"
AMONG_SERVERS: Final = (7000, 7001)  # both by TLS that asks for a certificate
RACKS: Final = ("rack-a", "rack-b", "rack-c")
RESOURCES: Final = {"requests": {"cpu": "1", "memory": "4Gi"}, "limits": {"cpu": "4", "memory": "4Gi"}}
ACCESS: Final = Reason(rule="data/reliable-store", topic="access")
BACKED_UP: Final = Reason(rule="data/backups", topic="backups")
CONTAINERS: Final = ("cassandra", "server-system-logger")
FIRST: Final = ("server-config-init-base", "server-config-init")
PROVIDERS: Final = {"aws": "s3", "gcp": "google_storage", "azure": "azure_blobs", "none": "s3_compatible"}


def manifests(landscape: Landscape, site: Site, store: StoreProfile) -> Iterator[Manifest]:
    """Build one store on one site; the cluster itself is written where its operator decides for all regions."""
    engine, kept = stores.engine(store, landscape), backups.backups(store, landscape)
    own = f"{store.name}-{site.region}-service"
    stores_of_keys = {"jks": {"create": True, "passwordSecretRef": {"name": _password(store), "key": "password"}}}
    hosts = [own, f"*.{store.name}-{site.region}-all-pods-service"]
    more = {"keystores": stores_of_keys, **across_regions.issued(landscape, site)}
    yield authorities.certificate(landscape, store, hosts, more)
    yield from across_regions.way(landscape, site, store, AMONG_SERVERS)
    yield from cassandra_roles.manifests(landscape, site, store)
    secret = external_secret(
        landscape,
        site,
        places.described(landscape, store.name, _password(store)),
        {"password": (f"store-{store.name}", "keystore-password")},
        refresh="1h",
    )
    yield places.manifest(ACCESS.rule, ACCESS.topic, store.name, "externalsecret-keystore", secret)
    entries = {
        "username": (f"store-{store.name}", "operator-user"),
        "password": (f"store-{store.name}", "operator-password"),
    }
    described = places.described(landscape, store.name, f"{store.name}-operator")
    operator = external_secret(landscape, site, described, entries, refresh="15m")
    yield places.manifest(ACCESS.rule, ACCESS.topic, store.name, "externalsecret-operator", operator)
    if places.home(landscape, site) == site.region:
        reasons = {
            ("spec", "cassandra", "datacenters"): Reason(rule="data/reliable-store", topic="servers"),
            ("spec", "cassandra", "clientEncryptionStores"): ACCESS,
            ("spec", "cassandra", "storageConfig"): Reason(rule="data/encryption-at-rest", topic="encryption"),
            ("spec", "medusa"): BACKED_UP,
        }
        obj = _cluster(landscape, site, store)
        yield places.manifest(engine.rule, engine.topic, store.name, "k8ssandracluster", obj, reasons)
    for operation, schedule in (("backup", kept.value.schedule), ("purge", "30 5 * * *")):
        made = _schedule(landscape, site, store, operation, str(schedule))
        name = f"medusabackupschedule-{operation}"
        yield places.manifest(kept.rule, kept.topic, store.name, name, made)


def _password(store: StoreProfile) -> str:
    return f"{store.name}-keystore"


def _cluster(landscape: Landscape, site: Site, store: StoreProfile) -> dict[str, Any]:
    regions, topology = places.regions(landscape, site), stores.topology(store, landscape).value
    secret = {"name": authorities.keys_of(store.name)}
    keys = {
        "keystoreSecretRef": {**secret, "key": "keystore.jks"},
        "keystorePasswordSecretRef": {"name": _password(store), "key": "password"},
        "truststoreSecretRef": {**secret, "key": "truststore.jks"},
        "truststorePasswordSecretRef": {"name": _password(store), "key": "password"},
    }
    claim = {
        "storageClassName": places.storage_class(store),
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": topology.size}},
    }
    settings = {
        "authenticator": "PasswordAuthenticator",
        "authorizer": "CassandraAuthorizer",
        "client_encryption_options": {"enabled": True, "optional": False, "require_client_auth": False},
        "server_encryption_options": {"internode_encryption": "all", "require_client_auth": True},
    }
    datacenters = [
        {
            "metadata": {"name": region},
            **({"k8sContext": region} if region != site.region else {}),
            "size": topology.members,
        }
        for region in regions
    ]
    return {
        "apiVersion": "k8ssandra.io/v1alpha1",
        "kind": "K8ssandraCluster",
        "metadata": places.described(landscape, store.name, kept=True),
        "spec": {
            "auth": True,
            "cassandra": {
                "serverType": "cassandra",
                "serverVersion": VERSION,
                "superuserSecretRef": {"name": f"{store.name}-operator"},
                "clientEncryptionStores": keys,
                "serverEncryptionStores": keys,
                "config": {"cassandraYaml": settings, "jvmOptions": {"heap_max_size": "2Gi", "gc": "G1GC"}},
                "storageConfig": {"cassandraDataVolumeClaimSpec": claim},
                "racks": [{"name": name} for name in RACKS],
                "resources": RESOURCES,
                "softPodAntiAffinity": False,
                "datacenters": datacenters,
                # Its namespace takes no other Pods; containers that its operator makes are told by their names.
                "podSecurityContext": places.only(999),
                "containers": [{"name": name, "securityContext": places.RESTRICTED} for name in CONTAINERS],
                "initContainers": [{"name": name, "securityContext": places.RESTRICTED} for name in FIRST],
            },
            "medusa": {"storageProperties": _storage(landscape, site, store), "securityContext": places.RESTRICTED},
            "reaper": {"podSecurityContext": places.only(1000)},
        },
    }


def _storage(landscape: Landscape, site: Site, store: StoreProfile) -> dict[str, Any]:
    there, kept = places.bucket(landscape, site), backups.backups(store, landscape).value
    found: dict[str, Any] = {
        "storageProvider": PROVIDERS[there.cloud],
        "bucketName": there.bucket,
        "prefix": store.name,
        "region": there.region,
        "maxBackupAge": int(seconds(kept.kept) // 86400),
        "credentialsType": "role-based" if there.cloud == "aws" else "credential-based",
    }
    if there.cloud == "none":
        found |= {"host": OBJECT_STORAGE, "port": 443, "secure": True, "sslVerify": True}
    if there.cloud != "aws":
        found["storageSecretRef"] = {"name": places.KEYS_OF_STORAGE}
    return found


def _schedule(landscape: Landscape, site: Site, store: StoreProfile, operation: str, schedule: str) -> dict[str, Any]:
    return {
        "apiVersion": "medusa.k8ssandra.io/v1alpha1",
        "kind": "MedusaBackupSchedule",
        "metadata": places.described(landscape, store.name, f"{store.name}-{operation}"),
        "spec": {
            "cronSchedule": schedule,
            "concurrencyPolicy": "Forbid",
            "operationType": operation,
            "backupSpec": {"cassandraDatacenter": site.region, "backupType": "differential"},
        },
    }
