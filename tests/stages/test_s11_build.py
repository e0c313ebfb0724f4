"""Recovery builds what stands above the regions, control planes of one's own, and pages that a tired person follows."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import yaml
from fairway.core.artefact import Manifest, Site
from fairway.core.facts import System
from fairway.core.profile import Landscape, survey
from fairway.declaration.load import load
from fairway.estate.schema import CustomSchemas, problems
from fairway.estate.semantics import faults
from fairway.stages.s11_recovery import decisions
from fairway.stages.s11_recovery.build import manifests, pages
from fairway.verbs.render import render
from fairway.verbs.workspace import Workspace, standard

ROOT: Final = Path(__file__).parents[2]
BUNDLE: Final = ROOT.parent / "shared" / "schemas" / "crd-schemas-strict.json.gz"
ARN: Final = "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/net/shop-production/0a1b"
FORMS: Final = {
    "global-accelerator": ("aws", "aws"),
    "multi-cluster-gateway": ("gcp", "gcp"),
    "front-door": ("azure", "azure"),
    "k8gb": ("none", "aws"),
}


ANYWHERE: Any = {"db": {"workload": "write-heavy", "engine": "cassandra"}}  # every region takes writes


def land(clouds: tuple[str, ...], *, facing: bool = True, **rest: Any) -> Landscape:  # noqa: ANN401 - any fact may be given
    """Survey a shop with one public service, in a region of each of the clouds."""
    given = {name.replace("_", "-"): value for name, value in rest.items()}
    facts: dict[str, Any] = {
        "system": "shop",
        "regions": {name: {"cloud": cloud} for name, cloud in zip(("first", "second", "third"), clouds, strict=False)},
        "environments": {"production": {"domain": "shop.example.com", "entrances": {"second": ARN}}},
        "services": {"front": {"exposure": "external", "customer-facing": facing, "stores": ["db"]}},
        "stores": {"db": {"workload": "transactional"}},
    }
    return survey(msgspec.convert({**facts, **given}, System))


def of_site(landscape: Landscape, region: str) -> dict[str, Manifest]:
    """Build one site, by what stands in each file."""
    return {one.path: one for one in manifests(landscape, Site(environment="production", region=region))}


def spec(landscape: Landscape, path: str, region: str = "first") -> dict[str, Any]:
    """Give the spec of one built object."""
    found: dict[str, Any] = of_site(landscape, region)[f"platform/{path}.yaml"].object["spec"]
    return found


@pytest.mark.parametrize("gateway", ["kong", "ambassador"])
@pytest.mark.parametrize("facing", [True, False], ids=["latency", "availability"])
@pytest.mark.parametrize("form", FORMS)
def test_each_form_builds_sound_objects_in_both_regions(form: str, *, facing: bool, gateway: str) -> None:
    """Whatever the clouds and the policy, and one name stands for the domain."""
    landscape = land(FORMS[form], facing=facing, platform={"gateway": gateway}, stores=ANYWHERE)
    decided = decisions.balancer(landscape)
    assert decided is not None
    assert decided.value is not None
    assert decided.value.form == form
    custom = CustomSchemas.load(BUNDLE) if BUNDLE.is_file() else None
    for region in ("first", "second"):
        built = of_site(landscape, region)
        assert "platform/service-entrance.yaml" in built
        for one in built.values():
            assert [*problems(one.object, custom=custom).faults, *faults(one.object)] == []


def test_nothing_stands_above_one_region_or_a_system_that_is_not_public() -> None:
    """There is nobody to send anywhere."""
    alone = land(("aws",), environments={"production": {"domain": "shop.example.com"}})
    inside = land(("aws", "aws"), services={"front": {}})
    for landscape in (alone, inside):
        assert not any("entrance" in path or "global" in path for path in of_site(landscape, "first"))


def test_an_accelerator_leads_to_its_own_region_by_name_and_to_others_by_arn() -> None:
    """It is set up once; by latency all regions take all they can, by availability the second only when asked."""
    for facing, share in ((True, 100), (False, 0)):
        landscape = land(("aws", "aws"), facing=facing, stores=ANYWHERE)
        groups = spec(landscape, "globalaccelerator-global")["listeners"][0]["endpointGroups"]
        assert groups[0]["endpoints"] == [{"type": "Service", "name": "entrance", "namespace": "gateway"}]
        assert groups[1]["endpoints"] == [{"type": "EndpointID", "endpointID": ARN}]
        assert [group["trafficDialPercentage"] for group in groups] == [100, share]
        assert "platform/globalaccelerator-global.yaml" not in of_site(landscape, "second")


def test_a_region_whose_arn_is_not_known_is_asked_for_and_left_out() -> None:
    """AWS names a load balancer only when it is there."""
    landscape = land(("aws", "aws"), environments={"production": {"domain": "shop.example.com"}})
    asked = [one for one in decisions.for_system(landscape) if one.topic == "entrances"]
    assert [one.state for one in asked] == ["unanswered"]
    assert "ARN of the load balancer in front of second" in asked[0].answer
    assert len(spec(landscape, "globalaccelerator-global")["listeners"][0]["endpointGroups"]) == 1


def test_health_checks_are_those_that_were_decided() -> None:
    """The same interval and the same number of failures, in each cloud's words."""
    critical = {"front": {"exposure": "external", "customer-facing": True, "criticality": "mission-critical"}}
    notes = of_site(land(("aws", "aws"), services=critical), "second")["platform/service-entrance.yaml"].object
    said = {key.rpartition("/")[2]: value for key, value in notes["metadata"]["annotations"].items()}
    assert said["aws-load-balancer-healthcheck-interval"] == "10"
    assert said["aws-load-balancer-healthcheck-unhealthy-threshold"] == "2"
    google = spec(land(("gcp", "gcp"), services=critical), "healthcheckpolicy-entrance")["default"]
    assert (google["checkIntervalSec"], google["unhealthyThreshold"]) == (10, 2)
    azure = spec(land(("azure", "azure"), services=critical), "afdorigingroup-global")
    assert azure["healthProbeSettings"]["probeIntervalInSeconds"] == 10
    assert azure["loadBalancingSettings"]["sampleSize"] == 2
    assert spec(land(("none", "aws"), services=critical), "gslb-global")["strategy"]["dnsTtlSeconds"] == 10


