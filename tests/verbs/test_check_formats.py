"""The reports that other programs read: SARIF, JUnit and commands of a GitHub workflow."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from charts import HELM, SHOP, lay, needs_helm
from manifests import BAD, GOOD, WARNED, write

from fairway.cli import main

ONLY = ("--rules", "orchestration/*")  # so that the manifests can stay small


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Run it, and give code and output."""
    code = main(["check", *words, *ONLY])
    return code, capsys.readouterr().out


def sarif(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Give the one run of a SARIF report."""
    run: dict[str, Any] = json.loads(printed(capsys, "--format", "sarif", *words)[1])["runs"][0]
    return run


def test_sarif_has_levels_lines_fingerprints_and_the_text_of_rules(capsys: pytest.CaptureFixture[str]) -> None:
    """What code scanning shows beside a line, and what keeps a finding the same over commits."""
    write("a.yaml", BAD)
    write("b b.yaml", WARNED.replace("name: web", "name: other"))
    run = sarif(capsys)
    results = {(r["level"], r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]) for r in run["results"]}
    assert results == {("error", "a.yaml"), ("warning", "b%20b.yaml")}
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] > 1
    fingerprints = [result["partialFingerprints"]["fairway/v1"] for result in run["results"]]
    assert len(set(fingerprints)) == len(fingerprints)
    rule = run["tool"]["driver"]["rules"][0]
    assert rule["shortDescription"]["text"]
    assert rule["fullDescription"]["text"]


def test_sarif_says_what_could_not_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipeline that reads only SARIF learns of it, too."""
    write("a.yaml", "apiVersion: v1\nkind: [\n")
    run = sarif(capsys)
    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [("fairway/readable", "error")]
    assert run["invocations"][0]["executionSuccessful"] is False


def test_sarif_shows_what_is_accepted_as_suppressed(capsys: pytest.CaptureFixture[str]) -> None:
    """With its reason."""
    write("a.yaml", BAD)
    write("fairway-check.yaml", "suppressions:\n  - {rule: '*', reason: being replaced, until: 2999-01-01}\n")
    results = sarif(capsys)["results"]
    assert results
    assert {result["suppressions"][0]["justification"] for result in results} == {"being replaced (until 2999-01-01)"}


def test_junit_is_xml_whatever_a_manifest_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """A suite for each stage; what failed, what passed, and what nobody checked are three things."""
    write("a.yaml", BAD.replace("name: web", "name: 'w<&\"eb'").replace("DB_PASSWORD", '"DB_PASSWORD"'))
    code, text = printed(capsys, "--format", "junit")
    root = ET.fromstring(text)  # noqa: S314 - ours
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["input", "orchestration"]
    failures = root.findall(".//failure")
    assert code in {1, 2}
    assert len(failures) == sum(int(suite.get("failures", "0")) for suite in root)
    assert failures
    assert all("a.yaml:" in failure.get("message", "") for failure in failures)
    assert len(root.findall(".//skipped")) == sum(int(suite.get("skipped", "0")) for suite in root)


def test_junit_passes_where_only_warnings_are(capsys: pytest.CaptureFixture[str]) -> None:
    """As the exit code does; with --fail-on warning both fail."""
    write("a.yaml", WARNED)
    code, text = printed(capsys, "--format", "junit")
    assert (code, "<failure" in text, "<system-out>" in text) == (0, False, True)
    code, text = printed(capsys, "--format", "junit", "--fail-on", "warning")
    assert (code, "<failure" in text) == (1, True)


def test_a_github_command_cannot_be_broken_out_of(capsys: pytest.CaptureFixture[str]) -> None:
    """A name with a line break would forge a command of its own."""
    name = "x\n::set-output name=a::b"
    write("a,b:c.yaml", BAD.replace("name: web", f"name: {json.dumps(name)}", 1))
    _, text = printed(capsys, "--format", "github")
    assert not [line for line in text.splitlines() if line.startswith("::set-output")]
    assert "::error file=a%2Cb%3Ac.yaml,line=" in text


def test_fail_on_never_reports_and_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """A team that only looks; what cannot be read fails all the same."""
    write("a.yaml", BAD)
    code, text = printed(capsys, "--fail-on", "never")
    assert (code, "error:" in text) == (0, True)
    write("b.yaml", "apiVersion: v1\nkind: [\n")
    assert printed(capsys, "--fail-on", "never")[0] == 2


def test_templates_that_nobody_rendered_are_three_where_all_else_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown is neither passed nor violated."""
    write("a.yaml", GOOD)
    write("chart/Chart.yaml", "apiVersion: v2\nname: c\n")
    write("chart/templates/a.yaml", "apiVersion: v1\nkind: {{ .Values.kind }}\n")
    assert printed(capsys)[0] == 3


@needs_helm
def test_a_chart_that_does_not_render_is_three_and_said_in_helms_words(capsys: pytest.CaptureFixture[str]) -> None:
    """In the text, for a program, and in SARIF; a helm that is not there is a slip of the keyboard."""
    lay(Path("shop"), {**SHOP, "templates/more.yaml": 'kind: {{ fail "not like this" }}\n'})
    code, text = printed(capsys, "--helm", str(HELM))
    assert (code, "note: shop/templates/more.yaml:1 is in a Helm chart that does not render" in text) == (3, True)
    assert "not like this" in text
    code, text = printed(capsys, "--helm", str(HELM), "--format", "json")
    assert (code, sum(one["tried"] for one in json.loads(text)["unknown"])) == (3, 1)
    told = sarif(capsys, "--helm", str(HELM))["invocations"][0]["toolExecutionNotifications"]
    assert [one for one in told if "not like this" in one["message"]["text"]]
    assert main(["check", "--helm", "nowhere"]) == 2
    assert "--helm nowhere: there is no such program." in capsys.readouterr().err


@needs_helm
def test_a_chart_is_judged_as_rendered(capsys: pytest.CaptureFixture[str]) -> None:
    """Findings stand in its templates, and the reader learns who rendered what."""
    lay(Path("shop"), {**SHOP, "values-prod.yaml": "replicas: 2\n"})
    code, text = printed(capsys, "--helm", str(HELM))
    assert code == 1
    assert "\nshop/templates/deployment.yaml:16: warning: Deployment/default/shop: there is only 1 replica" in text
    assert "note: Helm renders 2 systems here (shop, shop (values-prod.yaml)); each is judged as rendered." in text
    code, text = printed(capsys, "--helm", "none")
    assert "Not rendered: 2 files, first shop/templates/deployment.yaml." in text
