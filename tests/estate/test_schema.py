"""What the schemas of built-in kinds say of an object."""

import datetime as dt
from copy import deepcopy
from typing import Any

import pytest

from fairway.estate.schema import Verdict, known, problems
from fairway.yaml.reader import read_documents

Object = dict[str, Any]

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders}
spec:
  replicas: 3
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec:
      containers:
        - name: orders
          image: registry.example.com/orders:1.0
          ports: [{containerPort: 8080}]
          env: [{name: MODE, value: fast}]
          resources: {limits: {cpu: 1}}
"""
CONTAINER = ("spec", "template", "spec", "containers", 0)


def read(text: str) -> Object:
    """Read one object as Fairway reads manifests."""
    value: Any = read_documents(text, "manifest.yaml").documents[0].value
    return dict(value)


def edited(*path: str | int, value: object) -> Object:
    """Put *value* at *path* of the Deployment."""
    obj = deepcopy(read(DEPLOYMENT))
    node: Any = obj
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return obj


def said(verdict: Verdict) -> list[str]:
    """Give all that is said, with its place."""
    return [f"{fault.where}: {fault.says} {fault.fix}" for fault in verdict.faults]


def test_a_valid_object_as_the_reader_gives_it_has_no_faults() -> None:
    """The reader's own mappings and sequences are judged as they are."""
    verdict = problems(read_documents(DEPLOYMENT, "manifest.yaml").documents[0].value)
    assert verdict == Verdict(known=True, faults=())


@pytest.mark.parametrize(
    ("obj", "line"),
    [
        (
            edited("spec", "replica", value=3),
            "spec.replica: 'spec' has no field 'replica'. Did you mean 'replicas'?",
        ),
        (
            edited("spec", "template", "containers", value=[]),
            "spec.template.containers: 'template' has no field 'containers'. It belongs under 'spec'.",
        ),
        (
            edited("specs", value={}),
            "specs: Deployment has no field 'specs'. Did you mean 'spec'?",
        ),
        (
            edited(*CONTAINER, "ports", 0, "colour", value="red"),
            (
                "spec.template.spec.containers[0].ports[0].colour: 'ports[0]' has no field 'colour'. "
                "Known: containerPort, hostIP, hostPort, name, protocol."
            ),
        ),
        (
            edited("spec", "replicas", value="3"),
            "spec.replicas: 'replicas' is the text '3', where a whole number is needed. Write 3 without quotes.",
        ),
        (
            edited("spec", "replicas", value="three"),
            "spec.replicas: 'replicas' is the text 'three', where a whole number is needed. Correct it.",
        ),
        (
            edited("spec", "replicas", value=1.5),
            "spec.replicas: 'replicas' is 1.5, where a whole number is needed. Correct it.",
        ),
        (
            edited("spec", "paused", value="true"),
            "spec.paused: 'paused' is the text 'true', where true or false is needed. Write true without quotes.",
        ),
        (
            edited(*CONTAINER, "env", 0, "value", value=True),
            (
                "spec.template.spec.containers[0].env[0].value: 'value' is true, where text is needed. "
                'Put it in quotes: "true".'
            ),
        ),
        (
            edited(*CONTAINER, "env", value={"MODE": "fast"}),
            (
                "spec.template.spec.containers[0].env: 'env' is a mapping, where a list is needed. "
                "Begin each entry with '- '."
            ),
        ),
        (
            edited("spec", "template", value=["x"]),
            "spec.template: 'template' is a list, where a mapping is needed. Correct it, or check the indentation.",
        ),
        (
            edited(*CONTAINER, "name", value=None),
            (
                "spec.template.spec.containers[0].name: 'name' has no value, where text is needed. "
                "Give it a value, or remove the line."
            ),
        ),
        (
            edited(*CONTAINER, "ports", 0, value={"name": "http"}),
            "spec.template.spec.containers[0].ports[0]: 'ports[0]' has no 'containerPort'. Add 'containerPort'.",
        ),
        (
            edited(*CONTAINER, "resources", "limits", "cpu", value=[1]),
            (
                "spec.template.spec.containers[0].resources.limits.cpu: 'cpu' is a list, "
                "where a number or text is needed. Correct it, or check the indentation."
            ),
        ),
        (
            edited("spec", "strategy", value={"rollingUpdate": {"maxSurge": 0.5}}),
            (
                "spec.strategy.rollingUpdate.maxSurge: 'maxSurge' is 0.5, where a whole number or text is needed. "
                "Correct it."
            ),
        ),
        (
            edited("metadata", "labels", value={"version": 2}),
            "metadata.labels.version: 'version' is 2, where text is needed. Put it in quotes: \"2\".",
        ),
    ],
)
def test_each_kind_of_error_is_said_in_one_plain_sentence(obj: Object, line: str) -> None:
    """The sentence names the field, what is wrong and what to do; nothing of the schema shows."""
    assert said(problems(obj)) == [line]


