"""Containers: how the image is built and scanned, and what reaches it only when it runs."""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from fairway.core import programs
from fairway.core.conditions import CONFIGURED_AT_RUN_TIME, MESH, MESSAGING, SECRETS, SECURE_ENVIRONMENT
from fairway.core.decision import AnyDecision, Decision, Instead
from fairway.core.levels import IMAGE_GATE, Severity, image_level
from fairway.core.products import SECRETS_MANAGERS
from fairway.core.profile import Landscape, Profile
from fairway_sdk.contract import CONFIGURATION_FOLDER, SECRETS_FOLDER

MESH_PROXY: Final = "istio-proxy"
PYTHON: Final = "3.13"
USER: Final = 65532  # of no other program on the machine, and the one that distroless images bring
KEPT_OUT: Final = (
    ".git",
    ".venv",
    ".env*",
    "**/*.key",
    "**/*.pem",
    "**/__pycache__",
    "**/*.local.*",
    "tests",
    "Dockerfile",
)
REFRESH: Final = {"mission-critical": "1m", "standard": "15m", "low": "1h"}  # of secrets, by criticality
SIDECAR_CPU: Final = "50m"
SIDECAR_MEMORY: Final = "64Mi"


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """The name of an image, and the folder that it is built from."""

    repository: str
    tag: str
    folder: str


class ImageBuild(msgspec.Struct, frozen=True, kw_only=True):
    """How an image is put together."""

    python: str
    runtime: Literal["distroless", "slim"]
    user: int
    group: int


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """What stops the pipeline, and how often a released image is looked at again."""

    severities: tuple[Severity, ...]
    unfixed: bool  # whether a finding counts for which there is no fix yet
    days: int  # between scans of what runs
    environments: tuple[str, ...]  # the secure ones, which the scan guards
    tool: Literal["trivy"] = "trivy"
    contents: Literal["cyclonedx"] = "cyclonedx"  # form of the list of contents


SCANNED_AGAIN: Final = {"mission-critical": 1, "standard": 1, "low": 7}  # days between scans of what runs


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """Which secrets a service gets, from where, and how fresh they are."""

    manager: str
    declared: tuple[str, ...]
    stores: tuple[str, ...]  # whose credentials it gets
    broker: bool  # whether it gets the broker's
    folder: str
    refresh: str


class Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    """A program beside the service: an init container that goes on running."""

    name: str
    position: int  # in the start order, from 1; the service starts after all of them
    deferred: bool  # whether it is set up only after routing is settled
    cpu: str = SIDECAR_CPU
    memory: str = SIDECAR_MEMORY


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """How a service that is configured at run time finds its values."""

    folder: str
    schema: str  # file in the image that every value is checked against at the start
    on_change: Literal["roll"] = "roll"


def image(profile: Profile) -> Decision[Image]:
    """Name the image: one name and one version for all environments."""
    system = profile.system
    named = Image(
        repository=f"{system.platform.registry}/{system.system}/{profile.name}",
        tag=str(system.version),
        folder=str(profile.facts.code),
    )
    return Decision(
        rule="containers/docker",
        topic="image",
        answer=f"{named.repository}:{named.tag}, built from {named.folder}",
        because="one image with a fixed version goes through every environment",
        value=named,
        instead=(Instead("latest", "nobody could say what runs, or go back to what ran"),),
    )


def build(profile: Profile) -> Decision[ImageBuild]:
    """Choose the stages and the runtime of the image."""
    secure = SECURE_ENVIRONMENT(profile)
    base = f"distroless Python {PYTHON}" if secure.holds else f"slim Python {PYTHON}"
    return Decision(
        rule="containers/multi-stage",
        topic="image build",
        answer=f"two stages: dependencies are built in the first; the second is {base} and runs as user {USER}",
        because=secure.because if secure.holds else f"{secure.because}, and a shell helps to look inside",
        value=ImageBuild(python=PYTHON, runtime="distroless" if secure.holds else "slim", user=USER, group=USER),
        instead=(
            Instead("slim Python", "its shell and package manager are what intruders use and scanners find")
            if secure.holds
            else Instead("distroless Python", "it has no shell, which nothing here demands"),
            Instead("Alpine", "many Python packages must be compiled for its C library"),
        ),
    )


def contents() -> Decision[tuple[str, ...]]:
    """Choose what never enters the image; the same for every service."""
    return Decision(
        rule="containers/no-secrets-or-config",
        topic="contents",
        answer="code and locked dependencies only; keys, .env files, tests and local settings stay out",
        because="an image is copied, kept, and the same in every environment",
        value=KEPT_OUT,
        instead=(Instead("values as build arguments", "they stay readable in the image's history"),),
    )


def scan(profile: Profile) -> Decision[Scan] | None:
    """Choose what a scan stops; None where no environment is secure."""
    secure = SECURE_ENVIRONMENT(profile)
    if not secure.holds:
        return None
    level, words = image_level(profile)
    (severities, unfixed), days = IMAGE_GATE[level], SCANNED_AGAIN[level]
    kinds = " and ".join(severities).lower()
    return Decision(
        rule="containers/scan-in-ci",
        topic="scan",
        answer=(
            f"Trivy stops the pipeline before the push at {kinds} findings{'' if unfixed else ' that have a fix'}, "
            f"and looks again every {'day' if days == 1 else f'{days} days'}"
        ),
        because=f"{secure.because}, and {words}",
        value=Scan(
            severities=severities,
            unfixed=unfixed,
            days=days,
            environments=tuple(name for name, place in profile.system.environments.items() if place.secure),
        ),
        instead=(
            Instead("a scan after the release", "what it finds runs already"),
            Instead("Grype", "it finds as much, but does not read manifests, so a second tool would be needed"),
        ),
    )


