"""Say that a rule is broken at a key of an object."""

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
