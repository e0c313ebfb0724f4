"""What is run in a service's name now and then: its own Pod, with other words, and nobody's requests."""

from typing import Any

from fairway.core.artefact import KeyPath, Manifest
from fairway.core.labels import metadata
from fairway.core.parts import Chore, Migration

WAVE = "argocd.argoproj.io/sync-wave"
BEGINNING = ("topologySpreadConstraints", "initContainers")
SERVING = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "ports")


def at(obj: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    """Go down to what stands at *path*."""
    here: Any = obj
    for step in path:
        here = here[step]
    found: dict[str, Any] = here
    return found


def cron_job(system: str, chore: Chore, pod: dict[str, Any]) -> Manifest:
    """Build the CronJob of a chore from the Pod of its service; its own name keeps requests away from it."""
    described, template = _aside(system, chore.service, chore.name, chore.words, pod)
    return Manifest(
        path=f"services/{chore.service}/cronjob-{chore.name}.yaml",
        service=chore.service,
        rule=chore.rule,
        topic=chore.topic,
        object={
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": described,
            "spec": {
                "schedule": chore.schedule,
                **({"suspend": True} if chore.suspended else {}),
                "concurrencyPolicy": "Forbid",
                "startingDeadlineSeconds": 3600,
                "successfulJobsHistoryLimit": 3,
                "failedJobsHistoryLimit": 3,
                "jobTemplate": {
                    "spec": {
                        "backoffLimit": 3,
                        "activeDeadlineSeconds": chore.deadline_seconds,
                        "ttlSecondsAfterFinished": 86400,
                        "template": template,
                    }
                },
            },
        },
    )


def migration_job(system: str, migration: Migration, pod: dict[str, Any]) -> Manifest:
    """Build the Job of a migration, under an account and with credentials of its own.

    Argo CD runs it between the configuration and the workloads, anew with each version; it waits for its end.
    """
    described, template = _aside(system, migration.service, "migration", migration.words, pod)
    described["annotations"] = {
        "argocd.argoproj.io/hook": "Sync",
        "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
        WAVE: "1",
    }
    spec = template["spec"]
    spec["serviceAccountName"] = described["name"]
    [container] = spec["containers"]
    if "env" in container:  # a program that is told all by variables: another login stands in the same ones
        container["env"] = [_with_secret(variable, migration.secrets) for variable in container["env"]]
    else:
        spec["volumes"] = [
            {**volume, "secret": {**volume["secret"], "secretName": migration.secrets}}
            if volume["name"] == "secrets"
            else volume
            for volume in spec["volumes"]
        ]
    return Manifest(
        path=f"services/{migration.service}/job-migration.yaml",
        service=migration.service,
        rule=migration.rule,
        topic=migration.topic,
        object={
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": described,
            "spec": {"backoffLimit": 3, "activeDeadlineSeconds": migration.deadline_seconds, "template": template},
        },
    )


def _aside(
    system: str, service: str, name: str, words: tuple[str, ...], pod: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Turn a service's Pod into one that does something else and ends: its metadata, and its template."""
    described = metadata(
        system, service, name=f"{service}-{name}", labels={"app.kubernetes.io/name": f"{service}-{name}"}
    )
    # What stays as it is belongs to both objects: nobody changes one that is built.
    spec = {key: value for key, value in pod["spec"].items() if key not in BEGINNING}
    [own] = spec["containers"]
    container = {key: value for key, value in own.items() if key not in ("name", "image", "command", *SERVING)}
    kept = {volume["name"] for volume in spec["volumes"]}
    container["volumeMounts"] = [mount for mount in own["volumeMounts"] if mount["name"] in kept]
    started = "command" if own.get("command") else "args"
    spec["containers"] = [{"name": own["name"], "image": own["image"], started: [*words], **container}]
    template = {
        "metadata": {"labels": {**pod["metadata"]["labels"], **described["labels"]}},
        "spec": {"restartPolicy": "OnFailure", **spec},
    }
    return described, template


def _with_secret(variable: dict[str, Any], secret: str) -> dict[str, Any]:
    """Look a variable up in another Secret, where it is looked up in one."""
    if "secretKeyRef" not in variable.get("valueFrom", {}):
        return variable
    return {**variable, "valueFrom": {"secretKeyRef": {**variable["valueFrom"]["secretKeyRef"], "name": secret}}}
