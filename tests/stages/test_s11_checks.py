"""Recovery's checks on estates that others wrote: what is found, and what is left alone."""

import csv
from pathlib import Path
from typing import Any, Final

import pytest
from manifests import GOOD

from fairway.core.rule import Finding
from fairway.estate.read import read
from fairway.stages.s11_recovery import (
    autonomous_regions,
    control_plane,
    global_load_balancing,
    global_routing,
    quarterly_simulations,
)
from fairway.yaml.writer import write_document

CORPORA: Final = Path(__file__).parents[3] / "shared" / "corpora"
Object = dict[str, Any]


def found(rule: Any, folder: Path, *objects: Object, text: str = "") -> list[Finding]:  # noqa: ANN401 - a rule's module
    """Write objects as a stranger would, and check one rule."""
    written = "---\n".join([text, *map(write_document, objects)])
    (folder / "estate.yaml").write_text(written)
    return list(rule.check(read([folder])))


def one(kind: str, spec: Object, name: str = "it") -> Object:
    """Write an object; *kind* has its group and version before it."""
    api_version, _, short = kind.rpartition("/")
    return {"apiVersion": api_version, "kind": short, "metadata": {"name": name, "namespace": "edge"}, "spec": spec}


CONTROL: Final = "controlplane.cluster.x-k8s.io/v1beta2"


@pytest.mark.parametrize(
    ("kind", "spec", "severity"),
    [
        (f"{CONTROL}/KubeadmControlPlane", {"replicas": 1}, "error"),
        (f"{CONTROL}/KubeadmControlPlane", {}, "error"),
        (f"{CONTROL}/RKE2ControlPlane", {"replicas": 2}, "error"),
        (f"{CONTROL}/KubeadmControlPlane", {"replicas": 4}, "warning"),
        (f"{CONTROL}/KubeadmControlPlane", {"replicas": 3}, None),
        (f"{CONTROL}/TalosControlPlane", {"replicas": 5}, None),
        (f"{CONTROL}/AWSManagedControlPlane", {"version": "v1.37"}, None),
        ("cluster.x-k8s.io/v1beta2/Cluster", {"topology": {"controlPlane": {"replicas": 1}}}, "error"),
        ("cluster.x-k8s.io/v1beta2/Cluster", {"controlPlaneRef": {"name": "it"}}, None),
    ],
)
def test_a_control_plane_needs_three_members(kind: str, spec: Object, severity: str | None, tmp_path: Path) -> None:
    """An even number is a remark; what the provider runs is its own business."""
    findings = found(control_plane, tmp_path, one(kind, spec))
    assert [finding.severity for finding in findings] == ([severity] if severity else [])


def record(**told: str) -> Object:
    """Write one of several records of a name, as external-dns reads it."""
    specific = [{"name": f"aws/{name.replace('_', '-')}", "value": value} for name, value in told.items()]
    endpoint = {"dnsName": "shop.example.com", "recordType": "A", "setIdentifier": "eu", "targets": ["192.0.2.1"]}
    return one("externaldns.k8s.io/v1alpha1/DNSEndpoint", {"endpoints": [{**endpoint, "providerSpecific": specific}]})


def test_an_answer_that_is_given_whether_it_is_well_or_not_is_found(tmp_path: Path) -> None:
    """A health check of its own or its target's, either does."""
    assert len(found(global_load_balancing, tmp_path, record(region="eu-west-1"))) == 1
    assert found(global_load_balancing, tmp_path, record(region="eu-west-1", health_check_id="abc")) == []
    assert found(global_load_balancing, tmp_path, record(region="eu-west-1", evaluate_target_health="true")) == []


def test_answers_between_which_chance_decides_are_found(tmp_path: Path) -> None:
    """Weights, regions and failover are policies."""
    assert len(found(global_routing, tmp_path, record(health_check_id="abc"))) == 1
    assert found(global_routing, tmp_path, record(failover="PRIMARY")) == []


def test_origins_that_nobody_probes_are_found_where_there_are_several(tmp_path: Path) -> None:
    """A single origin has nothing to fail over to."""
    cdn = "cdn.azure.com/v1api20230501"
    group = one(f"{cdn}/AfdOriginGroup", {"owner": {"name": "it"}}, "group")
    origins = [one(f"{cdn}/AfdOrigin", {"owner": {"name": "group"}}, name) for name in ("eu", "us")]
    assert len(found(global_load_balancing, tmp_path, group, *origins)) == 1
    assert found(global_load_balancing, tmp_path, group, origins[0]) == []
    group["spec"]["healthProbeSettings"] = {"probePath": "/"}
    assert found(global_load_balancing, tmp_path, group, *origins) == []


@pytest.mark.parametrize(
    ("strategy", "count"),
    [
        ({"type": "roundRobin"}, 1),
        ({"type": "failover"}, 1),
        ({"type": "failover", "primaryGeoTag": "eu"}, 0),
        ({"type": "geoip"}, 0),
    ],
)
@pytest.mark.parametrize("group", ["k8gb.io", "k8gb.absa.oss"])
def test_a_policy_of_k8gb_says_which_region_answers(group: str, strategy: Object, count: int, tmp_path: Path) -> None:
    """In turn is no policy, and failing over needs to know from where."""
    assert len(found(global_routing, tmp_path, one(f"{group}/v1beta1/Gslb", {"strategy": strategy}))) == count


def test_a_name_that_may_stand_for_another_region_is_a_remark(tmp_path: Path) -> None:
    """An address outside is no region of the system."""
    far = one("v1/Service", {"type": "ExternalName", "externalName": "db.shop.svc.clusterset.local"})
    outside = one("v1/Service", {"type": "ExternalName", "externalName": "api.example.com"}, "outside")
    findings = found(autonomous_regions, tmp_path, far, outside)
    assert [(finding.severity, finding.key) for finding in findings] == [("warning", "spec.externalName")]


@pytest.mark.parametrize(
    ("kind", "name", "severity"),
    [
        ("batch/v1/CronJob", "nightly-report", "error"),
        ("batch/v1/CronJob", "dr-drill", None),
        ("batch/v1/CronJob", "postgres-restore-test", None),
        ("batch/v1/CronJob", "address-cleaner", "error"),
        ("chaos-mesh.org/v1alpha1/Schedule", "kill-pods", None),
        ("velero.io/v1/Schedule", "nightly", "warning"),
        ("postgresql.cnpg.io/v1/ScheduledBackup", "db", "warning"),
    ],
)
def test_a_system_whose_recovery_nothing_tries_is_found_once(
    kind: str, name: str, severity: str | None, tmp_path: Path
) -> None:
    """Backups that nobody brings back are better than none, and not enough."""
    findings = found(quarterly_simulations, tmp_path, one(kind, {}, name), text=GOOD)
    assert [finding.severity for finding in findings] == ([severity] if severity else [])


@pytest.mark.skipif(
    not CORPORA.is_dir(), reason=f"NOT CHECKED: the labelled systems are not at {CORPORA}, so precision is not measured"
)
def test_systems_labelled_as_without_recovery_are_found() -> None:
    """One finding for each, about the system as a whole."""
    with (CORPORA / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["rule_area"] == "dr" and "[arguable]" not in row["why"]]
    assert rows
    for row in rows:
        findings = list(quarterly_simulations.check(read([CORPORA / row["corpus"]])))
        assert [finding.resource for finding in findings if finding.severity == "error"] == (
            [row["resource"]] if row["violates"] == "yes" else []
        )
