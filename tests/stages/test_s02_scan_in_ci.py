"""Scans of images in strangers' pipelines: one that can stop something is enough, whoever's it is."""

from pathlib import Path

import pytest

from fairway.core.rule import Finding
from fairway.estate.read import read
from fairway.stages.s02_containers import scan_in_ci
from fairway.stages.s08_delivery import ci

GITHUB = """\
on: push
jobs:
  build:
    runs-on: ubuntu-24.04
    steps:
    - run: docker build -t example/web .
    - run: ruff check . && pytest
{steps}
    - run: docker push example/web
"""
TRIVY = "    - uses: aquasecurity/trivy-action@v0.36.0\n      with:\n        image-ref: example/web\n"
CODE = "    - uses: github/codeql-action/analyze@v4\n"
GITLAB = """\
build:
  script: [docker build -t example/web ., npm test, npm run-script lint]
scan:
  image: aquasec/trivy:0.70.0
  {more}
  script:
  - {scan}
push:
  script: [docker push example/web]
"""


def judge(folder: Path, text: str, name: str = ".github/workflows/ci.yml", **more: str) -> list[Finding]:
    """Let the rule judge a pipeline, and what lies beside it."""
    for path, content in {name: text, **more}.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return list(scan_in_ci.check(read([folder])))


def run(command: str) -> str:
    """Write a step that runs a command."""
    return f"    - run: |\n        {command}\n"


HARMLESS = {
    "no exit code": (TRIVY, "unless 'exit-code' is above 0"),
    "exit code 0": (TRIVY + '        exit-code: "0"\n', "its exit code is set to 0"),
    "mild faults only": (TRIVY + "        exit-code: 1\n        severity: LOW,MEDIUM\n", "low, medium severity"),
    "the step is ignored": (
        TRIVY.replace("    - uses", "    - continue-on-error: true\n      uses") + "        exit-code: 1\n",
        "'continue-on-error' lets",
    ),
    "a command": (run("trivy image --severity HIGH,CRITICAL example/web"), "unless 'exit-code' is above 0"),
    "a container": (run("docker run --rm aquasec/trivy:0.70.0 image example/web"), "unless 'exit-code'"),
    "over two lines": (run("trivy image \\\n          --exit-code=0 example/web"), "its exit code is set to 0"),
    "or true": (run("trivy image --exit-code 1 example/web || true"), "'|| true' hides"),
    "grype": (run("grype example/web -o table"), "'--fail-on'"),
    "the action of grype": (
        "    - uses: anchore/scan-action@v6\n      with: {image: example/web, fail-build: false}\n",
        "'fail-build' is false",
    ),
    "docker scout": (run("docker scout cves example/web"), "'--exit-code'"),
    "the action of docker scout": (
        "    - uses: docker/scout-action@v1\n      with: {command: cves, image: example/web}\n",
        "'exit-code' is true",
    ),
    "snyk, ignored": (
        "    - uses: snyk/actions/docker@v1\n      continue-on-error: true\n      with: {image: example/web}\n",
        "'continue-on-error' lets",
    ),
}


@pytest.mark.parametrize(("step", "says"), HARMLESS.values(), ids=HARMLESS)
def test_a_scan_that_can_stop_nothing_is_found_once(step: str, says: str, tmp_path: Path) -> None:
    """The line is that of the scan, and the reason is named."""
    text = GITHUB.format(steps=step)
    (one,) = judge(tmp_path, text)
    assert (one.severity, says in one.says) == ("warning", True), one.says
    assert any(word in text.splitlines()[one.line - 1] for word in ("uses:", "run:"))


GATES = {
    "trivy": TRIVY + "        exit-code: 1\n        severity: HIGH,CRITICAL\n",
    "a computed exit code": TRIVY + '        exit-code: "${{ inputs.code }}"\n',
    "settings of trivy": TRIVY + "        trivy-config: ci/trivy.yaml\n",
    "a variable": TRIVY + "      env: {TRIVY_EXIT_CODE: '1'}\n",
    "a report beside a gate": TRIVY + "        format: sarif\n" + TRIVY + "        exit-code: 1\n",
    "a command": run("sudo trivy --quiet image --exit-code 1 example/web"),
    "a command in if": run("if ! trivy image example/web; then echo bad; fi"),
    "a report that is read": run("trivy image --format json -o out.json example/web")
    + run("test $(jq '.Results | length' out.json) = 0"),
    "a step that is asked how it ended": TRIVY.replace(
        "- uses", "- id: scan\n      continue-on-error: true\n      uses"
    )
    + "        exit-code: 1\n"
    + run("exit 1").replace("- run", "- if: steps.scan.outcome == 'failure'\n      run"),
    "grype": run("grype example/web --fail-on high"),
    "the action of grype": "    - uses: anchore/scan-action@v6\n      with: {image: example/web}\n",
    "docker scout": run("docker scout cves --exit-code --only-severity critical,high example/web"),
    "snyk": "    - uses: snyk/actions/docker@v1\n      with: {image: example/web}\n",
    "wiz": run("./wizcli docker scan --image example/web"),
    "prisma": "    - uses: PaloAltoNetworks/prisma-cloud-scan@v1\n      with: {image_name: example/web}\n",
    "a workflow that is not here": "    - uses: ./.github/actions/trivy\n",
    "a script that is not here": run("./ci/scan-web.sh"),
    "amazon": run("aws ecr describe-image-scan-findings --repository-name web"),
}


