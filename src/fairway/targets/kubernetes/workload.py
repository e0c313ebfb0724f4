"""A service's workload and ConfigMap, from the parts that rooms attached to it."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from fairway.core.artefact import KeyPath, Manifest, Reason
from fairway.core.labels import metadata, selector
from fairway.core.parts import Attached, Chore, Deadline, Migration, Partition, Release, Rolling, Setting, Workload
from fairway.targets.kubernetes.chore import at, cron_job, migration_job
from fairway.targets.kubernetes.pod import put_pod
from fairway.targets.kubernetes.sketch import Sketch

POD: dict[str, KeyPath] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


def manifests(system: str, attached: Attached) -> Iterator[Manifest]:
    """Render the parts of one service: its workload, and its ConfigMap where it has settings."""
    workload = attached.one(Workload)
    configuration = None
    if settings := attached.all(Setting):
        configuration = _configuration(system, workload.service, settings)
        yield configuration
    built = _workload(system, workload, attached, configuration)
    yield built
    for release in attached.all(Release):
        yield _rollout(system, release, attached)
    for migration in attached.all(Migration):
        yield migration_job(system, migration, at(built.object, POD[workload.kind]))
    for chore in attached.all(Chore):
        yield cron_job(system, chore, at(built.object, POD[workload.kind]))


def _configuration(system: str, service: str, settings: list[Setting]) -> Manifest:
    """Build the ConfigMap; its name carries a hash of its content, so that a change rolls the replicas."""
    data = {setting.name: setting.value for setting in sorted(settings, key=lambda setting: setting.name)}
    digest = sha256("\0".join(f"{name}\0{value}" for name, value in data.items()).encode()).hexdigest()[:10]
    return Manifest(
        path=f"services/{service}/configmap.yaml",
        service=service,
        rule=settings[0].rule,
        reasons={("data", setting.name): setting.reason for setting in settings},
        object={
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata(system, service, name=f"{service}-{digest}"),
            "immutable": True,
            "data": data,
        },
    )


def _workload(system: str, workload: Workload, attached: Attached, configuration: Manifest | None) -> Manifest:
    sketch = Sketch()
    sketch.put(("apiVersion",), "batch/v1" if workload.ends else "apps/v1")
    sketch.put(("kind",), workload.kind)
    sketch.put(("metadata",), metadata(system, workload.service, labels=workload.labels, annotations=workload.notes))
    if workload.ends:
        _put_run(sketch, workload)
    else:
        _put_replicas(sketch, system, workload, attached)
    put_pod(sketch, POD[workload.kind], system, attached, configuration)
    if claims := _claims(workload):
        sketch.put(("spec", "volumeClaimTemplates"), claims)
    return Manifest(
        path=f"services/{workload.service}/{workload.kind.lower()}.yaml",
        service=workload.service,
        rule=workload.rule,
        topic=workload.topic,
        reasons=sketch.reasons,
        object=sketch.object,
    )


def _put_replicas(sketch: Sketch, system: str, workload: Workload, attached: Attached) -> None:
    """Say how many replicas run and how they are replaced; the number is left out where an autoscaler decides."""
    if workload.replicas is not None:
        scaled = Reason(rule="orchestration/manual-scaling", topic="replicas")
        sketch.put(("spec", "replicas"), workload.replicas, scaled)
    sketch.put(("spec", "selector"), {"matchLabels": selector(system, workload.service)})
    rolling, deadline = attached.one(Rolling), attached.one(Deadline)
    if workload.kind == "StatefulSet":
        sketch.put(("spec", "serviceName"), f"{workload.service}-replicas")
        sketch.put(("spec", "podManagementPolicy"), "OrderedReady")
        kept = {"whenDeleted": "Retain", "whenScaled": "Retain"}
        sketch.put(("spec", "persistentVolumeClaimRetentionPolicy"), kept)
        sketch.put(("spec", "updateStrategy"), {"type": "RollingUpdate"}, rolling.reason)
        for partition in attached.all(Partition):
            kept_back = {"partition": max(0, (workload.replicas or 1) - partition.first)}
            sketch.put(("spec", "updateStrategy", "rollingUpdate"), kept_back, partition.reason)
    elif released := attached.all(Release):
        sketch.put(("spec", "replicas"), 0, released[0].reason)  # it only lends its template
    else:
        one_by_one = {"maxSurge": rolling.surge, "maxUnavailable": rolling.unavailable}
        sketch.put(("spec", "strategy"), {"type": "RollingUpdate", "rollingUpdate": one_by_one}, rolling.reason)
        sketch.put(("spec", "progressDeadlineSeconds"), deadline.seconds, deadline.reason)
    sketch.put(("spec", "minReadySeconds"), rolling.ready_seconds, rolling.reason)
    sketch.put(("spec", "revisionHistoryLimit"), deadline.versions_kept, deadline.reason)


def _rollout(system: str, release: Release, attached: Attached) -> Manifest:
    """Run the template of the Deployment beside it, which every tool can read, in steps."""
    workload, rolling, deadline = attached.one(Workload), attached.one(Rolling), attached.one(Deadline)
    sketch = Sketch()
    sketch.put(("apiVersion",), "argoproj.io/v1alpha1")
    sketch.put(("kind",), "Rollout")
    sketch.put(("metadata",), metadata(system, workload.service, labels=workload.labels, annotations=workload.notes))
    template = {"apiVersion": "apps/v1", "kind": workload.kind, "name": workload.service}
    sketch.put(("spec", "workloadRef"), template)
    sketch.put(("spec", "minReadySeconds"), rolling.ready_seconds, rolling.reason)
    sketch.put(("spec", "progressDeadlineSeconds"), deadline.seconds, deadline.reason)
    sketch.put(("spec", "progressDeadlineAbort"), value=True, reason=deadline.reason)
    sketch.put(("spec", "revisionHistoryLimit"), deadline.versions_kept, deadline.reason)
    # A version that was good before needs no steps on the way back.
    sketch.put(("spec", "rollbackWindow"), {"revisions": deadline.versions_kept}, deadline.reason)
    sketch.put(("spec", "strategy"), release.strategy, release.reason)
    for key in {"maxSurge", "maxUnavailable"}.intersection(release.strategy.get("canary", ())):
        sketch.reasons["spec", "strategy", "canary", key] = rolling.reason
    return Manifest(
        path=f"services/{workload.service}/rollout.yaml",
        service=workload.service,
        rule=release.rule,
        topic=release.topic,
        reasons=sketch.reasons,
        object=sketch.object,
    )


def _put_run(sketch: Sketch, workload: Workload) -> None:
    """Say when it runs, how often it is tried and how long it may take."""
    job: KeyPath = ("spec",)
    if workload.kind == "CronJob":
        sketch.put(("spec", "schedule"), workload.schedule)
        sketch.put(("spec", "concurrencyPolicy"), "Forbid")
        sketch.put(("spec", "startingDeadlineSeconds"), 300)
        sketch.put(("spec", "successfulJobsHistoryLimit"), 3)
        sketch.put(("spec", "failedJobsHistoryLimit"), 3)
        job = ("spec", "jobTemplate", "spec")
    sketch.put((*job, "backoffLimit"), 3)
    sketch.put((*job, "activeDeadlineSeconds"), workload.deadline_seconds)
    sketch.put((*job, "ttlSecondsAfterFinished"), 86400)


def _claims(workload: Workload) -> list[dict[str, Any]]:
    """Give each replica of a StatefulSet its own disks."""
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": volume.name},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": volume.size}}},
        }
        for volume in workload.volumes
        if workload.kind == "StatefulSet" and not volume.shared
    ]
