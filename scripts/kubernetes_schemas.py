"""Derive the schemas of Kubernetes' built-in kinds that Fairway ships, from the package `kubernetes-validate`."""

import gzip
import importlib
import io
import sys
from pathlib import Path
from typing import Any

import msgspec

VERSION = "1.37"
TARGET = Path(__file__).parents[1] / "src/fairway/estate/schemas" / f"kubernetes-{VERSION}.json.gz"
# Definitions are named as Go packages; what all of them share says nothing.
PREFIXES = (
    "io.k8s.apimachinery.pkg.apis.",
    "io.k8s.apimachinery.pkg.",
    "io.k8s.apiextensions-apiserver.pkg.apis.",
    "io.k8s.kube-aggregator.pkg.apis.",
    "io.k8s.api.",
)
KEPT = {"$ref", "additionalProperties", "enum", "format", "items", "required", "type", "x-kubernetes-list-map-keys"}
# Upstream says these with oneOf, where null would match twice and every error would come in two halves.
UNIONS = {
    "api.resource.Quantity": {"type": ["string", "number", "null"]},
    "util.intstr.IntOrString": {"type": ["string", "integer", "null"]},
}
INSTALL = (
    f"kubernetes_schemas: needs kubernetes-validate {VERSION}.*. Run: pip install 'kubernetes-validate=={VERSION}.*'"
)


def short(name: str) -> str:
    """Drop what every definition's name begins with: io.k8s.api.core.v1.PodSpec is core.v1.PodSpec."""
    prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), "")
    return name.removeprefix(prefix)


def compact(schema: dict[str, Any]) -> dict[str, Any]:
    """Keep what judges an object and drop what only describes it."""
    kept: dict[str, Any] = {key: value for key, value in schema.items() if key in KEPT}
    if "$ref" in kept:
        # A sibling of $ref is only ever a description or default here.
        return {"$ref": "#/$defs/" + short(kept["$ref"].rpartition("/")[2])}
    if "properties" in schema:
        kept["properties"] = {field: compact(value) for field, value in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(kept.get(key), dict):
            kept[key] = compact(kept[key])
    return kept


def derive(upstream: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Turn the *upstream* definitions into `kubernetes`, `kinds` (group/version/Kind to definition) and `$defs`."""
    definitions = {short(name): compact(schema) for name, schema in upstream.items()} | UNIONS
    if len(definitions) != len(upstream):
        raise SystemExit("kubernetes_schemas: two definitions share a short name. Look at PREFIXES.")
    kinds = {}
    for name, schema in upstream.items():
        owners = schema.get("x-kubernetes-group-version-kind", [])
        if len(owners) == 1:  # what many groups share (DeleteOptions, WatchEvent) is a call's option, never a manifest
            group = f"{owners[0]['group']}/".lstrip("/")
            kinds[f"{group}{owners[0]['version']}/{owners[0]['kind']}"] = short(name)
    return {"kubernetes": VERSION, "kinds": kinds, "$defs": definitions}


def packed(document: dict[str, Any]) -> bytes:
    """Write *document* so that the same input gives the same bytes: sorted keys, no time stamp, no file name."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=buffer, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(msgspec.json.encode(document, order="sorted"))
    return buffer.getvalue()


def main() -> int:
    """Write the file and say how large it is."""
    try:
        package = importlib.import_module("kubernetes_validate")
    except ModuleNotFoundError:
        print(INSTALL, file=sys.stderr)
        return 3
    source = (
        Path(str(package.__file__)).parent
        / "kubernetes-json-schema"
        / f"v{VERSION}.0-local-strict"
        / "_definitions.json"
    )
    if not source.is_file():
        print(INSTALL, file=sys.stderr)
        return 3
    document = derive(msgspec.json.decode(source.read_bytes())["$defs"])
    data = packed(document)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(data)
    print(f"{TARGET.name}: {len(document['kinds'])} kinds, {len(document['$defs'])} definitions, {len(data):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
