"""The roles of a Cassandra store: its operator knows one user only, so a chore keeps the others as decided."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import ENGINE_PODS
from fairway.core.images import IMAGES
from fairway.core.labels import selector
from fairway.core.profile import Landscape, StoreProfile
from fairway.core.secrets import external_secret, login
from fairway.stages.s10_data.binding import ADDRESSES, keyspace
from fairway.stages.s10_data.build import authorities, places
from fairway.stages.s10_data.decisions import stores

RULE: Final = "data/reliable-store"
TOPIC: Final = "access"
EVERY: Final = "*/10 * * * *"  # a new password is in the store within this and the refresh of the secret
PORT: Final = 9042
HOME: Final = "/home/nonroot"
COPIES: Final = 3  # of a row in each region, where there are as many servers
# The driver takes the file with the password only where nobody else can read it.
SCRIPT: Final = """\
set -eu
umask 077
cp /roles/credentials "$HOME/credentials"
exec cqlsh --ssl --credentials "$HOME/credentials" --file /roles/roles.cql "$SERVER" "$PORT"
"""


def manifests(landscape: Landscape, site: Site, store: StoreProfile) -> Iterator[Manifest]:
    """Build the chore in every region: each of them must be able to let its services in alone."""
    for name, obj in (
        ("serviceaccount-roles", _account(landscape, store)),
        ("externalsecret-roles", _told(landscape, site, store)),
        ("networkpolicy-roles", _reaches(landscape, store)),
        ("networkpolicy-roles-in", _reached(landscape, store)),
        ("cronjob-roles", _chore(landscape, site, store)),
    ):
        yield places.manifest(RULE, TOPIC, store.name, name, obj)


def statements(landscape: Landscape, site: Site, store: StoreProfile) -> tuple[str, dict[str, tuple[str, str]]]:
    """Write what is true of the store after each run, and name the entries whose values stand in it."""
    space = f'"{keyspace(store.name)}"'
    copies = min(COPIES, stores.topology(store, landscape).value.members)
    placed = ", ".join(f"'{region}': {copies}" for region in places.regions(landscape, site))
    lines = [
        f"CREATE KEYSPACE IF NOT EXISTS {space} WITH replication = {{'class': 'NetworkTopologyStrategy', {placed}}};"
    ]
    entries: dict[str, tuple[str, str]] = {}
    for grant in stores.access(store).value:
        for user, schema, rights in (
            (grant.user, False, ("SELECT", "MODIFY")),
            (grant.schema_user, True, ("CREATE", "ALTER", "DROP", "SELECT", "MODIFY")),
        ):
            entry = f"password{len(entries)}"
            entries[entry] = (grant.service, login(store.name, schema=schema)[1])
            lines += [
                f'CREATE ROLE IF NOT EXISTS "{user}" WITH LOGIN = true AND SUPERUSER = false;',
                f"ALTER ROLE \"{user}\" WITH PASSWORD = '{{{{ .{entry} }}}}';",
                *(f'GRANT {right} ON KEYSPACE {space} TO "{user}";' for right in rights),
            ]
    return "\n".join([*lines, ""]), entries


def _told(landscape: Landscape, site: Site, store: StoreProfile) -> dict[str, Any]:
    """Fetch the passwords into the statements; the Secret is the only place that has both."""
    text, entries = statements(landscape, site, store)
    owner = f"store-{store.name}"
    entries |= {"operator_user": (owner, "operator-user"), "operator_password": (owner, "operator-password")}
    credentials = "[PlainTextAuthProvider]\nusername = {{ .operator_user }}\npassword = {{ .operator_password }}\n"
    template = {"engineVersion": "v2", "data": {"roles.cql": text, "credentials": credentials}}
    described = places.described(landscape, store.name, _name(store))
    return external_secret(landscape, site, described, entries, refresh="5m", template=template)


def _chore(landscape: Landscape, site: Site, store: StoreProfile) -> dict[str, Any]:
    system = landscape.system.system
    server = ADDRESSES["cassandra"].format(name=store.name, namespace=system, region=site.region).partition(":")[0]
    told = {"HOME": HOME, "SERVER": server, "PORT": str(PORT), "SSL_CERTFILE": "/authority/ca.crt"}
    container = {
        "name": "roles",
        "image": IMAGES["cassandra"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c"],
        "args": [SCRIPT],
        "env": [{"name": name, "value": value} for name, value in (told | {"SSL_VALIDATE": "true"}).items()],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "scratch", "mountPath": HOME},
            {"name": "roles", "mountPath": "/roles", "readOnly": True},
            {"name": "authority", "mountPath": "/authority", "readOnly": True},
        ],
    }
    authority = {"secretName": authorities.keys_of(store.name), "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    only_user = {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532}
    pod = {
        "restartPolicy": "OnFailure",
        "serviceAccountName": _name(store),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {**only_user, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [
            {"name": "scratch", "emptyDir": {"sizeLimit": "16Mi"}},
            {"name": "roles", "secret": {"secretName": _name(store), "defaultMode": 0o440}},
            {"name": "authority", "secret": {**authority, "defaultMode": 0o444}},
        ],
    }
    labels = {**selector(system, _name(store)), **places.outside_mesh(landscape)}
    job = {"backoffLimit": 2, "activeDeadlineSeconds": 300, "ttlSecondsAfterFinished": 3600}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _described(landscape, store),
        "spec": {
            "schedule": EVERY,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 300,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"spec": {**job, "template": {"metadata": {"labels": labels}, "spec": pod}}},
        },
    }


def _account(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    described = _described(landscape, store)
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": described,
        "automountServiceAccountToken": False,
    }


def _reaches(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    """Let the chore ask for names and reach the store, and nobody reach the chore."""
    names = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    servers = {"to": [{"podSelector": _servers(store)}], "ports": [{"protocol": "TCP", "port": PORT}]}
    spec = {
        "podSelector": {"matchLabels": selector(landscape.system.system, _name(store))},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [{"ports": names}, servers],
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _described(landscape, store),
        "spec": spec,
    }


def _reached(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    chore = {"podSelector": {"matchLabels": selector(landscape.system.system, _name(store))}}
    spec = {
        "podSelector": _servers(store),
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [chore], "ports": [{"protocol": "TCP", "port": PORT}]}],
    }
    described = places.described(landscape, store.name, f"{_name(store)}-in")
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": described, "spec": spec}


def _servers(store: StoreProfile) -> dict[str, Any]:
    return {"matchLabels": {ENGINE_PODS["cassandra"]: store.name}}


def _described(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    """Describe what is the chore's own: labelled as the store's, its Pod would be taken for a server of it."""
    return places.described(landscape, _name(store))


def _name(store: StoreProfile) -> str:
    return f"{store.name}-roles"
