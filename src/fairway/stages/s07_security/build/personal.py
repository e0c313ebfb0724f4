"""Personal data: the keys of persons, and the chores that let go what is old and wrap keys anew."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import KEYRING
from fairway.core.labels import metadata, selector
from fairway.core.parts import Chore
from fairway.core.profile import Landscape, Profile, tracked
from fairway.core.secrets import external_secret
from fairway.stages.s07_security.decisions import protection

RULE: Final = "security/data-protection"
MEMBERS: Final = 3  # the keys are as important as all that they open
SIZE: Final = "10Gi"
BACKUP: Final = "0 15 2 * * *"  # with seconds first, as this operator reads it
ON_DEMAND: Final = "0 4 1 1 *"  # never: a suspended CronJob needs a line all the same


def chores(profile: Profile) -> Iterator[Chore]:
    """Attach the nightly retention to a service that keeps tracked data, and the rewrapping that is started by hand."""
    decided = protection.data_protection(profile)
    if decided is None or profile.facts.run is not None or profile.runs_to_completion:
        return
    module = f"{profile.name.replace('-', '_')}.service:service"
    if tracked(profile.data) and profile.stores:
        yield Chore(
            service=profile.name,
            rule=decided.rule,
            topic=decided.topic,
            name="retention",
            words=("retention", module),
            schedule=_nightly(profile.name),
        )
    if "personal" in profile.data:
        yield Chore(
            service=profile.name,
            rule="security/encryption",
            topic="keys of persons",
            name="rewrap",
            words=("rewrap", module),
            schedule=ON_DEMAND,
            suspended=True,
        )


def _nightly(service: str) -> str:
    """Choose a minute between one and five at night, the same at every build and not that of all others."""
    moment = int.from_bytes(sha256(service.encode()).digest()[:2], "big") % 240
    return f"{moment % 60} {1 + moment // 60} * * *"


def keyring(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build the store of the keys of persons, a user in it for each service that may read them, and its backups."""
    decided = protection.keyring(landscape)
    if decided is None:
        return
    holders = [name for name, profile in landscape.services.items() if "personal" in profile.data]
    system = landscape.system.system
    folder = f"data/{KEYRING}"
    made: list[tuple[str, dict[str, Any]]] = [
        ("cluster", _cluster(system, holders)),
        ("scheduledbackup", _backup(system)),
    ]
    for holder in holders:
        described = metadata(system, KEYRING, name=_secret(holder), labels={"cnpg.io/reload": "true"})
        entries = {key: (holder, f"{KEYRING}-{name}") for key, name in _LOGIN.items()}
        template = {"type": "kubernetes.io/basic-auth", "metadata": {"labels": {"cnpg.io/reload": "true"}}}
        secret = external_secret(landscape, site, described, entries, refresh="15m", template=template)
        made.append((f"externalsecret-{holder}", secret))
    for name, built in made:
        yield Manifest(path=f"{folder}/{name}.yaml", rule=decided.rule, topic=decided.topic, object=built)


_LOGIN: Final = {"username": "user", "password": "password"}


def _secret(holder: str) -> str:
    return f"{KEYRING}-{holder}"


def _cluster(system: str, holders: list[str]) -> dict[str, Any]:
    roles = [
        {
            "name": _role(holder),
            "login": True,
            "inRoles": [KEYRING],
            "passwordSecret": {"name": _secret(holder)},
        }
        for holder in holders
    ]
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": metadata(system, KEYRING),
        "spec": {
            "instances": MEMBERS,
            "primaryUpdateStrategy": "unsupervised",
            "enableSuperuserAccess": False,
            "inheritedMetadata": {"labels": selector(system, KEYRING)},
            "bootstrap": {"initdb": {"database": KEYRING, "owner": KEYRING, "dataChecksums": True}},
            "managed": {"roles": roles},
            "postgresql": {
                "synchronous": {"method": "any", "number": 1, "dataDurability": "required"},
                "pg_hba": [f"hostssl {KEYRING} all all scram-sha-256", "hostnossl all all all reject"],
            },
            "storage": {"size": SIZE},
            "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
            "affinity": {"topologyKey": "topology.kubernetes.io/zone", "podAntiAffinityType": "preferred"},
            "backup": {"volumeSnapshot": {"online": True}},
        },
    }


def _role(holder: str) -> str:
    return holder.replace("-", "_")


def _backup(system: str) -> dict[str, Any]:
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "ScheduledBackup",
        "metadata": metadata(system, KEYRING),
        "spec": {
            "schedule": BACKUP,
            "method": "volumeSnapshot",
            "immediate": True,
            "backupOwnerReference": "self",
            "cluster": {"name": KEYRING},
        },
    }
