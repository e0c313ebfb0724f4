"""Containers decide what is in an image, what stops it, and what reaches it only when it runs."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import msgspec
import pytest

from fairway.core.decision import AnyDecision
from fairway.core.facts import System
from fairway.core.profile import Landscape, survey
from fairway.stages.s02_containers import decisions
from fairway.stages.s02_containers.decisions import Configuration, Image, ImageBuild, Scan, Secrets, Sidecar
from fairway.stages.s02_containers.order import order


def system(**facts: object) -> Landscape:
    """Survey a system of these facts."""
    return survey(msgspec.convert({"system": "shop", **facts}, System))


def one(found: Iterable[AnyDecision], rule: str, topic: str, subject: str = "") -> AnyDecision:
    """Pick the only decision about one thing."""
    (decision,) = [d for d in found if (d.rule, d.topic, d.subject) == (rule, topic, subject)]
    return decision


def of(service: dict[str, Any], **facts: object) -> list[AnyDecision]:
    """Decide for one service, called a."""
    landscape = system(services={"a": service}, **facts)
    return list(decisions.for_service(landscape.services["a"], landscape))


def test_an_image_has_one_name_and_version_everywhere() -> None:
    """Registry, system and service name it."""
    made = one(of({"code": "src/a"}, version="1.4.0", platform={"registry": "r.example"}), "containers/docker", "image")
    assert made.value == Image(repository="r.example/shop/a", tag="1.4.0", folder="src/a")
    assert made.answer == "r.example/shop/a:1.4.0, built from src/a"


def test_the_registry_is_asked_for_until_it_is_named() -> None:
    """Only the user knows where images are pushed."""
    asked = one(decisions.for_system(system(services={"a": {}})), "containers/docker", "registry")
    assert (asked.state, asked.answer) == ("unanswered", "Which registry are images pushed to?")
    told = system(services={"a": {}}, platform={"registry": "r.example"})
    assert one(decisions.for_system(told), "containers/docker", "registry").value == "r.example"


@pytest.mark.parametrize(("secure", "runtime"), [(True, "distroless"), (False, "slim")])
def test_a_secure_environment_gets_images_without_a_shell(*, secure: bool, runtime: str) -> None:
    """Nobody is root in either."""
    made = one(of({}, environments={"live": {"secure": secure}}), "containers/multi-stage", "image build")
    assert made.value == ImageBuild(python="3.13", runtime=runtime, user=65532, group=65532)  # type: ignore[arg-type] # parametrised
    assert runtime in made.answer
    assert "65532" in made.answer


def test_keys_and_local_settings_stay_out_of_every_image() -> None:
    """The list is what the build ignores."""
    made = one(decisions.for_system(system(services={"a": {}})), "containers/no-secrets-or-config", "contents")
    assert {".env*", "**/*.key", "**/*.pem"} <= set(made.value)


@pytest.mark.parametrize(
    ("service", "severities", "unfixed", "days", "word"),
    [
        ({"criticality": "mission-critical"}, ("HIGH", "CRITICAL"), True, 1, "its criticality is mission-critical"),
        ({}, ("HIGH", "CRITICAL"), False, 1, "its criticality is standard"),
        ({"criticality": "low"}, ("CRITICAL",), False, 7, "its criticality is low"),
        ({"criticality": "low", "data": ["personal"]}, ("HIGH", "CRITICAL"), False, 1, "it handles personal data"),
        ({"criticality": "low", "data": ["regulated"]}, ("HIGH", "CRITICAL"), True, 1, "it handles regulated data"),
    ],
)
def test_what_a_scan_stops_follows_from_criticality_and_data(
    *, service: dict[str, Any], severities: tuple[Any, ...], unfixed: bool, days: int, word: str
) -> None:
    """The word that led to the figures is named."""
    made = one(of(service), "containers/scan-in-ci", "scan")
    assert made.value == Scan(severities=severities, unfixed=unfixed, days=days, environments=("production",))
    assert word in made.because
    assert ("that have a fix" in made.answer) is not unfixed


def test_nothing_is_scanned_where_no_environment_is_secure() -> None:
    """The rule does not apply there."""
    assert not [d for d in of({}, environments={"play": {"secure": False}}) if d.topic == "scan"]


@pytest.mark.parametrize(("criticality", "refresh"), [("mission-critical", "1m"), ("standard", "15m"), ("low", "1h")])
def test_secrets_are_files_and_as_fresh_as_the_service_is_critical(criticality: str, refresh: str) -> None:
    """Declared ones, and the credentials that stores and the broker imply."""
    made = one(
        of(
            {"secrets": ["key"], "stores": ["db"], "consumes": ["made"], "criticality": criticality},
            stores={"db": {"workload": "transactional"}},
            channels={"made": {}},
            platform={"secrets": "aws"},
        ),
        "containers/secrets-manager",
        "secrets",
    )
    assert made.value == Secrets(
        manager="aws",
        declared=("key",),
        stores=("db",),
        broker=True,
        folder="/etc/fairway/secrets",
        refresh=refresh,
    )
    assert f"from AWS Secrets Manager every {refresh}" in made.answer


def test_a_service_without_secrets_gets_none() -> None:
    """Neither it nor the system then needs a manager."""
    landscape = system(services={"a": {}})
    assert not [d for d in of({}) if d.topic == "secrets"]
    assert not [d for d in decisions.for_system(landscape) if d.topic == "secrets manager"]


@pytest.mark.parametrize(
    ("facts", "value", "because"),
    [
        ({"platform": {"secrets": "gcp"}}, "gcp", "the facts name it"),
        ({"regions": {"north": {"cloud": "azure"}}}, "azure", "none is declared, and all regions are on its cloud"),
        ({}, "vault", "none is declared, and it runs in any cloud and in none"),
    ],
)
def test_the_secrets_manager_is_declared_or_follows_from_the_cloud(
    facts: dict[str, Any], value: str, because: str
) -> None:
    """An assumed choice says what it follows from."""
    landscape = system(services={"a": {"secrets": ["key"]}}, **facts)
    made = one(decisions.for_system(landscape), "containers/secrets-manager", "secrets manager")
    assert (made.value, made.because) == (value, because)


def test_sidecars_start_in_order_and_say_whether_they_wait() -> None:
    """A deferred one is set up after routing."""
    made = of({"sidecars": {"proxy": "included", "tokens": "deferred"}})
    first = one(made, "containers/sidecars", "sidecar", "sidecar proxy")
    second = one(made, "containers/sidecars", "sidecar", "sidecar tokens")
    assert first.value == Sidecar(name="proxy", position=1, deferred=False)
    assert second.value == Sidecar(name="tokens", position=2, deferred=True)
    assert "once routing is settled" in second.answer
    assert "once routing is settled" not in first.answer
    assert second.because == "it is declared deferred"


def test_run_time_configuration_is_mounted_and_checked() -> None:
    """A service that is not configured at run time has none to decide."""
    made = one(of({"configured-at-run-time": True}), "containers/runtime-configuration", "configuration")
    assert made.value == Configuration(folder="/etc/fairway/config", schema="configuration.schema.json")
    assert not [d for d in of({}) if d.topic == "configuration"]


def test_secrets_come_before_the_workload_that_reads_them() -> None:
    """A service without secrets waits for none."""
    landscape = system(services={"a": {"secrets": ["key"]}, "b": {}})
    assert [(edge.first, edge.then) for edge in order(landscape)] == [
        ("platform", "secrets/a"),
        ("secrets/a", "workload/a"),
    ]


@pytest.mark.parametrize(
    ("rule", "service", "secure", "holds", "because"),
    [
        ("docker", {}, True, True, "it holds for every service"),
        ("multi_stage", {}, True, True, "it holds for every service"),
        ("no_secrets_or_config", {}, True, True, "it holds for every service"),
        ("scan_in_ci", {}, True, True, "production is a secure environment"),
        ("scan_in_ci", {}, False, False, "no environment is secure"),
        ("secrets_manager", {"secrets": ["key"]}, True, True, "it uses key at run time"),
        ("secrets_manager", {}, True, False, "it uses no secrets at run time"),
        ("sidecars", {"sidecars": {"proxy": "included"}}, True, True, "proxy runs beside it"),
        ("sidecars", {}, True, False, "no sidecar is declared, and the system has no mesh"),
        ("sidecars", {"traffic-needs": ["retries"]}, True, True, "the system has a mesh"),
        ("runtime_configuration", {"configured-at-run-time": True}, True, True, "it is configured at run time"),
        ("runtime_configuration", {}, True, False, "it is not configured at run time"),
    ],
)
def test_each_rule_applies_where_the_standard_says(
    *, rule: str, service: dict[str, Any], secure: bool, holds: bool, because: str
) -> None:
    """A rule that does not apply says why."""
    applies = import_module(f"fairway.stages.s02_containers.{rule}").RULE.applies
    landscape = system(services={"a": service}, environments={"production": {"secure": secure}})
    verdict = applies(landscape.services["a"])
    assert (verdict.holds, verdict.because) == (holds, because)


def test_the_proxy_of_a_mesh_is_a_sidecar_that_starts_first() -> None:
    """Declared ones follow it; without a mesh they stand alone."""

    def started(mesh: str) -> list[tuple[str, int]]:
        facts = {"system": "s", "platform": {"mesh": mesh}, "services": {"a": {"sidecars": {"agent": "included"}}}}
        profile = survey(msgspec.convert(facts, System)).services["a"]
        return [(made.value.name, made.value.position) for made in decisions.sidecars(profile)]

    assert started("istio") == [("istio-proxy", 1), ("agent", 2)]
    assert started("none") == [("agent", 1)]
