"""The rules of each service as an object of the operator; as a file, with its tests, for promtool."""

from collections.abc import Iterator
from typing import Final

from fairway.core.artefact import Manifest, Page
from fairway.core.once import once
from fairway.core.profile import Landscape
from fairway.stages.s06_observability.build import placing, receivers
from fairway.stages.s06_observability.build.alert_rules import grouped
from fairway.stages.s06_observability.build.rule_tests import tests
from fairway.stages.s06_observability.decisions import alerts
from fairway.yaml.writer import write_document

RULE: Final = "alerts"
TRY: Final = "Run: promtool test rules alerts/*.test.yaml"


@once
def manifests(landscape: Landscape) -> Iterator[Manifest]:
    """Build the rules of every service."""
    for profile, groups in grouped(landscape):
        if not groups:
            continue
        topic = "alert on runs" if profile.runs_to_completion else alerts.alert_on_errors(profile).topic
        obj = {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": placing.described(landscape, profile.name),
            "spec": {"groups": groups},
        }
        yield placing.manifest(RULE, topic, f"prometheusrule-{profile.name}", obj, profile.name)


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write the same rules as files of Prometheus, tests of each, and the routes as a file of Alertmanager."""
    for profile, groups in grouped(landscape):
        if not groups:
            continue
        name = profile.name
        rules = f"{name}.rules.yaml"
        text = write_document({"groups": groups})
        yield Page(path=f"alerts/{rules}", text=text, rule=f"observability/{RULE}", service=name)
        text = write_document(tests(profile, landscape, rules), comment=TRY)
        yield Page(path=f"alerts/{name}.test.yaml", text=text, rule=f"observability/{RULE}", service=name)
    text = write_document(receivers.plain(landscape), comment="Run: amtool check-config alerts/alertmanager.yaml")
    yield Page(path="alerts/alertmanager.yaml", text=text, rule=f"observability/{RULE}")
