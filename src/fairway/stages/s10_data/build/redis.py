"""Redis: memory without a disk, for what may be lost; each service sees its own keys and no others."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Reason, Site
from fairway.core.images import IMAGES
from fairway.core.labels import selector
from fairway.core.profile import Landscape, StoreProfile
from fairway.core.secrets import external_secret
from fairway.stages.s10_data.binding import PRIMARY
from fairway.stages.s10_data.build import authorities, places
from fairway.stages.s10_data.decisions import stores
from fairway.stages.s10_data.decisions.levels import MEBIBYTES

RULE: Final = "data/ephemeral"
TOPIC: Final = "cache"
HEADROOM: Final = 128  # MiB above what is kept: for connections, and for copies while a second server catches up
MAY_NOT: Final = "-@dangerous -@admin +info"  # of a service: whatever concerns more than its own keys
ALLOWED: Final[dict[str, Any]] = {
    "podSecurityContext": places.only(1000),
    "securityContext": places.RESTRICTED,
}
VOTING: Final = 3  # so many watch over two servers or more, and two of them agree on a new first one
CERTIFICATE: Final = "/tls"  # where the operator mounts it; its volume is called as TLS_VOLUME
TLS_VOLUME, ACL_VOLUME = "tls-certs", "acl-secret"
ACL_FILE: Final = "user.acl"  # the one name that the operator mounts
# A server reads both at its start only. The user `default` is the operator's: its password changes with a restart.
FOLLOWS: Final = f"""\
set -f  # what users may see is written with stars
while true; do
  redis-cli --tls --cacert {CERTIFICATE}/ca.crt config set tls-ca-cert-file {CERTIFICATE}/ca.crt \\
    tls-cert-file {CERTIFICATE}/tls.crt tls-key-file {CERTIFICATE}/tls.key
  while read -r _ user rules; do
    [ "$user" = default ] || redis-cli --tls --cacert {CERTIFICATE}/ca.crt acl setuser "$user" reset $rules
  done < /acl/{ACL_FILE}
  sleep 60
done
"""


def manifests(landscape: Landscape, site: Site, store: StoreProfile) -> Iterator[Manifest]:
    """Build one cache: servers for its operator, who may see which keys, and what goes when it is full."""
    hosts = [store.name, f"{store.name}{PRIMARY}", f"{store.name}-replica", f"*.{store.name}-headless"]
    yield authorities.certificate(landscape, store, hosts, {})
    made: tuple[tuple[str, dict[str, Any]], ...] = (
        ("externalsecret", _users(landscape, site, store)),
        ("configmap", _settings(landscape, store)),
        ("redisreplication", _servers(landscape, store)),
    )
    for name, obj in made:
        yield places.manifest(RULE, TOPIC, store.name, name, obj, _reasons(name))
    if stores.cache(store, landscape).value.members > 1:
        yield places.manifest(RULE, TOPIC, store.name, "redissentinel", _watchers(landscape, store))


def _reasons(name: str) -> dict[Any, Any]:
    return {("spec", "TLS"): Reason(rule=RULE, topic=TOPIC)} if name == "redisreplication" else {}


def _users(landscape: Landscape, site: Site, store: StoreProfile) -> dict[str, Any]:
    """Write the list of users from their passwords; what is written there are digests, the operator's own aside."""
    own = f"store-{store.name}"
    entries = {"operator": (own, "operator-password")}
    lines = ["user default on #{{ .operator | sha256sum }} ~* &* +@all"]
    for number, user in enumerate(store.users):
        entries[f"user{number}"] = (user, f"{store.name}-password")
        keys = " ".join(f"~{pattern}" for pattern in seen_by(landscape.system.system, user))
        lines.append(f"user {user} on #{{{{ .user{number} | sha256sum }}}} {keys} &* +@all {MAY_NOT}")
    data = {ACL_FILE: "\n".join([*lines, ""]), "password": "{{ .operator }}"}
    described = places.described(landscape, store.name, f"{store.name}-users")
    template = {"engineVersion": "v2", "data": data}
    return external_secret(landscape, site, described, entries, refresh="15m", template=template)


def seen_by(system: str, service: str) -> tuple[str, ...]:
    """Give the patterns of the keys that a service may see: its own, and those that the SDK keeps in its name."""
    return (
        f"{service}:*",
        f"fairway:{system}:{service}:*",
        f"fairway:fallback:{service}:*",
        f"{{fairway:{service}}}:*",
    )