def secrets(profile: Profile) -> Decision[Secrets] | None:
    """Choose how secrets reach the service; None where it uses none."""
    needed = SECRETS(profile)
    if not needed.holds:
        return None
    manager, refresh = str(profile.system.platform.secrets), REFRESH[profile.facts.criticality]
    asked = f"from {SECRETS_MANAGERS[manager]} every {refresh}"
    answer = f"files in {SECRETS_FOLDER}, {asked}, read again when they change"
    if programs.told_by_secret(profile):
        files = f"; declared secrets as files in {SECRETS_FOLDER}" if profile.facts.secrets else ""
        answer = f"a URL with the login in a variable for each store and the broker{files}; {asked}"
        answer += "" if profile.runs_to_completion else "; a new login replaces the replicas one by one"
    return Decision(
        rule="containers/secrets-manager",
        topic="secrets",
        answer=answer,
        because=f"{needed.because}, and its criticality is {profile.facts.criticality}"
        + ("; libraries of all languages look for such a variable" if programs.told_by_secret(profile) else ""),
        value=Secrets(
            manager=manager,
            declared=profile.facts.secrets,
            stores=tuple(store.name for store in profile.stores),
            broker=MESSAGING(profile).holds,
            folder=SECRETS_FOLDER,
            refresh=refresh,
        ),
        instead=(
            Instead("files", "a program that is not written for them would have to be changed")
            if programs.told_by_secret(profile)
            else Instead("environment variables", "they are fixed at the start and turn up in crash reports"),
            Instead("encrypted values in the repository", "changing one would take a release"),
        ),
    )


def sidecars(profile: Profile) -> Iterator[Decision[Sidecar]]:
    """Choose, for each program that runs beside the service, how and when it starts; the mesh's proxy is one."""
    meshed = MESH(profile)
    if meshed.holds:
        yield Decision(
            rule="containers/sidecars",
            topic="sidecar",
            subject=f"sidecar {MESH_PROXY}",
            answer=f"native sidecar, put in by Istio: starts first, stops after {profile.name}",
            because=meshed.because,
            value=Sidecar(name=MESH_PROXY, position=1, deferred=False),
            instead=(Instead("one proxy for each machine", "its failure would reach every service there"),),
        )
    for position, (name, state) in enumerate(profile.facts.sidecars.items(), start=2 if meshed.holds else 1):
        deferred = state == "deferred"
        start = "starts first" if position == 1 else f"starts as number {position}"
        yield Decision(
            rule="containers/sidecars",
            topic="sidecar",
            subject=f"sidecar {name}",
            answer=f"native sidecar: {start}, stops after {profile.name}"
            + ("; set up once routing is settled" if deferred else ""),
            because=f"it is declared {state}",
            value=Sidecar(name=name, position=position, deferred=deferred),
            instead=(
                Instead(
                    "a second ordinary container",
                    "it could start late and stop early"
                    + (", and would keep a finished job from ending" if profile.runs_to_completion else ""),
                ),
            ),
        )


def configuration(profile: Profile) -> Decision[Configuration] | None:
    """Choose how run-time configuration is read; None where there is none."""
    asked = CONFIGURED_AT_RUN_TIME(profile)
    if not asked.holds:
        return None
    return Decision(
        rule="containers/runtime-configuration",
        topic="configuration",
        answer=f"files in {CONFIGURATION_FOLDER}, checked against a schema at the start; a change rolls the replicas",
        because=f"{asked.because}, and a wrong value then stops one new replica and not all",
        value=Configuration(folder=CONFIGURATION_FOLDER, schema="configuration.schema.json"),
        instead=(
            Instead("an image for each environment", "what is tested would not be what is released"),
            Instead("reading changes in place", "a wrong value would reach every replica at once"),
        ),
    )


def registry(landscape: Landscape) -> Decision[str]:
    """Name where images are pushed; only the user can know."""
    used, declared = str(landscape.system.platform.registry), landscape.declared.platform.registry
    return Decision(
        rule="containers/docker",
        topic="registry",
        answer=declared or "Which registry are images pushed to?",
        because="the facts name it"
        if declared
        else f"none is declared; until then images are named under {used}, where nobody can push",
        value=used,
        state="decided" if declared else "unanswered",
    )


def secrets_manager(landscape: Landscape) -> Decision[str] | None:
    """Choose what keeps secrets; None where no service uses any."""
    if not any(SECRETS(profile).holds for profile in landscape.services.values()):
        return None
    chosen = str(landscape.system.platform.secrets)
    assumed = "it runs in any cloud and in none" if chosen == "vault" else "all regions are on its cloud"
    declared = landscape.declared.platform.secrets
    return Decision(
        rule="containers/secrets-manager",
        topic="secrets manager",
        answer=SECRETS_MANAGERS[chosen],
        because="the facts name it" if declared else f"none is declared, and {assumed}",
        value=chosen,
        instead=(
            Instead("a cloud's own manager", "it ties every service to that cloud")
            if chosen == "vault"
            else Instead("Vault", "the cloud's own manager needs no servers"),
        ),
    )


def for_service(profile: Profile, landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide everything that containers asks of one service."""
    del landscape
    made = image(profile), build(profile), scan(profile), secrets(profile), configuration(profile)
    yield from filter(None, made)
    yield from sidecars(profile)


def for_system(landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide what is the same for all images, and where they and secrets are kept."""
    yield from filter(None, (registry(landscape), contents(), secrets_manager(landscape)))
