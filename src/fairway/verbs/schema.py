"""Publish the JSON Schema of fairway.yaml, for editors; it accepts what the loader accepts of one file."""

import json
from typing import Any, Final, TypeAlias

from fairway.core.facts import json_schema

Node: TypeAlias = dict[str, Any]

_DAY: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_READ_AS_TRUTHS: Final = ["true", "false"]
"""What y, yes, on, n, no and off become where they are not quoted; the loader takes them for no name."""
_CPUS: Final[Node] = {"type": "number", "minimum": 0.001, "maximum": 999_999}


def schema() -> str:
    """Write the JSON Schema, draft 2020-12, as text that ends with a line break."""
    whole = json_schema()
    whole["$defs"]["System"].pop("required")  # an included file has no 'system'
    for record in whole["$defs"].values():
        record["properties"] = {key: _refined(key, node) for key, node in record["properties"].items()}
        if not record.get("required"):
            record["type"] = ["object", "null"]  # a key that stands without a value says no more than that it is there
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _refined(key: str, node: Node) -> Node:
    """Say of one *key* what its type alone does not: null, names, days, nothing twice."""
    node = dict(node)
    if node.get("format") == "date":
        node["pattern"] = _DAY
    if key == "cpu":
        node["anyOf"] = [*node["anyOf"], _CPUS]
    if "items" in node and "anyOf" not in node["items"]:
        node["uniqueItems"] = True
    if "additionalProperties" in node:
        node["propertyNames"] = {**node.get("propertyNames", {}), "not": {"enum": _READ_AS_TRUTHS}}
    if node.get("type") in ("object", "array") and not node.get("minItems"):
        node["type"] = [node["type"], "null"]
    return node
