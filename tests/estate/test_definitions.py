"""The shipped definitions, and the script that makes them."""

import gzip
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from fairway.estate.definitions import FILE, builtin

SCRIPT = Path(__file__).parents[2] / "scripts" / "kubernetes_schemas.py"

UPSTREAM = {
    "io.k8s.api.core.v1.Service": {
        "description": "long",
        "properties": {
            "spec": {"$ref": "#/$defs/io.k8s.api.core.v1.ServiceSpec", "description": "long"},
            "description": {"type": "string", "description": "a field that is called like a keyword"},
        },
        "x-kubernetes-group-version-kind": [{"group": "", "kind": "Service", "version": "v1"}],
    },
    "io.k8s.api.core.v1.ServiceSpec": {"type": "object", "default": {}, "x-kubernetes-list-map-keys": ["port"]},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
}


@pytest.fixture
def script() -> ModuleType:
    """Load the script, which is no module of a package."""
    spec = importlib.util.spec_from_file_location("kubernetes_schemas", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_only_describes_is_dropped_and_fields_of_that_name_are_not(script: ModuleType) -> None:
    """A field may be called 'description' or 'default'."""
    document = script.derive(UPSTREAM)
    assert document["kinds"] == {"v1/Service": "core.v1.Service"}
    assert document["$defs"]["core.v1.Service"] == {
        "properties": {"spec": {"$ref": "#/$defs/core.v1.ServiceSpec"}, "description": {"type": "string"}}
    }
    assert document["$defs"]["core.v1.ServiceSpec"] == {"type": "object", "x-kubernetes-list-map-keys": ["port"]}


def test_the_same_definitions_give_the_same_bytes(script: ModuleType) -> None:
    """Order of input and time of day leave no trace."""
    backwards = dict(reversed(UPSTREAM.items()))
    assert script.packed(script.derive(UPSTREAM)) == script.packed(script.derive(backwards))


def test_the_shipped_file_is_what_the_script_makes(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has edited it by hand."""
    if importlib.util.find_spec("kubernetes_validate") is None:
        pytest.skip("kubernetes-validate is not installed, so the shipped definitions were not derived again")
    made = tmp_path / "made.json.gz"
    monkeypatch.setattr(script, "TARGET", made)
    assert script.main() == 0
    # Unpacked, since another build of zlib may pack otherwise.
    assert gzip.decompress(made.read_bytes()) == gzip.decompress(FILE.read_bytes())


def test_the_shipped_file_is_small_and_has_every_kind_that_fairway_writes() -> None:
    """It is part of the package, and loaded by every check."""
    assert FILE.stat().st_size < 30_000
    assert builtin().kubernetes == "1.37"
    assert {
        "v1/Service",
        "apps/v1/Deployment",
        "autoscaling/v2/HorizontalPodAutoscaler",
        "policy/v1/PodDisruptionBudget",
        "networking.k8s.io/v1/NetworkPolicy",
        "rbac.authorization.k8s.io/v1/Role",
    } <= set(builtin().kinds)


def test_every_reference_leads_to_a_definition() -> None:
    """A dangling one would fail only when an object comes by."""

    def references(node: object) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"].removeprefix("#/$defs/")} if isinstance(node.get("$ref"), str) else set()
            return own.union(*map(references, node.values()))
        return set().union(*map(references, node)) if isinstance(node, list) else set()

    assert references(builtin().definitions) <= set(builtin().definitions)
    assert set(builtin().kinds.values()) <= set(builtin().definitions)