def _settings(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    """Say how much is kept and what goes first; nothing is written to disk."""
    decided = stores.cache(store, landscape).value
    lines = [
        f"maxmemory {_mebibytes(decided.memory)}mb",
        f"maxmemory-policy {decided.eviction}",
        'save ""',
        "appendonly no",
        "tls-auth-clients optional",
        "",
    ]
    described = places.described(landscape, store.name, f"{store.name}-settings")
    data = {"redis-additional.conf": "\n".join(lines)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": data}


def _mebibytes(size: str) -> int:
    return int(size[:-2]) * MEBIBYTES[size[-2:]]


def _servers(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    decided = stores.cache(store, landscape).value
    memory = f"{_mebibytes(decided.memory) + HEADROOM}Mi"
    resources = {"requests": {"cpu": "100m", "memory": memory}, "limits": {"cpu": "1", "memory": memory}}
    apart = {
        "podAffinityTerm": {
            "labelSelector": {"matchLabels": selector(landscape.system.system, store.name)},
            **places.APART,
        },
        "weight": 100,
    }
    return {
        "apiVersion": "redis.redis.opstreelabs.in/v1beta2",
        "kind": "RedisReplication",
        "metadata": _marked(landscape, store),
        "spec": {
            "clusterSize": decided.members,
            "kubernetesConfig": {
                "image": IMAGES["redis-operated"],
                "imagePullPolicy": "IfNotPresent",
                "redisSecret": {"name": f"{store.name}-users", "key": "password"},
                "resources": resources,
            },
            "redisConfig": {"additionalRedisConfig": f"{store.name}-settings"},
            "TLS": {
                "ca": "ca.crt",
                "cert": "tls.crt",
                "key": "tls.key",
                "secret": {"secretName": authorities.keys_of(store.name)},
            },
            "acl": {"secret": {"secretName": f"{store.name}-users"}},
            "sidecars": [_follower(store)],
            "redisExporter": {
                "enabled": True,
                "image": IMAGES["redis-exporter"],
                "imagePullPolicy": "IfNotPresent",
                "securityContext": places.RESTRICTED,
                "resources": {
                    "requests": {"cpu": "10m", "memory": "32Mi"},
                    "limits": {"cpu": "100m", "memory": "64Mi"},
                },
            },
            **ALLOWED,
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [apart]}},
            "pdb": {"enabled": decided.members > 1, "maxUnavailable": 1},
        },
    }


def _follower(store: StoreProfile) -> dict[str, Any]:
    """Beside each server: gives it renewed certificates and passwords while it runs."""
    password = {"secretKeyRef": {"name": f"{store.name}-users", "key": "password"}}
    return {
        "name": "follower",
        "image": IMAGES["redis-operated"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", FOLLOWS],
        "env": [{"name": "REDISCLI_AUTH", "valueFrom": password}],
        "mountPath": [
            {"name": TLS_VOLUME, "mountPath": CERTIFICATE, "readOnly": True},
            {"name": ACL_VOLUME, "mountPath": "/acl", "readOnly": True},
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "50m", "memory": "32Mi"}},
        "securityContext": {**places.RESTRICTED, "readOnlyRootFilesystem": True},
    }


def _marked(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    """Describe an object whose labels its operator hands on to Pods."""
    described = places.described(landscape, store.name)
    return {**described, "labels": {**described["labels"], **places.outside_mesh(landscape)}}


def _watchers(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    """Build those who choose another server as the first when it fails."""
    small = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "64Mi"}}
    return {
        "apiVersion": "redis.redis.opstreelabs.in/v1beta2",
        "kind": "RedisSentinel",
        "metadata": _marked(landscape, store),
        "spec": {
            "clusterSize": VOTING,
            "kubernetesConfig": {
                "image": IMAGES["redis-sentinel-operated"],
                "imagePullPolicy": "IfNotPresent",
                "redisSecret": {"name": f"{store.name}-users", "key": "password"},
                "resources": small,
            },
            "redisSentinelConfig": {
                "redisReplicationName": store.name,
                "redisReplicationPassword": {
                    "secretKeyRef": {"name": f"{store.name}-users", "key": "password"},
                },
                "quorum": str(VOTING // 2 + 1),
                "downAfterMilliseconds": "5000",
            },
            "TLS": {
                "ca": "ca.crt",
                "cert": "tls.crt",
                "key": "tls.key",
                "secret": {"secretName": authorities.keys_of(store.name)},
            },
            **ALLOWED,
            "pdb": {"enabled": True, "maxUnavailable": 1},
        },
    }
