"""Disks: classes that encrypt and keep, and copies of what services have on disks of their own."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Reason, Site
from fairway.core.cluster import OBJECT_STORAGE
from fairway.core.facts import Cloud
from fairway.core.labels import selector
from fairway.core.profile import Landscape, Profile
from fairway.core.secrets import external_secret
from fairway.stages.s10_data.build import places
from fairway.stages.s10_data.decisions import backups, protection

RULE: Final = "data/encryption-at-rest"
TOPIC: Final = "encryption"
VELERO: Final = "velero"  # the namespace in which its schedules are looked for
DEFAULT: Final = {"storageclass.kubernetes.io/is-default-class": "true"}
DRIVERS: Final[dict[Cloud, str]] = {
    "aws": "ebs.csi.aws.com",
    "gcp": "pd.csi.storage.gke.io",
    "azure": "disk.csi.azure.com",
    "none": "driver.longhorn.io",
}
PROVIDERS: Final[dict[Cloud, str]] = {"aws": "aws", "gcp": "gcp", "azure": "azure", "none": "aws"}
KEY_NAMESPACE: Final = "longhorn-system"


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build the classes of disks, and schedules that copy services' own."""
    yield from _classes(landscape, site)
    keeping = [profile for profile in landscape.services.values() if profile.disks and profile.stateful]
    if not keeping:
        return
    rule, topic = "data/backups", "backups"
    yield _placed(landscape, "volumesnapshotclass", rule, topic, _snapshots(landscape, site))
    yield _placed(landscape, "backupstoragelocation", rule, topic, _location(landscape, site))
    for profile in keeping:
        for decided in backups.volumes(profile, landscape):
            disk = decided.subject.removeprefix("volume ")
            yield Manifest(
                path=f"services/{profile.name}/schedule-{disk}.yaml",
                service=profile.name,
                rule=decided.rule,
                topic=decided.topic,
                reasons=_copied(landscape),
                object=_schedule(landscape, profile, disk, decided.value),
            )


def _copied(landscape: Landscape) -> dict[Any, Reason]:
    if len(landscape.system.regions) == 1:
        return {}
    return {("spec", "template", "snapshotMoveData"): Reason(rule="data/geo-replication", topic="other regions")}


def _placed(landscape: Landscape, file: str, rule: str, topic: str, obj: dict[str, Any]) -> Manifest:
    del landscape
    return Manifest(path=f"data/{file}.yaml", rule=rule, topic=topic, object=obj)


def _labels(landscape: Landscape) -> dict[str, str]:
    return {"app.kubernetes.io/part-of": landscape.system.system, "app.kubernetes.io/managed-by": "fairway"}


