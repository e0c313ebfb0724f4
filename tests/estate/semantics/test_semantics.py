"""What is said of objects that a schema lets pass."""

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from fairway.estate.schema import problems
from fairway.estate.semantics import faults
from fairway.yaml.reader import read_documents

HERE = Path(__file__).parent
ABSENT = "<absent>"  # an edit that removes the field
Object = dict[str, Any]


def read(path: Path) -> list[Any]:
    """Read every document of a file of this folder."""
    found = read_documents(path.read_text(), path.name)
    assert not found.problems
    return [document.value for document in found.documents]


OBJECTS: dict[str, Object] = {obj["kind"]: obj for obj in read(HERE / "valid.yaml")}
SPOILED: list[Any] = [entry for path in sorted((HERE / "spoiled").glob("*.yaml")) for entry in read(path)[0]]


def edited(kind: str, where: str, value: object) -> Object:
    """Copy the valid object of *kind* and put *value* at *where*, adding a field or item that is not there."""
    copy = deepcopy(OBJECTS[kind])
    *steps, last = [int(index) if index else name for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", where)]
    node: Any = copy
    for step in steps:
        node = node[step] if isinstance(step, int) else node.setdefault(step, {})
    if value == ABSENT:
        del node[last]
    elif isinstance(last, int) and last == len(node):
        node.append(value)
    else:
        node[last] = value
    return copy


def said(obj: Object) -> list[str]:
    """Give all that is said of *obj*, remarks marked."""
    return [f"{fault.where}: {fault.says} {fault.fix}" + " (remark)" * fault.remark for fault in faults(obj)]


@pytest.mark.parametrize("kind", OBJECTS)
def test_nothing_is_said_of_a_valid_object(kind: str) -> None:
    """Each valid object passes by schema and by meaning."""
    assert said(OBJECTS[kind]) == []
    assert problems(OBJECTS[kind]).faults == ()


@pytest.mark.parametrize("entry", SPOILED, ids=lambda entry: f"{entry['kind']}-{entry['at']}-{entry['put']}")
def test_each_edit_that_spoils_an_object_is_said_and_nothing_else(entry: Any) -> None:  # noqa: ANN401 - as read
    """The files under spoiled/ hold the edits and the sentences that a reader sees."""
    assert said(edited(entry["kind"], entry["at"], entry["put"])) == entry["said"]


def test_a_secrets_value_is_never_shown() -> None:
    """A value that should be base64 and is plain text may be the secret itself."""
    lines = said(edited("Secret", "data", {"tls.crt": "hunter2 !", "../key": "hunter2 !"}))
    assert len(lines) == 3
    assert "hunter2" not in "".join(lines)


@pytest.mark.parametrize(
    ("kind", "where", "value", "line"),
    [
        (
            "ConfigMap",
            "data",
            {"big": "x" * (1024 * 1024)},
            ": The data has 1048580 characters, where at most 1048576 fit. Split it, or use a volume.",
        ),
        (
            "Deployment",
            "metadata.annotations",
            {"note": "x" * (256 * 1024)},
            (
                "metadata.annotations: The annotations have 262148 characters, where at most 262144 fit. "
                "Move the text into a ConfigMap."
            ),
        ),
        (
            "Deployment",
            "metadata.name",
            "o" * 254,
            "metadata.name: 'name' has 254 characters, where at most 253 are allowed. Shorten it.",
        ),
    ],
)
def test_what_is_too_large_for_the_server_is_said(kind: str, where: str, value: object, line: str) -> None:
    """Sizes that the API server refuses are found before it does."""
    assert said(edited(kind, where, value)) == [line]


def test_the_nulls_that_kubernetes_writes_itself_are_no_fault() -> None:
    """Exported objects have creationTimestamp: null and a status with nulls."""
    obj = edited("Deployment", "metadata.creationTimestamp", None)
    obj["spec"]["template"]["metadata"]["creationTimestamp"] = None
    obj["status"] = {"conditions": [{"type": "Available", "status": "True", "lastUpdateTime": None}]}
    assert said(obj) == []


def test_the_items_of_a_list_are_judged_one_by_one() -> None:
    """A List is several objects in one; the place says which."""
    bad = edited("Service", "spec.ports[0].port", 0)
    obj = {"apiVersion": "v1", "kind": "List", "items": [OBJECTS["Service"], bad]}
    assert said(obj) == ["items[1].spec.ports[0].port: 'port' is 0, which is below 1. Write 1 or more."]
    assert problems(obj).known


def test_of_an_unknown_kind_only_the_metadata_is_judged() -> None:
    """A custom kind may mean by its fields what it likes, but its labels are Kubernetes' own."""
    obj = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "one", "labels": {"a/b/c": "x"}},
        "spec": {"restartPolicy": "Sometimes", "config": None},
    }
    line = "The key 'a/b/c' is not a word, or a DNS name, '/' and a word. Write 'a-b-c'."
    assert said(obj) == [f"metadata.labels[a/b/c]: {line}"]


def test_a_tools_own_file_without_a_name_is_no_fault() -> None:
    """A Kustomization looks like an object and is none."""
    assert said({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": []}) == []


def test_a_role_binding_whose_namespace_a_tool_will_add_is_no_fault() -> None:
    """Kustomize puts the namespace into the binding and its subjects alike."""
    obj = edited("RoleBinding", "subjects[0].namespace", ABSENT)
    del obj["metadata"]["namespace"]
    assert said(obj) == []


@pytest.mark.parametrize("thing", [None, 3, "text", [], {}, {"kind": "Pod"}, {"apiVersion": 1, "kind": "Pod"}])
def test_what_is_no_object_is_not_judged(thing: object) -> None:
    """The schemas report it; meaning has nothing to add."""
    assert faults(thing) == ()
