"""What every change must pass before it can be released."""

from typing import Final, Literal

from fairway.core.decision import Decision, Instead
from fairway.core.profile import Landscape, Profile
from fairway.core.wording import listed

Gate = Literal[
    "facts",
    "drift",
    "lint",
    "types",
    "tests",
    "secrets",
    "dependencies",
    "image",
    "signature",
    "openapi",
    "protobuf",
    "events",
    "migrations",
    "drills",
]
FOR_ALL: Final[dict[Gate, str]] = {
    "facts": "the facts and all files keep the standard",
    "drift": "what is committed is what the facts build",
    "lint": "the code is clean",
    "types": "its types agree",
    "tests": "its tests pass",
    "secrets": "no secret stands in it",
    "dependencies": "no dependency has a known fault",
    "image": "the image passes its scan",
    "signature": "the image is signed, with a list of what is in it",
}
FOR_SOME: Final[dict[Gate, tuple[str, str]]] = {
    "openapi": ("its REST interface breaks no caller", "it is exposed externally"),
    "protobuf": ("its gRPC interface breaks no caller", "other services call it"),
    "events": ("its events stay readable for their consumers", "it publishes events"),
    "migrations": ("its migrations run on a copy on which the old version still works", "it has a durable store"),
    "drills": ("its drills pass on a running system", "it is mission-critical"),
}
PROVIDERS: Final = {"github": "GitHub Actions", "gitlab": "GitLab CI"}


def gates(profile: Profile) -> Decision[tuple[Gate, ...]]:
    """Choose what a change of this service must pass, by who relies on what."""
    asked: dict[Gate, object] = {
        "openapi": profile.exposed,
        "protobuf": profile.grpc,
        "events": profile.facts.publishes,
        "migrations": profile.durable_stores,
        "drills": profile.facts.criticality == "mission-critical",
    }
    further = [gate for gate, wanted in asked.items() if wanted]
    return Decision(
        rule="delivery/ci",
        topic="gates",
        answer="the gates of every service"
        + (f", and further: {listed([FOR_SOME[gate][0] for gate in further])}" if further else ""),
        because=listed([FOR_SOME[gate][1] for gate in further])
        or "nobody relies on an interface, an event or a table of it",
        value=(*FOR_ALL, *further),
    )


def pipeline(landscape: Landscape) -> Decision[str]:
    """Choose where pipelines run, and what they ask of every change."""
    chosen = str(landscape.system.platform.ci)
    other = next(ci for ci in PROVIDERS if ci != chosen)
    declared = landscape.declared.platform.ci is not None
    return Decision(
        rule="delivery/ci",
        topic="pipeline",
        answer=f"{PROVIDERS[chosen]} releases a change when {listed(list(FOR_ALL.values()))}",
        because="the facts name it" if declared else "the facts name none, and it is the default",
        value=chosen,
        instead=(
            Instead(
                PROVIDERS[other], "one record of what was tested is enough" if declared else f"'ci: {other}' chooses it"
            ),
        ),
    )
