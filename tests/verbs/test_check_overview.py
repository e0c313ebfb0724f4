"""The first screen of a long report tells what weighs most; a short one needs none."""

from pathlib import Path

import pytest
from manifests import BAD, GOOD, write

from fairway import stages
from fairway.cli import main
from fairway.core.registry import rooms, rule_by_id
from fairway.verbs.check_overview import GRAVEST, SCREEN

SHOP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: shop}
spec:
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      containers:
        - {name: main, image: 'acme/web', ports: [{containerPort: 80}], env: [{name: DB_PASSWORD, value: hunter2}]}
---
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: shop}
spec: {type: LoadBalancer, selector: {app: NAME}, ports: [{port: 80}]}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Audit from a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_first_screen_begins_with_what_is_known_or_open_to_others(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a rule, with its place, and how many findings are like it; then all of them as ever."""
    for name in ("web", "admin"):
        write(f"{name}.yaml", SHOP.replace("NAME", name))
    main(["check"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("in 4 objects; what weighs most first, and all of it below.")
    assert lines[1].startswith(
        "admin.yaml:10: error: Deployment/shop/admin: DB_PASSWORD of container 'main' is written"
    )
    assert lines[1].endswith("(and 1 more of orchestration/configmaps-and-secrets)")
    assert lines[2].startswith("admin.yaml:15: error: Service/shop/admin: LoadBalancer opens Deployment/shop/admin")
    end = next(place for place, line in enumerate(lines) if line.startswith("... and what "))
    assert 2 * end <= SCREEN  # most lines take two of a screen
    assert len([line for line in lines if line.startswith("web.yaml:10: error: Deployment/shop/web: DB_PASSWORD")]) == 1
    assert lines[-1].startswith(lines[0].partition(" and ")[0])


def test_what_cannot_be_read_weighs_more_than_anything(capsys: pytest.CaptureFixture[str]) -> None:
    """It may hold worse, and it decides the exit code."""
    write("web.yaml", SHOP.replace("NAME", "web") + "---\n" + SHOP.replace("NAME", "admin"))
    write("z.yaml", "apiVersion: v1\nkind: [\n")
    assert main(["check"]) == 2
    assert capsys.readouterr().out.splitlines()[1].startswith("z.yaml:")


def test_a_short_report_has_no_overview(capsys: pytest.CaptureFixture[str]) -> None:
    """All of it is on the first screen anyway."""
    write("a.yaml", BAD)
    main(["check", "--rules", "orchestration/*"])
    assert capsys.readouterr().out.startswith("orchestration/configmaps-and-secrets: ")


def test_every_rule_that_is_weighed_is_one_of_the_standard() -> None:
    """And is weighed once."""
    assert set(GRAVEST) <= set(rule_by_id(rooms(stages)))
    assert len(set(GRAVEST)) == len(GRAVEST)


def test_findings_in_dockerfiles_are_shown_where_there_is_no_object(capsys: pytest.CaptureFixture[str]) -> None:
    """A repository of programs alone; and where nothing is wrong, it says what was read."""
    write("app/Dockerfile", "FROM python:3.13-slim\nENV API_KEY=5f2b9c77a1d04e\nUSER 1000\n")
    assert main(["check", "--rules", "containers/no-secrets-or-config"]) == 1
    assert "app/Dockerfile:2: error: " in capsys.readouterr().out
    write("app/Dockerfile", "FROM python:3.13-slim\nUSER 1000\n")
    assert main(["check", "--rules", "containers/no-secrets-or-config"]) == 0
    assert "Read 0 objects, 0 of them workloads, in 0 files, and 1 Dockerfile." in capsys.readouterr().out


def test_what_the_system_lacks_is_said_once_for_all_its_compositions(capsys: pytest.CaptureFixture[str]) -> None:
    """With those that it is true of, where it is not true of all."""
    write("base/web.yaml", SHOP.replace("NAME", "web"))
    write("base/kustomization.yaml", "resources: [web.yaml]\n")
    for name in ("one", "two"):
        write(f"{name}/kustomization.yaml", f"resources: [../base]\nnamePrefix: {name}-\n")
    main(["check", "--rules", "observability/log-pipeline"])
    assert capsys.readouterr().out.count("error: System: no log collector is there") == 1


def test_what_is_strange_alike_in_many_places_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Charts leave empty keys everywhere."""
    for name in ("a", "b", "c"):
        write(f"{name}.yaml", GOOD.replace("name: web,", f"name: {name},") + "      volumes:\n")
    main(["check", "--rules", "orchestration/*"])
    lines = [line for line in capsys.readouterr().out.splitlines() if "has no value" in line]
    assert len(lines) == 1
    assert lines[0].startswith("a.yaml:")
    assert lines[0].endswith("(and 2 more alike)")