@pytest.mark.parametrize("step", GATES.values(), ids=GATES)
def test_any_scan_that_may_stop_the_pipeline_is_enough(step: str, tmp_path: Path) -> None:
    """By its own exit, a setting that is elsewhere, or a script that looks at the report."""
    assert judge(tmp_path, GITHUB.format(steps=step)) == []


def test_settings_beside_the_pipeline_may_set_the_exit_code(tmp_path: Path) -> None:
    """Trivy and Grype read a file of settings by themselves."""
    text = GITHUB.format(steps=run("trivy image example/web"))
    assert judge(tmp_path, text, **{"trivy.yaml": "severity: [HIGH]\nexit-code: 1\n"}) == []
    (tmp_path / "trivy.yaml").unlink()
    assert judge(tmp_path, text, **{".grype.yaml": "fail-on-severity: high\n"}) == []
    assert len(judge(tmp_path, text, **{".grype.yaml": "only-fixed: true\n"})) == 1


def test_a_list_of_contents_or_a_scan_of_code_is_no_scan_of_the_image(tmp_path: Path) -> None:
    """Images are pushed that nothing has looked at; the line is that of the push."""
    others = (
        TRIVY + "        format: cyclonedx\n",
        TRIVY + "        scan-type: fs\n        exit-code: 1\n",
        run("trivy fs --exit-code 1 ."),
        run("grype dir:. --fail-on high"),
        CODE,
    )
    for step in others:
        text = GITHUB.format(steps=CODE + step)
        (one,) = judge(tmp_path, text)
        assert "is not the image" in one.says
        assert "docker push" in text.splitlines()[one.line - 1]


def test_an_image_that_is_not_pushed_needs_no_scan_here(tmp_path: Path) -> None:
    """It is built to see that it builds."""
    built = GITHUB.format(steps=CODE).replace("docker push", "docker inspect")
    action = CODE + "    - uses: docker/build-push-action@v6\n      with: {push: PUSH}\n"
    assert judge(tmp_path, built) == []
    assert judge(tmp_path, built + action.replace("PUSH", "false")) == []
    assert judge(tmp_path, built + action.replace("{push: PUSH}", "{load: true}")) == []
    assert len(judge(tmp_path, built + action.replace("PUSH", "true"))) == 1


def test_where_nothing_is_scanned_or_something_is_elsewhere_it_is_silent(tmp_path: Path) -> None:
    """The first is another rule's finding; of scripts and included files nothing is known."""
    bare = GITHUB.format(steps="")
    assert judge(tmp_path, bare) == []
    assert [one.rule for one in ci.check(read([tmp_path]))] == ["delivery/ci"]
    assert judge(tmp_path, GITHUB.format(steps=CODE + run("./scripts/after-build.sh"))) == []


def test_a_gitlab_pipeline_is_judged_by_its_jobs(tmp_path: Path) -> None:
    """A job that may fail stops nothing, nor does one that extends such a job."""
    gate = "trivy image --exit-code 1 example/web"

    def found(scan: str, more: str = "stage: test", rest: str = "") -> list[Finding]:
        return judge(tmp_path, GITLAB.format(scan=scan, more=more) + rest, ".gitlab-ci.yml")

    assert found(gate) == []
    assert [one.line for one in found("trivy image example/web")] == [7]
    assert "'allow_failure'" in found(gate, "allow_failure: true")[0].says
    assert found(gate, "allow_failure: {exit_codes: [99]}") == []
    assert "'allow_failure'" in found(gate, "extends: .soft", ".soft: {allow_failure: true}\n")[0].says
    assert found("trivy image example/web", "variables: {TRIVY_EXIT_CODE: '1'}") == []


def test_the_template_of_gitlab_lets_everything_pass_unless_it_is_overridden(tmp_path: Path) -> None:
    """Its job may fail, and does not."""
    text = "include:\n- template: Jobs/Container-Scanning.gitlab-ci.yml\nbuild:\n  script: [docker push example/web]\n"
    (one,) = judge(tmp_path, text, ".gitlab-ci.yml")
    assert (one.line, "GitLab's template" in one.says) == (2, True)
    own = "container_scanning:\n  allow_failure: false\n  script: [gtcs scan, test ! -s found.txt]\n"
    assert judge(tmp_path, text + own, ".gitlab-ci.yml") == []
