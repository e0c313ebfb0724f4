"""Delivery builds releases in steps, verdicts, migrations, flags, pipelines and what Argo CD deploys."""

import json
import shutil
import subprocess
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest

import yaml
from fairway.core.facts import System
from fairway.declaration.load import load
from fairway.estate.read import read
from fairway.estate.schema import CustomSchemas, problems
from fairway.verbs.check import check
from fairway.verbs.render import render
from fairway.verbs.workspace import Workspace, standard
from fairway_sdk.flags.definitions import Definitions

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT.parent / "shared" / "schemas" / "crd-schemas-strict.json.gz"
HERE = "production/main"
CHOICES = tuple(
    product(("istio", "none"), ("gateway-api", "ingress"), ("kong", "ambassador"), ("canary", "blue-green"))
)
Objects = dict[str, Any]


@cache
def tree(*choice: str) -> dict[str, str]:
    """Build a small shop with one combination of choices: mesh, routes, gateway, form of release, CI."""
    mesh, routes, gateway, progressive, *ci = choice
    facts: dict[str, Any] = {
        "system": "shop",
        "owners": {"sales": "#sales"},
        "platform": {
            "mesh": mesh,
            "routes": routes,
            "gateway": gateway,
            "progressive": progressive,
            "ci": ci[0] if ci else "github",
        },
        "environments": {"production": {"domain": "shop.example.com"}},
        "identity-providers": {"people": {"issuer": "https://id.example.com"}},
        "flags": {"gifts": {"owner": "sales", "expires": "2027-01-31", "default": True}},
        "services": {
            "web": {
                "exposure": "external",
                "customer-facing": True,
                "anonymous-routes": ["GET /books"],
                "calls": {"stock": {}},
                "flags": ["gifts"],
                "traffic": {"typical": 20, "peak": 90},
            },
            "stock": {"stores": ["db"]},
            "archive": {"exposure": "external", "customer-facing": True, "volumes": {"papers": {}}},
        },
        "stores": {"db": {"workload": "transactional"}},
    }
    system = msgspec.convert(facts, System)
    loaded = msgspec.structs.replace(load(ROOT / "examples" / "hello"), system=system)
    return {path: file.text for path, file in render(Workspace(loaded, standard())).items()}


def built(*choice: str) -> Objects:
    """Give the objects of the one site, by path."""
    return {
        path.removeprefix(f"{HERE}/"): yaml.safe_load(text)
        for path, text in tree(*choice).items()
        if path.startswith(HERE) and path.endswith(".yaml")
    }


@pytest.mark.parametrize("choice", CHOICES)
def test_every_object_is_as_its_schema_wants_it(choice: tuple[str, ...]) -> None:
    """Rollouts, verdicts and flags of every combination; with the custom schemas where they are at hand."""
    if not BUNDLE.exists():
        pytest.skip(f"NOT CHECKED against custom schemas: they are not at {BUNDLE}")
    custom = CustomSchemas.load(BUNDLE)
    kinds = {"AnalysisTemplate", "Rollout", "Job", "ExternalSecret", "HTTPRoute", "StatefulSet"}
    judged = [one for one in built(*choice).values() if one["kind"] in kinds]
    assert {"Rollout", "AnalysisTemplate", "Job"} <= {one["kind"] for one in judged}
    for one in judged:
        assert problems(one, custom=custom).faults == (), one


