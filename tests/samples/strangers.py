"""Estates of strangers, written as one object after another, and what a rule says of them."""

from pathlib import Path
from typing import Any, TypeAlias

from fairway.core.rule import Finding, Rule
from fairway.estate.read import read
from fairway.yaml.writer import write_document

Thing: TypeAlias = dict[str, Any]


def thing(kind: str, spec: Thing, name: str = "it", *, namespace: str = "shop", **beside: Any) -> Thing:  # noqa: ANN401 - whatever an object holds
    """Write an object; *kind* has its group and version before it. What else is given stands beside the spec."""
    api_version, _, short = kind.rpartition("/")
    metadata = {"name": name, "namespace": namespace, **beside.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": short, "metadata": metadata, "spec": spec, **beside}


def settings(name: str, **data: str) -> Thing:
    """Write a ConfigMap; of a file's name the last underscore is a dot."""
    files = {".".join(key.rsplit("_", 1)): text for key, text in data.items()}
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files}


def deployment(image: str, name: str = "it", *, volumes: list[Thing] | None = None, **container: Any) -> Thing:  # noqa: ANN401 - whatever a container holds
    """Write a Deployment of one container, and mount its volumes at /data."""
    mounts = [{"name": volume["name"], "mountPath": "/data"} for volume in volumes or ()]
    pod = {
        "containers": [{"name": "main", "image": image, "volumeMounts": mounts, **container}],
        "volumes": volumes or [],
    }
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod}
    return thing("apps/v1/Deployment", {"selector": {"matchLabels": labels}, "template": template}, name)


def judged(rule: Rule, folder: Path, *things: Thing) -> list[Finding]:
    """Write the objects into one file, and let a rule judge them."""
    folder.mkdir(exist_ok=True)
    (folder / "estate.yaml").write_text("---\n".join(map(write_document, things)))
    assert rule.check is not None
    estate = read([folder])
    found = list(rule.check(estate))
    assert estate.problems == ()
    return found


def said(rule: Rule, folder: Path, *things: Thing) -> list[str]:
    """Say each finding in a line."""
    return [f"{one.severity} {one.resource} {one.key}" for one in judged(rule, folder, *things)]