@pytest.mark.parametrize("gateway", ["kong", "ambassador"])
@pytest.mark.parametrize("clouds", [("gcp", "gcp"), ("azure", "azure")], ids=str)
def test_what_load_balancers_ask_for_is_answered_by_the_gateway_of_each_region(
    clouds: tuple[str, str], gateway: str
) -> None:
    """They take nothing but 200 for well, and have no token."""
    landscape = land(clouds, platform={"gateway": gateway})
    answers = {"kong": "platform/httproute-healthy.yaml", "ambassador": "platform/mapping-healthy.yaml"}
    for region in ("first", "second"):
        route = of_site(landscape, region)[answers[gateway]].object
        assert "/-/healthy" in str(route)
        assert "fairway.dev/anonymous-because" in route["metadata"]["annotations"]


def test_the_policy_says_which_region_comes_first() -> None:
    """Front Door's priorities, k8gb's tag, Google's preference."""
    for facing, priority in ((True, 1), (False, 2)):
        azure = spec(land(("azure", "azure"), facing=facing, stores=ANYWHERE), "afdorigin-second")
        assert azure["priority"] == priority
    by_name = spec(land(("none", "aws"), facing=False), "gslb-global", "second")["strategy"]
    assert (by_name["type"], by_name["primaryGeoTag"]) == ("failover", "first")
    assert spec(land(("none", "aws"), stores=ANYWHERE), "gslb-global")["strategy"]["type"] == "geoip"
    preferred = spec(land(("gcp", "gcp"), facing=False), "gcpbackendpolicy-entrance")["default"]
    assert preferred == {"backendPreference": "PREFERRED"}


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure", "none"])
def test_snapshots_of_a_control_plane_of_ones_own_leave_the_region_every_hour(cloud: str) -> None:
    """Taken with a certificate of their own, by nobody who is root, and kept for a week."""
    landscape = land((cloud,), platform={"control-plane": "kubeadm"}, failover_depends_on_kubernetes=True)
    job = spec(landscape, "cronjob-etcd-snapshots")
    assert job["schedule"] == "10 * * * *"
    pod = job["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert "hostPath" not in str(pod)
    taken, copied, pruned = (one["command"] for one in (*pod["initContainers"], *pod["containers"]))
    assert taken[:3] == ["etcdctl", "snapshot", "save"]
    assert copied[-1].endswith("shop-production-backups-of-first/etcd")
    assert pruned[:4] == ["rclone", "delete", "--min-age", "168h"]
    assert ("platform/externalsecret-object-storage-control-plane.yaml" in of_site(landscape, "first")) == (
        cloud == "none"
    )


def test_a_managed_control_plane_gets_a_page_to_sign_and_no_objects() -> None:
    """Nothing of it can be read or broken, so a person vouches for it."""
    landscape = land(("aws",), failover_depends_on_kubernetes=True)
    assert not any("control-plane" in path for path in of_site(landscape, "first"))
    written = {page.path: page.text for page in pages(landscape)}
    assert "Name, day:" in written["attestations/control-plane.md"]
    assert "| production | first | aws |" in written["attestations/control-plane.md"]


def test_kubeadm_gets_three_members_behind_one_name() -> None:
    """A cluster without a common name for its members can never have more than one."""
    landscape = land(("none",), platform={"control-plane": "kubeadm"}, failover_depends_on_kubernetes=True)
    written = {page.path: page.text for page in pages(landscape)}
    found = yaml.safe_load(written["control-plane/production/first/cluster-configuration.yaml"])
    assert found["apiVersion"] == "kubeadm.k8s.io/v1beta4"
    assert found["controlPlaneEndpoint"] == "kubernetes.first.shop.example.com:6443"
    assert isinstance(found["etcd"]["local"]["extraArgs"], list)
    assert "Three machines in three zones" in written["runbooks/control-plane.md"]


@pytest.mark.skipif(not BUNDLE.is_file(), reason=f"NOT CHECKED: Cluster API's objects, as no schemas are at {BUNDLE}")
@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure", "none"])
def test_cluster_api_gets_valid_objects_with_three_members(cloud: str) -> None:
    """They are pages: they belong to the cluster that manages clusters, and to no site."""
    landscape = land((cloud,), platform={"control-plane": "cluster-api"}, failover_depends_on_kubernetes=True)
    custom = CustomSchemas.load(BUNDLE)
    found = {
        page.path.rpartition("/")[2]: yaml.safe_load(page.text)
        for page in pages(landscape)
        if page.path.startswith("control-plane/")
    }
    assert sorted(found) == ["cluster.yaml", "kubeadmcontrolplane.yaml", "machinehealthcheck.yaml"]
    for one in found.values():
        verdict = problems(one, custom=custom)
        assert verdict.known
        assert verdict.faults == ()
    assert found["kubeadmcontrolplane.yaml"]["spec"]["replicas"] == 3


def test_each_region_has_a_page_of_what_it_cannot_do_alone() -> None:
    """The first can do everything; the second reads until a person promotes its copy."""
    written = {page.path: page.text for page in pages(land(("aws", "aws")))}
    assert "Nothing: it is the region that takes writes." in written["regions/first.md"]
    assert "front reads but does not write: db is written in first" in written["regions/second.md"]
    assert not any(path.startswith("regions/") for path in (page.path for page in pages(land(("aws",)))))


@pytest.mark.parametrize("name", ["hello", "bookshop", "clinic", "cafe"])
def test_every_link_of_a_page_leads_to_a_page(name: str) -> None:
    """A runbook that points nowhere is found out at the worst moment."""
    tree = render(Workspace(load(ROOT / "examples" / name), standard()))
    for page in pages(survey(load(ROOT / "examples" / name).system)):
        for link in re.findall(r"\]\(([^)]+)\)", page.text):
            folder = page.path.rpartition("/")[0]
            parts = [*folder.split("/"), *link.split("/")]
            while ".." in parts:
                at = parts.index("..")
                del parts[at - 1 : at + 1]
            assert "/".join(parts) in tree, f"{page.path}: {link}"


@pytest.mark.parametrize("name", ["hello", "bookshop", "clinic", "cafe"])
def test_every_file_that_a_command_names_is_built(name: str) -> None:
    """deploy/... in a page is a file or a folder of the tree."""
    tree = render(Workspace(load(ROOT / "examples" / name), standard()))
    for page in pages(survey(load(ROOT / "examples" / name).system)):
        for path in re.findall(r"(?<![\w$])deploy/([\w./-]*\w)", page.text):
            assert path in tree or any(known.startswith(f"{path}/") for known in tree), f"{page.path}: {path}"


def gate(tmp_path: Path, ci: str) -> str:
    """Give the script that looks for evidence, as the pipeline runs it."""
    landscape = land(("aws", "aws"), platform={"ci": ci})
    (page,) = [page for page in pages(landscape) if page.path.startswith("pipelines/")]
    made = yaml.safe_load(page.text)
    script: str = (
        made["jobs"]["evidence"]["steps"][1]["run"] if ci == "github" else made["recovery-evidence"]["script"][0]
    )
    (tmp_path / "evidence").mkdir()
    return script


@pytest.mark.parametrize("ci", ["github", "gitlab"])
@pytest.mark.skipif(shutil.which("bash") is None, reason="NOT CHECKED: there is no bash to run the pipeline's script")
def test_evidence_older_than_a_quarter_fails_the_pipeline(ci: str, tmp_path: Path) -> None:
    """And so does evidence that is not there; a file's name tells its day."""

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)

    def day(ago: int) -> str:
        words = ["date", "--utc", f"--date={ago} days ago", "+%F"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    script = gate(tmp_path, ci)
    assert run().returncode == 1
    for scenario in ("rebuild", "restore", "region-loss"):
        (tmp_path / "evidence" / f"{day(91)}-{scenario}.md").touch()
    assert run().returncode == 0, run().stdout
    (tmp_path / "evidence" / f"{day(91)}-restore.md").rename(tmp_path / "evidence" / f"{day(93)}-restore.md")
    done = run()
    assert done.returncode == 1
    assert f"restore was last tried on {day(93)}" in done.stdout


def test_the_pipeline_runs_only_commands_that_there_are() -> None:
    """No schedule of something that does not exist."""
    landscape = land(("aws", "aws"))
    (page,) = [page for page in pages(landscape) if page.path.startswith("pipelines/")]
    verbs = set(re.findall(r"\bfairway ([a-z]+)", page.text))
    assert verbs == {"build", "check"}
    assert "drill" not in page.text


def test_the_alert_reminds_on_the_day_of_the_schedule() -> None:
    """It needs nothing but the clock of Prometheus."""
    landscape = land(("aws",), owners={"team": "#team"})
    built = of_site(landscape, "first")["observability/prometheusrule.yaml"].object
    (rule,) = built["spec"]["groups"][0]["rules"]
    assert rule["expr"].startswith("(month() == 1 or month() == 4 or month() == 7 or month() == 10)")
    assert "day_of_month() == 15" in rule["expr"]
    assert rule["labels"]["owner"] == "team"
