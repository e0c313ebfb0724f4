"""An object under construction."""

from fairway.core.artefact import Manifest, Reason
from fairway.targets.kubernetes.sketch import Sketch

SCALING = Reason(rule="orchestration/manual-scaling", topic="replicas")
PROBES = Reason(rule="orchestration/probes")


def test_mappings_and_lists_are_made_on_the_way() -> None:
    """A number on the way is an item of a list; keys stand in the order in which they are put."""
    sketch = Sketch()
    sketch.put(("spec", "replicas"), 2, SCALING)
    sketch.put(("spec", "containers", 0, "name"), "a")
    sketch.put(("spec", "containers", 0, "ports", 0, "name"), "http")
    sketch.put(("spec", "containers", 0, "ports", 1, "name"), "grpc")
    assert sketch.object == {
        "spec": {"replicas": 2, "containers": [{"name": "a", "ports": [{"name": "http"}, {"name": "grpc"}]}]}
    }
    assert list(sketch.object["spec"]) == ["replicas", "containers"]


def test_the_longest_explained_path_gives_the_reason() -> None:
    """What is not explained itself is explained by what it stands in, and in the end by the object's own rule."""
    sketch = Sketch()
    sketch.put(("spec", "replicas"), 2, SCALING)
    sketch.put(("spec", "probe"), {"http": {"path": "/"}}, PROBES)
    manifest = Manifest(path="x.yaml", object=sketch.object, rule="orchestration/statefulset", reasons=sketch.reasons)
    assert manifest.reason_behind(("spec", "probe", "http", "path")) == PROBES
    assert manifest.reason_behind(("spec", "replicas")) == SCALING
    assert manifest.reason_behind(("metadata", "name")) == Reason(rule="orchestration/statefulset")
    assert manifest.rules == ("orchestration/statefulset", "orchestration/manual-scaling", "orchestration/probes")
