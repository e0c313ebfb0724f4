"""Say that a rule is broken at a key of an object, or at a line of a Dockerfile."""

from typing import Literal

from fairway.core.rule import Finding
from fairway.estate.node import Node
from fairway.yaml.reader import file_of


def found(  # noqa: PLR0913 - all of it is what a finding says
    rule: str, node: Node, key: str, says: str, fix: str, *, warning: bool = False
) -> Finding:
    """Make a finding at *key* of *node*, an error unless it is a mere *warning*.

    Where the key is what is missing, its line is the nearest above.
    """
    line = node.line_of(key)
    return Finding(
        rule=rule,
        severity="warning" if warning else "error",
        resource=node.origin.resource,
        file=file_of(line, node.origin.file),
        line=int(line),
        key=node.path_of(key),
        says=says,
        fix=fix,
    )


def found_in(  # noqa: PLR0913, PLR0917 - all of it is what a finding says
    rule: str, file: str, line: int, key: str, says: str, fix: str, *, warning: bool = False
) -> Finding:
    """Make a finding at a *line* of a file that holds no objects; *key* is the instruction there."""
    severity: Literal["error", "warning"] = "warning" if warning else "error"
    return Finding(rule=rule, severity=severity, resource=file, file=file, line=line, key=key, says=says, fix=fix)
