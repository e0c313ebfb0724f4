"""What a build gives: files, each with the rules it serves and the reason behind each of its keys."""

from typing import Any

import msgspec

KeyPath = tuple[str | int, ...]


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is as it is: the rule, and the decision's topic where the rule makes several."""

    rule: str
    topic: str = ""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """One environment in one region: a cluster of its own."""

    environment: str
    region: str

    @property
    def folder(self) -> str:
        """Name its folder in the built tree."""
        return f"{self.environment}/{self.region}"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One Kubernetes object in a file of its own."""

    path: str  # below the site's folder: services/orders/hpa.yaml
    object: dict[str, Any]
    rule: str  # the rule that asks for the object
    service: str = ""  # whose it is; empty for the system's own
    topic: str = ""  # of the decision behind it, where the rule makes several
    reasons: dict[KeyPath, Reason] = {}  # path of a key: what is behind it and all below it

    @property
    def rules(self) -> tuple[str, ...]:
        """Name every rule that the object serves, the one that asks for it first."""
        return tuple(dict.fromkeys((self.rule, *(reason.rule for reason in self.reasons.values()))))

    def reason_behind(self, path: KeyPath) -> Reason:
        """Find what is behind a key: the longest explained path that leads to it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.reasons:
                return self.reasons[path[:length]]
        return Reason(rule=self.rule, topic=self.topic)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A file of text, such as a runbook."""

    path: str  # below the root of the built tree
    text: str
    rule: str
    service: str = ""