def test_all_errors_are_said_at_once() -> None:
    """A reader mends a file once."""
    obj = edited("spec", "replica", value=3)
    obj["spec"]["template"]["spec"]["containers"][0]["imag"] = "x"
    del obj["spec"]["selector"]
    assert len(problems(obj).faults) == 3


@pytest.mark.parametrize(
    ("api_version", "kind", "line"),
    [
        (
            "extensions/v1beta1",
            "Deployment",
            "apiVersion: Kubernetes 1.37 has no Deployment in extensions/v1beta1. Use apps/v1.",
        ),
        (
            "autoscaling/v2beta2",
            "HorizontalPodAutoscaler",
            "apiVersion: Kubernetes 1.37 has no HorizontalPodAutoscaler in autoscaling/v2beta2. Use autoscaling/v2.",
        ),
        (
            "apps/v1",
            "Deploymnet",
            "kind: Kubernetes 1.37 has no Deploymnet in apps/v1. Did you mean 'Deployment'?",
        ),
        (
            "policy/v1beta1",
            "PodSecurityPolicy",
            "kind: Kubernetes 1.37 has no PodSecurityPolicy in policy/v1beta1. Remove it, or see what has replaced it.",
        ),
    ],
)
def test_a_kind_that_kubernetes_no_longer_has_is_a_fault(api_version: str, kind: str, line: str) -> None:
    """In the groups that Kubernetes owns, what is not there does not exist."""
    verdict = problems({"apiVersion": api_version, "kind": kind})
    assert not verdict.known
    assert said(verdict) == [line]


@pytest.mark.parametrize("api_version", ["example.com/v1", "serving.knative.dev/v1", "builtin"])
def test_a_kind_that_nobody_has_a_schema_for_is_unknown_and_not_valid(api_version: str) -> None:
    """Silence about an unknown object must not be read as praise."""
    assert problems({"apiVersion": api_version, "kind": "Service"}) == Verdict(known=False, faults=())
    assert not known(api_version, "Service")
    assert known("v1", "Service")


@pytest.mark.parametrize(
    ("thing", "line"),
    [
        ({"kind": "Service"}, ": The object has no 'apiVersion'. Add 'apiVersion'."),
        ({"apiVersion": "v1"}, ": The object has no 'kind'. Add 'kind'."),
        (["v1", "Service"], ": This is no Kubernetes object. Write a mapping."),
    ],
)
def test_what_is_no_object_is_said_to_be_none(thing: object, line: str) -> None:
    """A chart's values and the like come this way."""
    verdict = problems(thing)
    assert not verdict.known
    assert said(verdict) == [line]


def test_a_list_is_known_where_all_its_items_are() -> None:
    """The faults of a List's items say which item."""
    items = [read(DEPLOYMENT), edited("spec", "replicas", value="3"), {"apiVersion": "example.com/v1", "kind": "X"}]
    verdict = problems({"apiVersion": "v1", "kind": "List", "items": items})
    assert not verdict.known
    assert [fault.where for fault in verdict.faults] == ["items[1].spec.replicas"]
    assert problems({"apiVersion": "v1", "kind": "List", "items": items[:1]}) == Verdict(known=True)


def test_what_json_does_not_know_is_judged_as_kubectl_sends_it() -> None:
    """Other YAML readers give dates, and keys that are numbers."""
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {1: "one"}}
    assert problems(data) == Verdict(known=True)
    assert problems({**data, "data": {"day": dt.date(2027, 1, 31)}}) == Verdict(known=True)
