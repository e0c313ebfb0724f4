"""Dashboards of Grafana wherever an estate keeps them, and what their panels ask."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import msgspec

from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource

LABELS: Final = ("grafana_dashboard", "grafana-dashboard", "grafana.com/dashboard")
GROUPS: Final = ("grafana.integreatly.org", "integreatly.org")
DEEPEST: Final = 6  # rows inside of rows


class Dashboard(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One dashboard: its text, and the key that holds it."""

    resource: Resource
    node: Node
    key: str
    text: str
    document: dict[str, Any] | None  # None where the text is no dashboard

    @property
    def general(self) -> bool:
        """Tell whether it shows any service that is chosen from a list."""
        templating = self.document.get("templating") if self.document else None
        return bool(templating.get("list")) if isinstance(templating, dict) else False

    def queries(self) -> Iterator[str]:
        """Give what its panels ask of Prometheus."""
        if self.document is not None:
            yield from _queries(self.document.get("panels"), 0)
            rows = self.document.get("rows")
            for row in rows if isinstance(rows, list) else ():
                yield from _queries(row.get("panels") if isinstance(row, dict) else None, 0)


def dashboards(estate: Estate) -> Iterator[Dashboard]:
    """Read the dashboards: objects of the operator that hold one, ConfigMaps by label or by content."""
    for resource in estate.of_kind("GrafanaDashboard", *GROUPS):
        if text := resource.spec.text("json"):
            yield _dashboard(resource, resource.spec, "json", text)
    for resource in estate.of_kind("ConfigMap", ""):
        data = resource.root.mapping("data")
        labelled = any(label in resource.labels for label in LABELS)
        for key, value in data.value.items():
            if isinstance(value, str) and key.endswith(".json") and (labelled or _drawn(value)):
                yield _dashboard(resource, data, key, value)


def _drawn(text: str) -> bool:
    return '"panels"' in text or '"rows"' in text


def _dashboard(resource: Resource, node: Node, key: str, text: str) -> Dashboard:
    document: object = None
    with suppress(msgspec.DecodeError):
        document = msgspec.json.decode(text)
    if isinstance(document, dict) and isinstance(document.get("dashboard"), dict):
        document = document["dashboard"]  # as Grafana's API takes it
    known = document if isinstance(document, dict) else None
    return Dashboard(resource=resource, node=node, key=key, text=text, document=known)


def _queries(panels: object, depth: int) -> Iterator[str]:
    for panel in panels if isinstance(panels, list) and depth < DEEPEST else ():
        if not isinstance(panel, dict):
            continue
        targets = panel.get("targets")
        for target in targets if isinstance(targets, list) else ():
            if isinstance(target, dict) and isinstance(target.get("expr"), str):
                yield target["expr"]
        yield from _queries(panel.get("panels"), depth + 1)
