"""The pipelines' own commands, run by a shell: a gate fails when it should, and a version is pushed once."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.stages.test_s08_build import tree

import yaml

CHOICE = ("istio", "gateway-api", "kong", "canary")
INTERFACE = '{"openapi": "3.1.0"}\n'
FAKES = {
    "docker": """#!/bin/sh
echo "docker $*" >> "$DONE"
case "$1" in
  manifest) echo "$ANSWER" >&2; exit "$CODE" ;;
  inspect) echo registry.example.com/web@sha256:1 ;;
esac
""",
    "cosign": '#!/bin/sh\necho "cosign $*" >> "$DONE"\n',
    "python": f"#!/bin/sh\ncat <<'EOF'\n{INTERFACE}EOF\n",
}


def steps(ci: str) -> list[str]:
    """Give what pushes an image, as the pipeline writes it."""
    name = {"github": "github-actions", "gitlab": "gitlab-ci"}[ci]
    told: dict[str, Any] = yaml.safe_load(tree(*CHOICE, ci)[f"pipelines/{name}.yaml"])
    if ci == "gitlab":
        return list(told["push"]["script"])
    [found] = [one for one in told["jobs"]["image"]["steps"] if "Push" in one.get("name", "")]
    return [found["run"]]


def run(script: str, folder: Path, answer: str = "", code: int = 0) -> tuple[int, str, str]:
    """Run a script beside stand-ins of what it calls: its code, what it says, and what it called."""
    for name, text in FAKES.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    done = folder / "done"
    done.write_text("")
    (folder / "web-sbom.json").write_text("{}")
    told = {"DONE": str(done), "ANSWER": answer, "CODE": str(code), "IMAGE": "registry.example.com/web:1.0.0"}
    path = f"{folder}:{os.environ['PATH']}"
    words = ["sh", "-ec", script]
    ended = subprocess.run(
        words, cwd=folder, env=told | {"PATH": path, "SERVICE": "web"}, capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout, done.read_text()


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_a_new_version_is_pushed_signed_and_attested(ci: str, tmp_path: Path) -> None:
    """By the digest that the registry gave it."""
    code, _, called = run("\n".join(steps(ci)), tmp_path, "no such manifest: registry.example.com/web:1.0.0", 1)
    assert code == 0
    assert "docker push registry.example.com/web:1.0.0" in called
    for verb in ("sign", "attest"):
        assert [line for line in called.splitlines() if f" {verb} " in line and "@sha256:1" in line]


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_what_carries_a_version_never_changes(ci: str, tmp_path: Path) -> None:
    """Replicas that start anew would meet other code, at no step of a release."""
    code, said, called = run("\n".join(steps(ci)), tmp_path, "{}", 0)
    assert code == 0
    assert "registry.example.com/web:1.0.0 is there and stays as it is" in said
    assert "docker push" not in called
    assert " sign " not in called


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_a_registry_that_does_not_answer_is_no_new_version(ci: str, tmp_path: Path) -> None:
    """The job fails and says why."""
    code, said, called = run("\n".join(steps(ci)), tmp_path, "dial tcp: i/o timeout", 1)
    assert code == 1
    assert "i/o timeout" in said
    assert "docker push" not in called


def test_an_interface_that_nobody_wrote_down_is_asked_for_by_the_command_that_writes_it(tmp_path: Path) -> None:
    """Then the gate passes; and fails again when the interface is another one."""
    told = yaml.safe_load(tree(*CHOICE)["pipelines/github-actions.yaml"])
    entries = told["jobs"]["service"]["strategy"]["matrix"]["include"]
    gate = next(one["interface"] for one in entries if one["service"] == "web")
    folder = tmp_path / "services" / "web"
    folder.mkdir(parents=True)
    code, said, _ = run(gate, tmp_path)
    assert code == 1
    assert "services/web/openapi.json is missing" in said
    assert run(said.partition("commit it: ")[2], tmp_path)[0] == 0
    assert (folder / "openapi.json").read_text() == INTERFACE
    assert run(gate, tmp_path)[0] == 0
    (folder / "openapi.json").write_text("{}\n")
    assert run(gate, tmp_path)[0] == 1
    assert "openapi.json" in tree(*CHOICE)["pipelines/README.md"]
