"""The pod of a workload: one container, hardened, with its probes, ports, settings and disks."""

from typing import Any

from fairway.core.artefact import KeyPath, Manifest, Reason
from fairway.core.labels import metadata, selector
from fairway.core.parts import (
    Account,
    Attached,
    Command,
    Files,
    Image,
    Port,
    Probe,
    Release,
    Rolling,
    Setting,
    Sidecar,
    Variable,
    Volume,
    Workload,
)
from fairway.targets.kubernetes.sketch import Sketch
from fairway_sdk.contract import CONFIGURATION_FOLDER

CONFIGURATION = "configuration"
SCRATCH = "scratch"
SCRATCH_SIZE = "64Mi"
APART = {"zones": "topology.kubernetes.io/zone", "machines": "kubernetes.io/hostname"}
HARDENED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def put_pod(sketch: Sketch, path: KeyPath, system: str, attached: Attached, configuration: Manifest | None) -> None:
    """Put the pod template at *path*."""
    workload, image, rolling = attached.one(Workload), attached.one(Image), attached.one(Rolling)
    spec: KeyPath = (*path, "spec")
    sketch.put((*path, "metadata", "labels"), metadata(system, workload.service, labels=workload.labels)["labels"])
    if workload.ends:
        sketch.put((*spec, "restartPolicy"), "OnFailure")
    for account in attached.all(Account):
        sketch.put((*spec, "serviceAccountName"), account.name, account.reason)
    sketch.put((*spec, "automountServiceAccountToken"), value=False)
    sketch.put((*spec, "enableServiceLinks"), value=False)
    sketch.put((*spec, "terminationGracePeriodSeconds"), rolling.grace_seconds, rolling.reason)
    only_user = {"runAsNonRoot": True, "runAsUser": image.user, "runAsGroup": image.group, "fsGroup": image.group}
    sketch.put((*spec, "securityContext"), {**only_user, "seccompProfile": {"type": "RuntimeDefault"}}, image.reason)
    if not workload.ends:
        spread = Reason(rule=workload.rule, topic="spread")
        version = "rollouts-pod-template-hash" if attached.all(Release) else "pod-template-hash"
        sketch.put((*spec, "topologySpreadConstraints"), _spread(system, workload, version), spread)
    if sidecars := _sidecars(attached):
        always = {"restartPolicy": "Always", "securityContext": HARDENED}
        sketch.put((*spec, "initContainers"), [{"name": one.name, **always, **one.container} for one in sidecars])
        sketch.reasons |= {(*spec, "initContainers", number): one.reason for number, one in enumerate(sidecars)}
    _put_container(sketch, (*spec, "containers", 0), attached, configuration)
    sketch.put((*spec, "volumes"), _volumes(workload, _read_as_files(attached, configuration)))
    for files in attached.all(Files):
        _append(sketch, (*spec, "volumes"), {"name": files.name, **files.source}, files.reason)
    for sidecar in _sidecars(attached):
        for volume in sidecar.volumes:
            _append(sketch, (*spec, "volumes"), volume, sidecar.reason)


def _read_as_files(attached: Attached, configuration: Manifest | None) -> Manifest | None:
    """Give the settings that are mounted: none where variables take them in."""
    return None if attached.all(Variable) else configuration


def _sidecars(attached: Attached) -> list[Sidecar]:
    return sorted(attached.all(Sidecar), key=lambda sidecar: (sidecar.position, sidecar.name))


def _append(sketch: Sketch, path: KeyPath, item: dict[str, Any], reason: Reason) -> None:
    """Add to a list that is there, with the reason for this entry alone."""
    here: Any = sketch.object
    for step in path:
        here = here[step]
    if item not in here:
        sketch.reasons[*path, len(here)] = reason
        here.append(item)


