"""What a bundle of custom schemas says of objects of its kinds."""

import gzip
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairway.core.errors import WrongInputError
from fairway.estate.schema import CustomSchemas, known, problems

BUNDLE = Path(__file__).parents[3] / "shared" / "schemas" / "crd-schemas-strict.json.gz"

PORTS = {
    "type": "array",
    "x-kubernetes-list-map-keys": ["name"],
    "items": {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 8, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
            "number": {"type": "integer", "minimum": 1, "maximum": 9},
        },
        "additionalProperties": False,
    },
}
SPEC = {
    "type": "object",
    "properties": {
        "size": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "mode": {"type": "string", "enum": ["fast", "safe"]},
        "note": {"anyOf": [{"type": "string", "minLength": 3}, {"type": "null"}]},
        "ports": PORTS,
        "exact": {"type": "string"},
        "prefix": {"type": "string"},
        "store": {
            "type": "object",
            "properties": {"disk": {"type": "object"}, "memory": {"type": "object"}},
            "anyOf": [{"required": ["disk"]}, {"required": ["memory"]}],
        },
    },
    "oneOf": [
        {"not": {"anyOf": [{"required": ["exact"]}, {"required": ["prefix"]}]}},
        {"required": ["exact"]},
        {"required": ["prefix"]},
    ],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "properties": {"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}, "spec": SPEC},
    "additionalProperties": False,
}


def entry(*, served: bool = True, deprecated: bool = False) -> dict[str, object]:
    """Give one version of the kind, as a bundle has it."""
    return {
        "scope": "Namespaced",
        "plural": "widgets",
        "served": served,
        "storage": True,
        "deprecated": deprecated,
        "source": "example/widgets@1.0:crd.yaml",
        "schema": SCHEMA,
    }


VERSIONS = {
    "example.com/v1/Widget": entry(),
    "example.com/v1beta1/Widget": entry(deprecated=True),
    "example.com/v1alpha1/Widget": entry(served=False),
}


@pytest.fixture
def bundle(tmp_path: Path) -> CustomSchemas:
    """Load a packed bundle of one kind in three versions."""
    path = tmp_path / "bundle.json.gz"
    path.write_bytes(gzip.compress(msgspec.json.encode(VERSIONS)))
    return CustomSchemas.load(path)


INDENTATION = "Correct it, or check the indentation."


def widget(version: str = "v1") -> dict[str, Any]:
    """Give an object of the kind."""
    return {"apiVersion": f"example.com/{version}", "kind": "Widget", "metadata": {"name": "one"}, "spec": {}}


def said(obj: dict[str, Any], custom: CustomSchemas) -> list[str]:
    """Give all that is said of *obj*, remarks marked."""
    faults = problems(obj, custom=custom).faults
    return [f"{fault.where}: {fault.says} {fault.fix}" + " (remark)" * fault.remark for fault in faults]


def test_a_valid_custom_object_is_known_and_has_no_faults(bundle: CustomSchemas) -> None:
    """With the bundle the kind is known; without, it is not."""
    spec = {"size": "10%", "mode": "fast", "note": None, "ports": [{"name": "a"}, {"name": "b"}], "exact": "x"}
    obj = {**widget(), "spec": spec}
    assert said(obj, bundle) == []
    assert known("example.com/v1", "Widget", custom=bundle)
    assert not known("example.com/v1", "Widget")


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ({"siz": 1}, "spec.siz: 'spec' has no field 'siz'. Did you mean 'size'?"),
        ({"size": []}, "spec.size: 'size' is a list, where a whole number or text is needed. " + INDENTATION),
        ({"size": 1.5}, "spec.size: 'size' is 1.5, where a whole number or text is needed. Correct it."),
        ({"mode": "fats"}, "spec.mode: 'mode' is 'fats', which is not a value it can have. Did you mean 'fast'?"),
        ({"note": "x"}, "spec.note: 'note' has fewer than 3 characters. Add what is missing."),
        ({"note": 3}, "spec.note: 'note' is 3, where text is needed. Put it in quotes: \"3\"."),
        ({"ports": [{"name": ""}]}, "spec.ports[0].name: 'name' is empty. Fill it, or remove the line."),
        ({"ports": [{"name": "a" * 9}]}, "spec.ports[0].name: 'name' has more than 8 characters. Shorten it."),
        (
            {"ports": [{"name": "A"}]},
            (
                "spec.ports[0].name: 'name' is 'A', which is not a DNS label: lower-case letters, digits and '-'. "
                "Correct it."
            ),
        ),
        (
            {"ports": [{"name": "a", "number": 0}]},
            "spec.ports[0].number: 'number' is below its least value 1. Write 1 or more.",
        ),
        (
            {"ports": [{"name": "a", "number": 10}]},
            "spec.ports[0].number: 'number' is above its greatest value 9. Write 9 or less.",
        ),
        (
            {"ports": [{"name": "a"}, {"name": "a", "number": 2}]},
            "spec.ports[1]: 'ports' has name 'a' twice, in entries 0 and 1. Remove or rename one.",
        ),
        (
            {"exact": "x", "prefix": "y"},
            "spec: 'spec' has 'exact' and 'prefix', which exclude one another. Keep one of them.",
        ),
        ({"store": {}}, "spec.store: 'store' has none of 'disk' or 'memory'. Add one."),
    ],
)
def test_each_kind_of_error_is_said_without_the_schemas_alternatives(
    spec: dict[str, object], line: str, bundle: CustomSchemas
) -> None:
    """Nobody reads of anyOf."""
    assert said({**widget(), "spec": spec}, bundle) == [line]