def test_a_rollout_runs_the_template_of_the_deployment_and_the_autoscaler_scales_the_rollout() -> None:
    """One of the two has replicas."""
    made = built("istio", "gateway-api", "kong", "canary")
    assert made["services/web/rollout.yaml"]["spec"]["workloadRef"]["name"] == "web"
    assert made["services/web/deployment.yaml"]["spec"]["replicas"] == 0
    scaled = made["services/web/horizontalpodautoscaler.yaml"]["spec"]["scaleTargetRef"]
    assert scaled == {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"}


def test_in_the_mesh_every_route_of_the_service_is_one_that_the_rollout_moves() -> None:
    """By name, with two subsets; a route that is forgotten would go on to lead to one version."""
    made = built("istio", "gateway-api", "kong", "canary")
    moved = made["services/web/rollout.yaml"]["spec"]["strategy"]["canary"]["trafficRouting"]["istio"]
    routes = made["services/web/virtualservice.yaml"]["spec"]["http"]
    assert moved["virtualService"]["routes"] == [route["name"] for route in routes]
    assert {len(route["route"]) for route in routes} == {2}
    subsets = [one["name"] for one in made["services/web/destinationrule.yaml"]["spec"]["subsets"]]
    rule = moved["destinationRule"]
    assert subsets == [rule["stableSubsetName"], rule["canarySubsetName"]]


def test_without_a_mesh_every_public_route_has_both_versions_behind_it() -> None:
    """The routes that the plugin moves are those that are built, and lead to the two Services."""
    made = built("none", "gateway-api", "kong", "canary")
    canary = made["services/web/rollout.yaml"]["spec"]["strategy"]["canary"]
    [plugin] = canary["trafficRouting"]["plugins"].values()
    routes = [one for path, one in made.items() if path.startswith("services/web/httproute")]
    assert {one["name"] for one in plugin["httpRoutes"]} == {one["metadata"]["name"] for one in routes}
    for route in routes:
        for rule in route["spec"]["rules"]:
            assert [one["name"] for one in rule["backendRefs"]] == [canary["stableService"], canary["canaryService"]]
    first, second = made["services/web/service.yaml"], made["services/web/service-canary.yaml"]
    assert first["spec"] == second["spec"]
    assert "platform/configmap-argo-rollouts.yaml" in made


def test_where_nothing_knows_weights_no_router_is_named() -> None:
    """Then replicas alone make the share."""
    canary = built("none", "ingress", "kong", "canary")["services/web/rollout.yaml"]["spec"]["strategy"]["canary"]
    assert "trafficRouting" not in canary
    assert canary["steps"][0].keys() == {"setWeight"}


def test_blue_green_is_tried_before_and_judged_after_all_have_moved() -> None:
    """By a preview that nobody else meets; the judging after it ends."""
    made = built("istio", "gateway-api", "kong", "blue-green")
    way = made["services/web/rollout.yaml"]["spec"]["strategy"]["blueGreen"]
    assert way["previewService"] == made["services/web/service-preview.yaml"]["metadata"]["name"]
    assert all(one["count"] > 0 for one in made["services/web/analysistemplate-health.yaml"]["spec"]["metrics"])


def test_too_few_requests_are_neither_good_nor_bad() -> None:
    """Argo Rollouts then waits: neither condition holds for any count below what is enough."""
    [metric] = built("istio", "gateway-api", "kong", "canary")["services/web/analysistemplate-enough.yaml"]["spec"][
        "metrics"
    ]
    assert metric["successCondition"] == "len(result) > 0 && result[0] >= 50"
    assert metric["failureCondition"] == "len(result) > 0 && result[0] < 0"
    assert metric["inconclusiveLimit"] == 0


def test_a_stateful_service_keeps_its_version_but_for_the_last_replica() -> None:
    """Until somebody moves the partition on; the runbook says how."""
    made = built("istio", "gateway-api", "kong", "canary")
    spec = made["services/archive/statefulset.yaml"]["spec"]
    assert spec["updateStrategy"]["rollingUpdate"] == {"partition": spec["replicas"] - 1}
    assert "partition" in tree("istio", "gateway-api", "kong", "canary")["runbooks/release-archive.md"]


def test_a_migration_runs_with_credentials_of_its_own_before_the_workload() -> None:
    """Under another account, as a user that the service is not."""
    made = built("istio", "gateway-api", "kong", "canary")
    job = made["services/stock/job-migration.yaml"]
    pod = job["spec"]["template"]["spec"]
    secret = next(one["secret"]["secretName"] for one in pod["volumes"] if one["name"] == "secrets")
    fetched = made["services/stock/externalsecret-migration.yaml"]
    assert fetched["metadata"]["name"] == secret != "stock-secrets"
    assert {one["secretKey"]: one["remoteRef"] for one in fetched["spec"]["data"]} == {
        "db-user": {"key": "shop/production/stock", "property": "db-migration-user"},
        "db-password": {"key": "shop/production/stock", "property": "db-migration-password"},
    }
    assert pod["serviceAccountName"] == made["services/stock/serviceaccount-migration.yaml"]["metadata"]["name"]
    wave = "argocd.argoproj.io/sync-wave"
    waves = [one["metadata"]["annotations"][wave] for one in (job, made["services/stock/deployment.yaml"])]
    assert waves == ["1", "2"]


def test_the_flags_are_read_by_the_sdk_and_have_an_owner_and_an_end() -> None:
    """The file that is built is the one that a service reads."""
    made = built("istio", "gateway-api", "kong", "canary")
    text = made["platform/configmap-feature-flags.yaml"]["data"]["flags.json"]
    answer = Definitions(text.encode()).answer("gifts", "", {})
    assert answer is not None
    assert answer.value is True
    assert json.loads(text)["flags"]["gifts"]["metadata"] == {"owner": "sales", "expires": "2027-01-31"}
    mounts = made["services/web/deployment.yaml"]["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    assert "/etc/fairway/flags" in {mount["mountPath"] for mount in mounts}


def test_each_action_is_named_by_its_commit_and_says_its_version() -> None:
    """And no job may write what it need not."""
    text = tree("istio", "gateway-api", "kong", "canary")["pipelines/github-actions.yaml"]
    used = [line.split("uses: ")[1] for line in text.splitlines() if "uses: " in line]
    assert used
    assert all(len(one.split("@")[1].split(" ")[0]) == 40 and " # v" in one for one in used)
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    writing = {name for name, job in workflow["jobs"].items() if "write" in job.get("permissions", {}).values()}
    assert writing == {"standard", "release"}


def test_the_workflow_passes_its_linter(tmp_path: Path) -> None:
    """actionlint, where it is installed."""
    if (linter := shutil.which("actionlint")) is None:
        pytest.skip("NOT CHECKED by a linter: actionlint is not installed")
    file = tmp_path / "fairway.yaml"
    file.write_text(tree("istio", "gateway-api", "kong", "canary")["pipelines/github-actions.yaml"])
    done = subprocess.run([linter, "-shellcheck=", "-pyflakes=", file], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize(("ci", "file"), [("github", "github-actions.yaml"), ("gitlab", "gitlab-ci.yaml")])
def test_both_pipelines_check_the_tree_and_scan_with_severities_that_fail(ci: str, file: str) -> None:
    """What is not the facts' tree, or has a severe fault, is not released."""
    text = tree("istio", "gateway-api", "kong", "canary", ci)[f"pipelines/{file}"]
    for word in (
        "fairway build --check",
        "fairway check deploy",
        "HIGH,CRITICAL",
        "cyclonedx",
        "sign --yes",
        "released",
    ):
        assert word in text


def test_what_argo_cd_deploys_is_no_unknown_where_it_lies_beside(tmp_path: Path) -> None:
    """An audit of the tree sees all that the applications stand for; without the tree they are unknown."""
    whole = tree("istio", "gateway-api", "kong", "canary")
    for folder, files in {"whole": whole, "alone": {"argocd.yaml": whole["gitops/argocd.yaml"]}}.items():
        for path, text in files.items():
            (tmp_path / folder / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / path).write_text(text)
    assert read([tmp_path / "whole"]).unknown == ()
    assert len(read([tmp_path / "alone"]).unknown) == 1


@pytest.mark.parametrize(("ci", "file"), [("github", "github-actions.yaml"), ("gitlab", "gitlab-ci.yaml")])
def test_a_system_without_python_is_tested_and_built_by_the_dockerfile_of_its_code(
    ci: str, file: str, tmp_path: Path
) -> None:
    """The stage of the code's Dockerfile that runs its tests stops the pipeline, and our own audit finds nothing."""
    run = {"command": ["till", "--listen", "{address}"], "ready": "/ready"}
    facts = {
        "system": "kiosk",
        "platform": {"ci": ci},
        "services": {"till": {"run": run, "traffic": {"typical": 1, "peak": 2}}},
    }
    loaded = msgspec.structs.replace(load(ROOT / "examples" / "hello"), system=msgspec.convert(facts, System))
    for path, built_file in render(Workspace(loaded, standard())).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(built_file.text)
    text = (tmp_path / "pipelines" / file).read_text()
    assert "docker build --target test services/till" in text
    assert 'test -f "$file" || { file="$CODE/Dockerfile"; context="$CODE"; }' in text
    assert "services/till" in (tmp_path / "containers/till/README.md").read_text()
    assert [one for one in check(standard(), read([tmp_path])).findings if one.rule.startswith("delivery/")] == []