def _put_container(sketch: Sketch, path: KeyPath, attached: Attached, configuration: Manifest | None) -> None:
    workload, image, rolling = attached.one(Workload), attached.one(Image), attached.one(Rolling)
    sketch.put((*path, "name"), workload.service)
    sketch.put((*path, "image"), image.name, image.reason)
    sketch.put((*path, "imagePullPolicy"), "IfNotPresent")
    _put_start(sketch, path, attached, configuration)
    for number, port in enumerate(attached.all(Port)):
        sketch.put((*path, "ports", number, "name"), port.name)
        sketch.put((*path, "ports", number, "containerPort"), port.number)
        sketch.reasons[*path, "ports", number] = port.reason
    sized = Reason(rule=workload.rule, topic="resources")
    sketch.put((*path, "resources"), {"requests": workload.requests, "limits": workload.limits}, sized)
    for probe in attached.all(Probe):
        how = (
            {"httpGet": {"path": probe.path, "port": probe.port}} if probe.path else {"tcpSocket": {"port": probe.port}}
        )
        asked = {
            **how,
            "periodSeconds": probe.period_seconds,
            "timeoutSeconds": probe.timeout_seconds,
            "failureThreshold": probe.failures,
        }
        sketch.put((*path, f"{probe.kind}Probe"), asked, probe.reason)
    if not workload.ends:
        sketch.put((*path, "lifecycle"), {"preStop": {"sleep": {"seconds": rolling.drain_seconds}}}, rolling.reason)
    sketch.put((*path, "securityContext"), HARDENED)
    sketch.put((*path, "volumeMounts"), _mounts(workload, _read_as_files(attached, configuration)))
    if _read_as_files(attached, configuration) is not None:
        sketch.reasons[*path, "volumeMounts"] = Reason(rule=attached.all(Setting)[0].rule)
    for files in attached.all(Files):
        mount = {"name": files.name, "mountPath": files.folder, "readOnly": True}
        _append(sketch, (*path, "volumeMounts"), mount, files.reason)
    for sidecar in _sidecars(attached):
        for mount in sidecar.shared:
            _append(sketch, (*path, "volumeMounts"), mount, sidecar.reason)


def _put_start(sketch: Sketch, path: KeyPath, attached: Attached, configuration: Manifest | None) -> None:
    """Say which words start the program, and in which variables."""
    for command in attached.all(Command):
        sketch.put((*path, "command"), [*command.words], command.reason)
    if configuration is not None and attached.all(Variable):
        taken_in = {"configMapRef": {"name": configuration.object["metadata"]["name"]}}
        sketch.put((*path, "envFrom"), [taken_in], Reason(rule=configuration.rule))
    for number, variable in enumerate(attached.all(Variable)):
        sketch.put((*path, "env", number, "name"), variable.name)
        key = "value" if isinstance(variable.value, str) else "valueFrom"
        sketch.put((*path, "env", number, key), variable.value)
        sketch.reasons[*path, "env", number] = variable.reason


def _spread(system: str, workload: Workload, version: str) -> list[dict[str, Any]]:
    """Keep replicas apart: over zones, and over machines as far as there are any."""
    same = {"labelSelector": {"matchLabels": selector(system, workload.service)}}
    fresh = {"matchLabelKeys": [version]} if workload.kind == "Deployment" else {}
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "DoNotSchedule" if workload.apart == what else "ScheduleAnyway",
            **same,
            **fresh,
        }
        for what, key in APART.items()
    ]


def _mounts(workload: Workload, configuration: Manifest | None) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = [{"name": SCRATCH, "mountPath": "/tmp"}]  # noqa: S108 - the container's own, sized
    if configuration is not None:
        mounts.append({"name": CONFIGURATION, "mountPath": CONFIGURATION_FOLDER, "readOnly": True})
    return mounts + [
        {"name": volume.name, "mountPath": volume.mount, **({"readOnly": True} if volume.shared else {})}
        for volume in workload.volumes
    ]


def _volumes(workload: Workload, configuration: Manifest | None) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [{"name": SCRATCH, "emptyDir": {"sizeLimit": SCRATCH_SIZE}}]
    if configuration is not None:
        volumes.append({"name": CONFIGURATION, "configMap": {"name": configuration.object["metadata"]["name"]}})
    claimed = (volume for volume in workload.volumes if volume.shared or workload.kind != "StatefulSet")
    return volumes + [_claimed(workload, volume) for volume in claimed]


def _claimed(workload: Workload, volume: Volume) -> dict[str, Any]:
    claim: dict[str, Any] = {"claimName": f"{workload.service}-{volume.name}"}
    return {"name": volume.name, "persistentVolumeClaim": claim | ({"readOnly": True} if volume.shared else {})}
