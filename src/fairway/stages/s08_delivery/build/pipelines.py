"""Pipelines: what every change must pass, for GitHub Actions or GitLab CI, and how they are put to work."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from fairway.core.artefact import Page
from fairway.core.profile import Landscape, Profile
from fairway.stages.s08_delivery.build import github, gitlab
from fairway.stages.s08_delivery.build.commands import in_python, interface, written_interface
from fairway.stages.s08_delivery.decisions.pipeline import FOR_SOME, pipeline

RULE: Final = "delivery/ci"
FILES: Final = {"github": "pipelines/github-actions.yaml", "gitlab": "pipelines/gitlab-ci.yaml"}
WRITERS: Final[dict[str, Callable[[Landscape], str]]] = {"github": github.workflow, "gitlab": gitlab.pipeline}
SETUP: Final = {
    "github": """GitHub reads pipelines from one folder only:

    mkdir -p .github/workflows && cp deploy/pipelines/github-actions.yaml .github/workflows/fairway.yaml

The pipeline fails where the copy is not what `fairway build` wrote. It needs secrets of the repository: to push images
`REGISTRY_USER` and `REGISTRY_PASSWORD`, to sign them `COSIGN_PRIVATE_KEY` and `COSIGN_PASSWORD`. Protect the branches
`main` and `released`.""",
    "gitlab": """Put this into .gitlab-ci.yml:

    include:
      - local: deploy/pipelines/gitlab-ci.yaml

It needs protected variables: to push images `REGISTRY_USER` and `REGISTRY_PASSWORD`, to sign them `COSIGN_PRIVATE_KEY`
and `COSIGN_PASSWORD`, to move the branch `released` a project token in `RELEASE_TOKEN`. Protect `main` and `released`.
Jobs `image` and `push` need a runner that may run docker:dind.""",
}


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write the pipeline of the provider that was chosen, and what to do once."""
    decided = pipeline(landscape)
    yield Page(path=FILES[decided.value], rule=decided.rule, text=WRITERS[decided.value](landscape))
    yield Page(path="pipelines/README.md", rule=decided.rule, text=_readme(landscape, decided.value))


def _readme(landscape: Landscape, provider: str) -> str:
    others = [p.name for p in landscape.services.values() if not in_python(p)]
    theirs = (
        f"\n{', '.join(others)}: not Python. Node runs its own tests; a Dockerfile of yours has a stage `test` that "
        "runs them. Lint and types are the business of what runs the tests.\n"
        if others
        else ""
    )
    return f"""# The pipeline

{SETUP[provider]}

tools/ holds the wheel of Fairway: `pip wheel --no-deps --wheel-dir tools PATH-OF-FAIRWAY`. wheels/ and each service's
requirements.txt are as containers/README.md says.

## What a change passes

1. The tree in deploy/ is what the facts give (`fairway build --check`), and keeps the standard (`fairway check`).
2. Lint, types and tests of each service; secrets and dependencies of the whole repository.
3. The image of each service is built and scanned; a fault of high or critical severity that has a fix stops it.
   A list of what is in it is kept.
4. On `main` alone: images of a new version are pushed and signed, and then the branch `released` moves to the change.
   Argo CD deploys what is there, so nothing is deployed before its image is in place.

## What releases code

Every image carries the system's `version`, and what carries a version never changes. Changes of code gather on `main`;
a change that raises `version` in fairway.yaml, with the tree that `fairway build` gives then, releases them. Where a
push was broken off before the image was signed, remove that tag from the registry and run the job again.
{_interfaces(landscape)}{theirs}
## What it does not show

{_not_shown(landscape)}"""


def _interfaces(landscape: Landscape) -> str:
    """Say how the public interfaces are agreed on, where there are some."""
    written = [written_interface(profile) for profile in landscape.services.values() if interface(profile)]
    if not written:
        return ""
    lines = "\n".join(f"    ({command})" for command in written)
    return f"""
## What callers outside rely on

Each public interface is written down and committed; a change of it fails until it is written anew, so whoever reviews
it sees in the file itself whether it breaks a caller:

{lines}
"""


def _not_shown(landscape: Landscape) -> str:
    """Name the gates that no command of this pipeline stands for."""
    asked: dict[str, Callable[[Profile], Any]] = {
        "protobuf": lambda p: p.grpc,
        "events": lambda p: p.facts.publishes,
        "migrations": lambda p: p.durable_stores,
        "drills": lambda p: p.facts.criticality == "mission-critical",
    }
    lines = [
        f"- {gate[0].upper()}{gate[1:]}: {', '.join(names)}"
        for key, wants in asked.items()
        if (names := [name for name, profile in landscape.services.items() if wants(profile)])
        for gate in (FOR_SOME[key][0],)  # type: ignore[index] # the keys are gates
    ]
    if not lines:
        return "Nothing that was decided is left out.\n"
    return (
        "These gates were decided, and are the tests' own business: the pipeline runs them where they are tests.\n\n"
        + ("\n".join(lines) + "\n")
    )
