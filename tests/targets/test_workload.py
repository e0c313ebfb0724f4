"""Workloads of every kind, rendered from parts and held against what a reader of the cluster relies on."""

from typing import Any

import msgspec
import pytest

from fairway import stages
from fairway.core.artefact import Manifest, Site
from fairway.core.facts import System
from fairway.core.parts import merge
from fairway.core.profile import survey
from fairway.core.registry import builders, rooms
from fairway.estate.schema import problems
from fairway.estate.semantics import faults
from fairway.targets.kubernetes.workload import manifests

SITE = Site(environment="production", region="main")
BUILDERS = builders(rooms(stages))


def rendered(cloud: str = "none", **facts: Any) -> dict[str, Manifest]:  # noqa: ANN401 - facts of any shape
    """Render one service, by kind of object; every one is valid."""
    declared: dict[str, Any] = {"system": "shop", "regions": {SITE.region: {"cloud": cloud}}}
    declared["services"] = {"a": {key.replace("_", "-"): value for key, value in facts.items()}}
    landscape = survey(msgspec.convert(declared, System))
    (attached,) = merge(part for build in BUILDERS for part in build.parts(landscape, SITE))
    own = [manifest for build in BUILDERS for manifest in build.manifests(landscape, SITE)]
    every = [*own, *manifests("shop", attached)]
    for manifest in every:
        assert [*problems(manifest.object).faults, *faults(manifest.object)] == []
    return {manifest.object["kind"]: manifest for manifest in every if manifest.service == "a"}


def pod(manifest: Manifest) -> dict[str, Any]:
    """Find the pod of a workload."""
    spec: dict[str, Any] = manifest.object["spec"]
    if "jobTemplate" in spec:
        spec = spec["jobTemplate"]["spec"]
    found: dict[str, Any] = spec["template"]["spec"]
    return found


def test_what_keeps_nothing_is_a_deployment_that_an_autoscaler_counts() -> None:
    """The Deployment states no number, so that applying it never undoes the autoscaler."""
    kinds = rendered(exposure="external")
    assert "replicas" not in kinds["Deployment"].object["spec"]
    assert kinds["HorizontalPodAutoscaler"].object["spec"]["scaleTargetRef"]["name"] == "a"
    assert "StatefulSet" not in kinds


def test_what_keeps_a_disk_is_a_statefulset_scaled_by_hand() -> None:
    """Its replicas are counted, named by a headless Service, and keep their disks when they go."""
    kinds = rendered(volumes={"index": {"size": "20Gi"}})
    spec = kinds["StatefulSet"].object["spec"]
    assert spec["replicas"] == 2
    assert spec["serviceName"] == kinds["Service"].object["metadata"]["name"] == "a-replicas"
    assert spec["volumeClaimTemplates"][0]["spec"]["resources"] == {"requests": {"storage": "20Gi"}}
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert "HorizontalPodAutoscaler" not in kinds


def test_a_shared_read_only_volume_keeps_a_deployment() -> None:
    """It is one disk for all, mounted read-only."""
    kinds = rendered(volumes={"models": {"access": "shared-read-only"}})
    assert kinds["PersistentVolumeClaim"].object["spec"]["accessModes"] == ["ReadOnlyMany"]
    mounted = {mount["name"]: mount for mount in pod(kinds["Deployment"])["containers"][0]["volumeMounts"]}
    assert mounted["models"]["readOnly"] is True


@pytest.mark.parametrize(("schedule", "kind"), [(None, "Job"), ("0 3 * * *", "CronJob")])
def test_what_ends_has_no_probes_no_autoscaler_and_no_budget(schedule: str | None, kind: str) -> None:
    """It is tried again, for so long, and then given up."""
    facts = {"runs": "to-completion"} | ({"schedule": schedule} if schedule else {})
    kinds = rendered(**facts)
    assert kind in kinds
    assert {"Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service"}.isdisjoint(kinds)
    assert not [key for key in pod(kinds[kind])["containers"][0] if key.endswith("Probe")]
    assert pod(kinds[kind])["restartPolicy"] == "OnFailure"


def test_a_worker_has_no_readiness_and_no_service() -> None:
    """Nobody sends it requests; whether it lives is still asked."""
    kinds = rendered()
    container = pod(kinds["Deployment"])["containers"][0]
    assert {key for key in container if key.endswith("Probe")} == {"startupProbe", "livenessProbe"}
    assert "Service" not in kinds


def test_liveness_and_readiness_ask_different_things() -> None:
    """What is down elsewhere must not restart the service."""
    container = pod(rendered(exposure="external")["Deployment"])["containers"][0]
    assert container["livenessProbe"]["httpGet"]["path"] != container["readinessProbe"]["httpGet"]["path"]


def test_every_container_is_hardened() -> None:
    """No root, no privilege, nothing writable but its own scratch space, no token."""
    found = pod(rendered()["Deployment"])
    container = found["containers"][0]
    assert found["automountServiceAccountToken"] is False
    assert found["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]


def test_a_slow_starter_is_waited_for() -> None:
    """The startup probe covers what is declared; the others begin after it."""
    probe = pod(rendered(starts_within="5m")["Deployment"])["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 300


def test_a_lone_replica_states_its_reason() -> None:
    """Low criticality may run one, and the object says so."""
    notes = rendered(criticality="low")["Deployment"].object["metadata"]["annotations"]
    assert notes == {"fairway.dev/single-replica-because": "its criticality is low"}


def test_mission_critical_replicas_stand_in_different_zones_where_machines_name_theirs() -> None:
    """On machines of one's own none may, and a demand that none meets starts nothing; others, where there is room."""

    def apart(criticality: str, cloud: str) -> dict[str, str]:
        made = rendered(cloud, criticality=criticality)["Deployment"]
        every = pod(made)["topologySpreadConstraints"]
        return {one["topologyKey"].rpartition("/")[2]: one["whenUnsatisfiable"] for one in every}

    always, as_may_be = "DoNotSchedule", "ScheduleAnyway"
    assert apart("mission-critical", "aws") == {"zone": always, "hostname": as_may_be}
    assert apart("mission-critical", "none") == {"zone": as_may_be, "hostname": always}
    assert apart("standard", "aws") == {"zone": as_may_be, "hostname": as_may_be}
