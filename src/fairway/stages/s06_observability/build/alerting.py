"""The rules of each service as an object of the operator; as a file, with its tests, for promtool."""

from collections.abc import Iterator
from typing import Final

from fairway.core.artefact import Manifest, Page
from fairway.core.profile import Landscape
from fairway.stages.s06_observability.build import placing, receivers
from fairway.stages.s06_observability.build.alert_rules import groups_of
from fairway.stages.s06_observability.build.rule_tests import tests
from fairway.stages.s06_observability.decisions import alerts
from fairway.yaml.writer import write_document

RULE: Final = "alerts"
TRY: Final = "Run: promtool test rules alerts/*.test.yaml"


def manifests(landscape: Landscape) -> Iterator[Manifest]:
    """Build the rules of every service."""
    for name, profile in landscape.services.items():
        if not groups_of(profile, landscape):
            continue
        topic = "alert on runs" if profile.runs_to_completion else alerts.alert_on_errors(profile).topic
        obj = {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": placing.described(landscape, name),
            "spec": {"groups": groups_of(profile, landscape)},
        }
        yield placing.manifest(RULE, topic, f"prometheusrule-{name}", obj, name)


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write the same rules as files of Prometheus, tests of each, and the routes as a file of Alertmanager."""
    for name, profile in landscape.services.items():
        if not groups_of(profile, landscape):
            continue
        rules = f"{name}.rules.yaml"
        text = write_document({"groups": groups_of(profile, landscape)})
        yield Page(path=f"alerts/{rules}", text=text, rule=f"observability/{RULE}", service=name)
        text = write_document(tests(profile, landscape, rules), comment=TRY)
        yield Page(path=f"alerts/{name}.test.yaml", text=text, rule=f"observability/{RULE}", service=name)
    text = write_document(receivers.plain(landscape), comment="Run: amtool check-config alerts/alertmanager.yaml")
    yield Page(path="alerts/alertmanager.yaml", text=text, rule=f"observability/{RULE}")
