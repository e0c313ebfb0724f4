"""The pipeline as a workflow of GitHub Actions: each action by its commit, each job with the rights it needs."""

from typing import Any, Final

from fairway.core.profile import Landscape
from fairway.stages.s08_delivery.build import commands
from fairway.yaml.writer import write_document

# The commit of each action, and the version that it is; a tag can be moved, a commit cannot.
ACTIONS: Final = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "aquasecurity/trivy-action": ("ed142fd0673e97e23eac54620cfb913e5ce36c25", "v0.36.0"),
    "docker/login-action": ("4907a6ddec9925e35a0a9e82d7399ccc52663121", "v4.1.0"),
    "docker/setup-buildx-action": ("37fe631027851001ddb9b187196cc803df7f5f0e", "v4.3.0"),
    "github/codeql-action/upload-sarif": ("8aad20d150bbac5944a9f9d289da16a4b0d87c1e", "v4.36.2"),
    "sigstore/cosign-installer": ("6f9f17788090df1f26f669e9d70d6ae9567deba6", "v4.1.2"),
}
ON_MAIN: Final = "github.ref == 'refs/heads/main' && github.event_name == 'push'"
RUNNER: Final = "ubuntu-24.04"
COPY: Final = "cmp deploy/pipelines/github-actions.yaml .github/workflows/fairway.yaml"
SIGNING: Final = {name: f"${{{{ secrets.{name} }}}}" for name in ("COSIGN_PASSWORD", "COSIGN_PRIVATE_KEY")}
Step = dict[str, Any]
Job = dict[str, Any]


def workflow(landscape: Landscape) -> str:
    """Write the workflow; the version of each action stands behind its commit."""
    jobs = {"standard": _standard(), "repository": _repository()}
    if commands.pythons(landscape):
        jobs["service"] = _service(landscape)
    if tests := commands.others_tests(landscape):
        steps = [_run(f"Tests of {name}", command) for name, command in tests.items()]
        jobs["program"] = _job([_checkout(), *steps])
    jobs["image"] = _image(landscape, [*jobs])
    jobs["release"] = _release([*jobs])
    written = write_document(
        {
            "name": "fairway",
            "on": {"pull_request": {}, "push": {"branches": ["main"]}},
            "permissions": {"contents": "read"},
            "concurrency": {
                "group": "${{ github.workflow }}-${{ github.ref }}",
                "cancel-in-progress": "${{ github.event_name == 'pull_request' }}",
            },
            "jobs": jobs,
        },
        comment="Built by fairway from the facts; README.md beside it says where this belongs.",
    )
    return "".join(_versioned(line) for line in written.splitlines(keepends=True))


def _versioned(line: str) -> str:
    """Say behind a commit which version it is."""
    for commit, version in ACTIONS.values():
        if commit in line:
            return f"{line.rstrip()} # {version}\n"
    return line


def _standard() -> Job:
    sarif = {
        "name": "Show what was found",
        "if": "always() && hashFiles('fairway.sarif') != ''",
        **_uses("github/codeql-action/upload-sarif", {"sarif_file": "fairway.sarif", "category": "fairway"}),
    }
    return _job(
        [
            *_python(),
            _run("Install Fairway", commands.FAIRWAY),
            _run("The pipeline is the built one", COPY),
            _run("The tree is what the facts give", commands.BUILT),
            _run("All files keep the standard", commands.AUDITED),
            sarif,
        ],
        permissions={"contents": "read", "security-events": "write"},
    )


def _repository() -> Job:
    """Look for secrets and for dependencies with known faults in everything that is committed."""
    looked = {
        "scan-type": "fs",
        "scanners": "vuln,secret",
        "severity": commands.FAILING,
        "ignore-unfixed": True,
        "exit-code": "1",
        "version": f"v{commands.TRIVY}",
    }
    return _job(
        [_checkout(), {"name": "Scan for secrets and known faults", **_uses("aquasecurity/trivy-action", looked)}]
    )