def test_metadata_of_a_custom_object_is_kubernetes_own(bundle: CustomSchemas) -> None:
    """Bundles leave metadata open; a misspelt 'labels' is found all the same."""
    obj = widget()
    obj["metadata"]["lables"] = {}
    assert said(obj, bundle) == ["metadata.lables: 'metadata' has no field 'lables'. Did you mean 'labels'?"]


def test_a_version_that_is_no_longer_served_is_a_fault_and_a_deprecated_one_a_remark(bundle: CustomSchemas) -> None:
    """Both name the version to use."""
    assert said(widget("v1alpha1"), bundle) == [
        "apiVersion: example.com/v1alpha1 of Widget is no longer served. Use example.com/v1."
    ]
    assert said(widget("v1beta1"), bundle) == [
        "apiVersion: example.com/v1beta1 of Widget is deprecated. Use example.com/v1. (remark)"
    ]


@pytest.mark.parametrize(
    "data",
    [None, b"not gzip", gzip.compress(b"{"), gzip.compress(b'{"a/v1/B": {}}')],
    ids=["absent", "not gzip", "not json", "no schema"],  # the bytes hold the time: workers would disagree on names
)
def test_a_file_that_is_no_bundle_is_refused_by_name(data: bytes | None, tmp_path: Path) -> None:
    """The sentence begins with the file."""
    path = tmp_path / "bundle.json.gz"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(WrongInputError) as error:
        CustomSchemas.load(path)
    assert str(error.value).startswith(f"{path}: is not a bundle of custom schemas: ")


@pytest.fixture(scope="module")
def upstream() -> CustomSchemas:
    """Load the large bundle of real projects' schemas."""
    if not BUNDLE.is_file():
        pytest.skip("the bundle of real custom schemas is not beside the project, so none of them was tried")
    return CustomSchemas.load(BUNDLE)


ROLLOUT: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "orders"},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "orders"}},
        "template": {
            "metadata": {"labels": {"app": "orders"}},
            "spec": {"containers": [{"name": "orders", "image": "registry.example.com/orders:1.0"}]},
        },
        "strategy": {
            "canary": {
                "canaryService": "orders-canary",
                "stableService": "orders",
                "trafficRouting": {"istio": {"virtualService": {"name": "orders", "routes": ["primary"]}}},
                "steps": [{"setWeight": 10}, {"pause": {"duration": "5m"}}],
            }
        },
    },
}


def test_every_real_schema_compiles(upstream: CustomSchemas) -> None:
    """All 188 versions are usable."""
    assert len(upstream.kinds) > 150
    for key in upstream.kinds:
        assert upstream.compiled(key).validator.is_valid({}) in {True, False}


def test_a_field_that_the_server_would_drop_in_silence_is_found(upstream: CustomSchemas) -> None:
    """A Rollout with such a field ran its canary without routing any traffic."""
    assert said(ROLLOUT, upstream) == []
    obj = deepcopy(ROLLOUT)
    obj["spec"]["strategy"]["canary"]["trafficRouting"]["gatewayAPI"] = {"httpRoute": "orders"}
    [line] = said(obj, upstream)
    assert line.startswith(
        "spec.strategy.canary.trafficRouting.gatewayAPI: 'trafficRouting' has no field 'gatewayAPI'."
    )


def test_nearly_every_misspelt_field_of_a_real_kind_is_found(upstream: CustomSchemas) -> None:
    """Only free maps (labels) can hold any key."""

    def misspelt(node: Any, path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:  # noqa: ANN401 - any JSON
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        found = [(*path, key) for key, _ in items if isinstance(key, str)]
        return found + [place for key, item in items for place in misspelt(item, (*path, key))]

    missed = []
    for path in misspelt(ROLLOUT["spec"], ("spec",)):
        obj: Any = deepcopy(ROLLOUT)
        node = obj
        for step in path[:-1]:
            node = node[step]
        node[f"{path[-1]}Zz"] = node.pop(path[-1])
        if not problems(obj, custom=upstream).faults:
            missed.append(path[-2])
    assert set(missed) == {"labels", "matchLabels"}
