"""Rules of Prometheus wherever an estate keeps them: what is recorded, what alerts, and what an alert is about."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

import msgspec

from fairway.estate.node import Node
from fairway.estate.resource import Resource
from fairway.yaml.reader import Mapping as Written
from fairway.yaml.reader import Sequence, Value, read_document

About = Literal["errors", "latency", "throughput"]
ABOUT: Final[tuple[About, ...]] = ("errors", "latency", "throughput")

RULE_KINDS: Final = {
    "PrometheusRule": ("monitoring.coreos.com", "azmonitoring.coreos.com"),
    "VMRule": ("operator.victoriametrics.com",),
    "Rules": ("monitoring.googleapis.com",),
    "ClusterRules": ("monitoring.googleapis.com",),
}
OWNERS: Final = frozenset({"owner", "owners", "team", "squad", "oncall", "on_call"})
RUNBOOKS: Final = frozenset({"runbook", "runbook_url", "runbook_link", "playbook", "playbook_url"})
DEEPEST: Final = 8  # recordings of recordings

_RECORDED = re.compile(r"(?<![\w:\"])[A-Za-z_]\w*(?::\w*)+")
_TEXT = re.compile(r'"[^"]*"')
_SELECTED = re.compile(r"([A-Za-z_:][\w:]*)\s*(?:\{([^}]*)\})?")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+xx")
_BAD_MATCHER = re.compile(r'(?:status|code|outcome|result|response_flags|class)\w*\s*(?:=|=~|!~|!=)\s*"', re.IGNORECASE)
_RATE = re.compile(r"\b(?:rate|irate|increase|delta|count_over_time|sum_over_time)\s*\(|:i?rate\d|:increase\d")
_SLOW = re.compile(r"histogram_quantile|_bucket\b|quantile\s*=|_sum\b.*/.*_count\b", re.DOTALL)
_BARE_RATIO = re.compile(r"\)\s*/\s*|\}\s*/\s*")
_ERROR_WORDS: Final = frozenset(
    {"error", "errors", "failed", "fail", "failing", "failure", "failures", "5xx", "faults"}
)
_SLOW_WORDS: Final = frozenset({"latency", "slow", "slowness", "duration", "delay", "p99", "p95"})
_PLAIN_RATE_WORDS: Final = frozenset({"throughput", "rps", "qps"})  # of nothing else
_RATE_WORDS: Final = frozenset({"throughput", "traffic", "rps", "qps", "requests", "silence", "load"})


class AlertRule(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A rule that alerts, and the object that holds it."""

    name: str
    expression: str
    labels: frozenset[str]
    annotations: frozenset[str]
    service: str  # the label of this name; empty where it is none, or a template
    resource: Resource
    node: Node  # the rule, or the object where the rule is inside of a text


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """All rules of an estate."""

    alerts: tuple[AlertRule, ...]
    recorded: Mapping[str, str]  # name of what is recorded: its expression
    holders: tuple[Resource, ...]  # the objects with rules


def rules(resources: Iterable[Resource]) -> Rules:
    """Read the rules of all objects; a text that is no rule file has none."""
    alerts: list[AlertRule] = []
    recorded: dict[str, str] = {}
    holders: dict[Resource, None] = {}
    for resource in resources:
        for node, rule in _written(resource):
            expression = _said(rule, "expr")
            if name := _said(rule, "record"):
                recorded[name] = expression
            elif name := _said(rule, "alert"):
                alerts.append(
                    AlertRule(
                        name=name,
                        expression=expression,
                        labels=_keys(rule, "labels"),
                        annotations=_keys(rule, "annotations"),
                        service=_service(rule),
                        resource=resource,
                        node=node,
                    )
                )
            else:
                continue
            holders[resource] = None
    return Rules(alerts=tuple(alerts), recorded=recorded, holders=tuple(holders))


def about(alert: AlertRule, recorded: Mapping[str, str]) -> frozenset[About]:
    """Tell what an alert watches, by its name and by what it asks; of what is recorded, by what that asks."""
    words = {word.lower() for word in _WORDS.findall(alert.name)}
    if words & _PLAIN_RATE_WORDS and not words & (_ERROR_WORDS | _SLOW_WORDS):
        return frozenset({"throughput"})  # whatever it counts: what was handled in time and without an error, too
    whole = _whole(alert.expression, recorded)
    found: set[About] = set()
    if words & _ERROR_WORDS or _BAD_MATCHER.search(whole) or _names(whole) & _ERROR_WORDS:
        found.add("errors")
    if words & _SLOW_WORDS or _SLOW.search(whole) or "slow" in _names(whole):
        found.add("latency")
    by_name = bool(words & _RATE_WORDS) and not found
    if by_name or (not found and _RATE.search(whole) and _names(whole) & {"requests", "request", "work", "messages"}):
        found.add("throughput")
    return frozenset(found)


def unrecorded(expression: str, recorded: Mapping[str, str]) -> tuple[str, ...]:
    """Name what an expression asks for by the name of a recording that no rule makes."""
    asked = _RECORDED.findall(_TEXT.sub('""', expression))
    return tuple(dict.fromkeys(name for name in asked if name not in recorded))


def _whole(expression: str, recorded: Mapping[str, str]) -> str:
    """Add to an expression those of the recordings that it rests on."""
    parts, waiting, known = [expression], [expression], set[str]()
    for _ in range(DEEPEST):
        names = {name for text in waiting for name in _RECORDED.findall(_TEXT.sub('""', text))} - known
        known |= names
        waiting = [recorded[name] for name in sorted(names) if name in recorded]
        if not waiting:
            break
        parts += waiting
    return "\n".join(parts)


def _names(expression: str) -> set[str]:
    """Give the words of the names in an expression, without what stands in quotes."""
    bare = _TEXT.sub('""', expression)
    return {word for name, _ in _SELECTED.findall(bare) for word in re.split(r"[_:]", name.lower())}


def _written(resource: Resource) -> Iterator[tuple[Node, Mapping[str, Value]]]:
    if resource.group in RULE_KINDS.get(resource.kind, ()):
        for group in resource.spec.items("groups"):
            for rule in group.items("rules"):
                yield rule, rule.value
    elif resource.kind == "ConfigMap" and resource.core:
        data = resource.root.mapping("data")
        for key, text in data.value.items():
            if isinstance(text, str) and "groups:" in text and ("alert:" in text or "record:" in text):
                yield from ((data, rule) for rule in _inside(text, resource.file, key))


def _inside(text: str, file: str, key: str) -> Iterator[Mapping[str, Value]]:
    """Read a rule file that stands in a text; what does not read as one is none."""
    document, _ = read_document(text, f"{file} ({key})")
    groups = document.value.get("groups") if isinstance(document.value, Written) else None
    for group in groups if isinstance(groups, Sequence) else ():
        listed = group.get("rules") if isinstance(group, Written) else None
        for rule in listed if isinstance(listed, Sequence) else ():
            if isinstance(rule, Written):
                yield rule


def _said(rule: Mapping[str, Value], key: str) -> str:
    value = rule.get(key)
    return value if isinstance(value, str) else ""


def _service(rule: Mapping[str, Value]) -> str:
    labels = rule.get("labels")
    said = labels.get("service") if isinstance(labels, Written) else ""
    return said if isinstance(said, str) and "{{" not in said else ""


def _keys(rule: Mapping[str, Value], key: str) -> frozenset[str]:
    value = rule.get(key)
    return frozenset(map(str, value)) if isinstance(value, Written) else frozenset()