def _service(landscape: Landscape) -> Job:
    """Lint, check and test each service by itself."""
    services = commands.pythons(landscape)
    folder = "${{ matrix.folder }}"
    entries = [
        {"service": profile.name, "folder": str(profile.facts.code), "interface": commands.interface(profile) or ""}
        for profile in services
    ]
    env = {"FOLDER": folder}
    quoted = '"$FOLDER"'
    steps = [*_python(), {**_run("Install", "\n".join(commands.install(quoted))), "env": env}]
    steps += [{**_run(name, command), "env": env} for name, command in commands.judge(quoted).items()]
    if any(entry["interface"] for entry in entries):
        compare = _run("The interface is the agreed one", "${{ matrix.interface }}")
        steps.append({**compare, "if": "matrix.interface != ''"})
    return {"strategy": {"fail-fast": False, "matrix": {"include": entries}}, **_job(steps)}


def _image(landscape: Landscape, needs: list[str]) -> Job:
    """Build, scan and list each image; push and sign it where the change is on main."""
    bringing = commands.brings_dockerfile(landscape)
    entries = [
        {
            "service": name,
            **({"folder": str(profile.facts.code)} if bringing else {}),
            "image": commands.image(landscape, name),
        }
        for name, profile in landscape.services.items()
    ]
    image = "${{ matrix.image }}"
    env = {"IMAGE": image, "SERVICE": "${{ matrix.service }}"}
    scanned = {
        "image-ref": image,
        "severity": commands.FAILING,
        "ignore-unfixed": True,
        "exit-code": "1",
        "version": f"v{commands.TRIVY}",
    }
    contents = {"image-ref": image, "format": "cyclonedx", "output": "sbom.json", "version": f"v{commands.TRIVY}"}
    login = {
        "registry": commands.registry_host(landscape),
        "username": "${{ secrets.REGISTRY_USER }}",
        "password": "${{ secrets.REGISTRY_PASSWORD }}",
    }
    where = env | ({"CODE": "${{ matrix.folder }}"} if bringing else {})
    sign = [
        *commands.push(),
        'cosign sign --yes --key env://COSIGN_PRIVATE_KEY "$digest"',
        'cosign attest --yes --key env://COSIGN_PRIVATE_KEY --type cyclonedx --predicate sbom.json "$digest"',
    ]
    steps = [
        _checkout(),
        _uses("docker/setup-buildx-action"),
        {**_run("Build", "\n".join(commands.build(landscape))), "env": where},
        {"name": "Scan the image", **_uses("aquasecurity/trivy-action", scanned)},
        {"name": "List what is in it", **_uses("aquasecurity/trivy-action", contents)},
        {"if": ON_MAIN, **_uses("sigstore/cosign-installer", {"cosign-release": commands.COSIGN})},
        {"if": ON_MAIN, **_uses("docker/login-action", login)},
        {"if": ON_MAIN, **_run("Push and sign a new version", "\n".join(sign)), "env": {**env, **SIGNING}},
    ]
    return {"strategy": {"matrix": {"include": entries}}, **_job(steps, needs=needs)}


def _release(needs: list[str]) -> Job:
    """Move the branch that Argo CD deploys; a change that is older than what is there is refused."""
    checkout = _uses("actions/checkout", {"fetch-depth": 0})
    move = _run("Move the branch that is deployed", "git push origin HEAD:refs/heads/released")
    return {"if": ON_MAIN, **_job([checkout, move], needs=needs, permissions={"contents": "write"})}


def _job(steps: list[Step], needs: list[str] | None = None, permissions: dict[str, str] | None = None) -> Job:
    return {
        **({"needs": needs} if needs else {}),
        "runs-on": RUNNER,
        "timeout-minutes": 30,
        **({"permissions": permissions} if permissions else {}),
        "steps": steps,
    }


def _checkout() -> Step:
    return _uses("actions/checkout", {"persist-credentials": False})


def _python() -> list[Step]:
    return [_checkout(), _uses("actions/setup-python", {"python-version": commands.PYTHON})]


def _uses(action: str, given: dict[str, Any] | None = None) -> Step:
    return {"uses": f"{action}@{ACTIONS[action][0]}", **({"with": given} if given else {})}


def _run(name: str, command: str) -> Step:
    return {"name": name, "run": command}
