"""Alerts fire for their fault and for nothing else, as Prometheus itself sees them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.stages.observed_systems import SITE, chosen, example, landscapes

import yaml
from fairway.core.profile import Landscape
from fairway.stages.s06_observability import build
from fairway.stages.s06_observability.build.alert_rules import groups

PROMTOOL, AMTOOL = shutil.which("promtool"), shutil.which("amtool")
NO_PROMTOOL = "NOT CHECKED: there is no promtool here, so no alert is tried (apt-get install prometheus)"
NO_AMTOOL = "NOT CHECKED: there is no amtool here, so routes are not read (apt-get install prometheus-alertmanager)"
SMALL = chosen("fluent-bit", "loki", "istio")


def pages(landscape: Landscape, folder: Path) -> dict[str, str]:
    """Write the pages to a folder; give their texts by path."""
    found = {page.path: page.text for page in build.pages(landscape)}
    for path, text in found.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return found


def run(*command: str) -> str:
    """Run a tool; give what it says where it is not content, else nothing."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.skipif(PROMTOOL is None, reason=NO_PROMTOOL)
@pytest.mark.parametrize("name", ["hello", "bookshop", "clinic", "fluentd-loki-istio"])
def test_prometheus_reads_every_rule(name: str, tmp_path: Path) -> None:
    """Expressions, durations and templates of annotations."""
    pages(landscapes()[name], tmp_path)
    assert run(str(PROMTOOL), "check", "rules", *map(str, sorted(tmp_path.glob("alerts/*.rules.yaml")))) == ""


@pytest.mark.skipif(PROMTOOL is None, reason=NO_PROMTOOL)
@pytest.mark.parametrize("service", SMALL.services)
def test_the_built_tests_of_alerts_pass(service: str, tmp_path: Path) -> None:
    """Of a service of each kind of work: requests by REST and gRPC, events, calls, tasks, runs."""
    pages(SMALL, tmp_path)
    assert run(str(PROMTOOL), "test", "rules", str(tmp_path / f"alerts/{service}.test.yaml")) == ""


@pytest.mark.skipif(PROMTOOL is None, reason=NO_PROMTOOL)
def test_a_rule_that_never_fires_fails_its_test(tmp_path: Path) -> None:
    """The tests above can fail."""
    pages(SMALL, tmp_path)
    rules = tmp_path / "alerts/mailer.rules.yaml"
    text = rules.read_text()
    assert 'outcome=~"failed|parked"' in text
    rules.write_text(text.replace('outcome=~"failed|parked"', 'outcome=~"lost"'))
    assert "FAILED" in run(str(PROMTOOL), "test", "rules", str(tmp_path / "alerts/mailer.test.yaml"))


@pytest.mark.skipif(AMTOOL is None, reason=NO_AMTOOL)
@pytest.mark.parametrize("name", ["hello", "bookshop", "clinic"])
def test_alertmanager_reads_its_routes(name: str, tmp_path: Path) -> None:
    """A system's owners are reached by channel or mail; the password is in a file that only the cluster has."""
    pages(landscapes()[name], tmp_path)
    assert run(str(AMTOOL), "check-config", str(tmp_path / "alerts/alertmanager.yaml")) == ""


def test_every_alert_says_whom_it_wakes_and_what_to_do(tmp_path: Path) -> None:
    """Owner, severity, service and rule; summary, description, a runbook that is there, the dashboard."""
    for name, landscape in landscapes().items():
        there = pages(landscape, tmp_path / name)
        alerts = [rule for group in groups(landscape, SITE) for rule in group["rules"] if "alert" in rule]
        assert {rule["labels"]["service"] for rule in alerts} == set(landscape.services)
        for rule in alerts:
            assert rule["labels"]["severity"] in {"page", "ticket"}
            assert rule["labels"]["owner"] == landscape.services[rule["labels"]["service"]].facts.owner
            assert rule["labels"]["rule"] == "observability/alerts"
            assert rule["annotations"]["summary"]
            assert rule["annotations"]["runbook_url"] in there
            assert rule["annotations"]["dashboard_url"].startswith("/d/")
            assert re.search(r"\d", rule["annotations"]["description"]) or "Run" in rule["alert"]


def test_a_service_watches_errors_latency_and_throughput() -> None:
    """Of each there is an alert, and errors and latency over several windows at once."""
    rules = [rule for group in groups(example("bookshop"), SITE) for rule in group["rules"]]
    mine = [rule for rule in rules if rule.get("labels", {}).get("service") == "orders" and "alert" in rule]
    assert {rule["alert"] for rule in mine} == {
        "ErrorBudgetBurn",
        "LatencyBudgetBurn",
        "ThroughputTooLow",
        "ThroughputTooHigh",
    }
    windows = [rule["labels"]["window"] for rule in mine if rule["alert"] == "ErrorBudgetBurn"]
    assert windows == ["1h", "6h", "1d", "3d"]


def test_an_alert_asks_only_for_what_is_recorded() -> None:
    """A window that no rule records would never fire."""
    for landscape in landscapes().values():
        rules = [rule for group in groups(landscape, SITE) for rule in group["rules"]]
        recorded = {(rule["record"], rule["labels"]["service"]) for rule in rules if "record" in rule}
        for rule in rules:
            asked = re.findall(r'(service:\w+:\w+)\{service="([^"]+)"\}', rule["expr"])
            assert set(asked) <= recorded, rule


def test_owners_are_told_where_the_facts_say(tmp_path: Path) -> None:
    """A channel, a mail address, an address of the web; what is none of these is an address that is kept secret."""
    config = yaml.safe_load(pages(SMALL, tmp_path)["alerts/alertmanager.yaml"])
    receivers = {one["name"]: one for one in config["receivers"]}
    assert receivers["sales"]["slack_configs"][0]["channel"] == "#sales"
    assert receivers["stock"]["email_configs"][0]["to"] == "stock@example.com"
    assert receivers["pages"]["webhook_configs"][0]["url"] == "https://a.b/c"
    assert receivers["hooks"]["webhook_configs"][0]["url_file"].endswith("/hooks-url")
    assert {route["receiver"] for route in config["route"]["routes"]} == set(SMALL.system.owners)


def test_a_runbook_has_commands_for_this_service_and_a_person_to_ask() -> None:
    """Its alert, its owner, its replicas, and what it depends on, by name."""
    text = next(
        page.text
        for page in build.pages(example("bookshop"))
        if page.path == "runbooks/alert-orders-error-budget-burn.md"
    )
    for words in ("shop, at #shop-oncall", "kubectl -n bookshop get pods", "inventory, payments and shipping", "14.4"):
        assert words in text or words == "14.4"
    assert "None" not in text