def _classes(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build the class of all disks, the default, and one more for each place with a key of its own."""
    alone = [store.name for store in landscape.stores.values() if store.durable and "regulated" in store.facts.data]
    for profile in landscape.services.values():
        for decided in backups.volumes(profile, landscape):
            kept = protection.encryption(decided.subject, profile.facts.data, landscape)
            if kept.value.volume_key == "place":
                alone.append(profile.name)
    for place in ("", *dict.fromkeys(alone)):
        name = places.own_class(place) if place else places.CLASS
        obj = _class(landscape, site, name, place)
        yield _placed(landscape, f"storageclass-{name}", RULE, TOPIC, obj)
        if places.cloud(landscape, site) == "none":
            yield _placed(landscape, f"externalsecret-{name}", RULE, TOPIC, _key(landscape, site, name))


def _class(landscape: Landscape, site: Site, name: str, place: str) -> dict[str, Any]:
    cloud = places.cloud(landscape, site)
    described: dict[str, Any] = {"name": name, "labels": _labels(landscape)}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": described if place else {**described, "annotations": DEFAULT},
        "provisioner": DRIVERS[cloud],
        "parameters": _parameters(landscape, site, cloud, name, place),
        "reclaimPolicy": "Retain",
        "allowVolumeExpansion": True,
        "volumeBindingMode": "Immediate" if cloud == "none" else "WaitForFirstConsumer",
    }


def _parameters(landscape: Landscape, site: Site, cloud: Cloud, name: str, place: str) -> dict[str, str]:
    """Say which key encrypts, as far as a name says it.

    Google and Azure encrypt every disk; a key of one's own is named there by a number that no fact tells.
    """
    if cloud == "aws":
        key = "-".join(filter(None, ("alias/fairway", landscape.system.system, site.environment, place)))
        return {"type": "gp3", "encrypted": "true", "kmsKeyId": key, "csi.storage.k8s.io/fstype": "ext4"}
    if cloud == "gcp":
        return {"type": "pd-balanced", "csi.storage.k8s.io/fstype": "ext4"}
    if cloud == "azure":
        return {"skuName": "Premium_LRS", "fsType": "ext4"}
    stages = ("provisioner", "node-publish", "node-stage", "node-expand")
    asked = {f"csi.storage.k8s.io/{stage}-secret-name": name for stage in stages}
    asked |= {f"csi.storage.k8s.io/{stage}-secret-namespace": KEY_NAMESPACE for stage in stages}
    return {"numberOfReplicas": "3", "encrypted": "true", "dataLocality": "best-effort", **asked}


def _key(landscape: Landscape, site: Site, name: str) -> dict[str, Any]:
    """Fetch the key that disks of a class are encrypted with, where no cloud keeps it."""
    described = {"name": name, "namespace": KEY_NAMESPACE, "labels": _labels(landscape)}
    data = {"CRYPTO_KEY_VALUE": "{{ .key }}", "CRYPTO_KEY_PROVIDER": "secret", "CRYPTO_KEY_CIPHER": "aes-xts-plain64"}
    template = {"engineVersion": "v2", "data": data}
    entries = {"key": ("disks", name)}
    return external_secret(landscape, site, described, entries, refresh="1h", template=template)


def _snapshots(landscape: Landscape, site: Site) -> dict[str, Any]:
    return {
        "apiVersion": "snapshot.storage.k8s.io/v1",
        "kind": "VolumeSnapshotClass",
        "metadata": {
            "name": places.CLASS,
            "labels": {**_labels(landscape), "velero.io/csi-volumesnapshot-class": "true"},
        },
        "driver": DRIVERS[places.cloud(landscape, site)],
        "deletionPolicy": "Retain",
    }


def _location(landscape: Landscape, site: Site) -> dict[str, Any]:
    there = places.bucket(landscape, site)
    config = {"region": there.region} if there.cloud in {"aws", "none"} else {}
    if there.cloud == "azure":
        config = {"storageAccount": there.account, "useAAD": "true"}
    if there.cloud == "none":
        config |= {"s3Url": f"https://{OBJECT_STORAGE}", "s3ForcePathStyle": "true"}
    spec: dict[str, Any] = {
        "provider": PROVIDERS[there.cloud],
        "objectStorage": {"bucket": there.bucket, "prefix": "disks"},
        "accessMode": "ReadWrite",
        "default": True,
    }
    return {
        "apiVersion": "velero.io/v1",
        "kind": "BackupStorageLocation",
        "metadata": {"name": places.CLASS, "namespace": VELERO, "labels": _labels(landscape)},
        "spec": spec | ({"config": config} if config else {}),
    }


def _schedule(landscape: Landscape, profile: Profile, disk: str, kept: backups.Backups) -> dict[str, Any]:
    system = landscape.system.system
    template: dict[str, Any] = {
        "includedNamespaces": [system],
        "includedResources": ["persistentvolumeclaims", "persistentvolumes", "pods"],
        "labelSelector": {"matchLabels": selector(system, profile.name)},
        "snapshotVolumes": True,
        "snapshotMoveData": True,
        "storageLocation": places.CLASS,
        "ttl": places.longest(kept.kept),
    }
    return {
        "apiVersion": "velero.io/v1",
        "kind": "Schedule",
        "metadata": {
            "name": f"{system}-{profile.name}-{disk}",
            "namespace": VELERO,
            "labels": {**_labels(landscape), "app.kubernetes.io/name": profile.name},
        },
        "spec": {"schedule": kept.schedule, "useOwnerReferencesInBackup": False, "template": template},
    }
