"""One object on its way through kustomizations: its value, where it was read, and every name it has had."""

import re
import warnings
from functools import cache

from fairway.estate.kustomize.values import inner
from fairway.estate.resource import NO_NAMESPACE
from fairway.yaml.reader import Mapping


class Item:
    """An object. Patches find it by any name it has had."""

    def __init__(self, value: Mapping, file: str) -> None:
        """Take the object, and the file that it stands in, as shown."""
        self.value = value
        self.file = file
        self.names = [(self.namespace, self.name)]

    @property
    def metadata(self) -> Mapping:
        """Give its metadata, made where a patch took it away."""
        return inner(self.value, "metadata", self.value.line)

    @property
    def kind(self) -> str:
        """Name its kind."""
        return str(self.value.get("kind") or "")

    @property
    def group(self) -> str:
        """Name its API group."""
        return str(self.value.get("apiVersion") or "").rpartition("/")[0]

    @property
    def version(self) -> str:
        """Name its API version."""
        return str(self.value.get("apiVersion") or "").rpartition("/")[2]

    @property
    def name(self) -> str:
        """Name it as it is named now."""
        return str(self.metadata.get("name") or "")

    @property
    def namespace(self) -> str:
        """Name its namespace; empty where none is written, or it has none."""
        return "" if self.kind in NO_NAMESPACE else str(self.metadata.get("namespace") or "")

    @property
    def namespaced(self) -> bool:
        """Tell whether objects of its kind live in a namespace."""
        return self.kind not in NO_NAMESPACE

    def is_called(self, kind: str, name: str, namespace: str = "", group: str | None = None) -> bool:
        """Tell whether it is, or was, of this name."""
        if self.kind != kind or (group is not None and group != self.group):
            return False
        given = {"", "default"} if namespace in {"", "default"} else {namespace}
        return any(name == had and (home in given or not self.namespaced) for home, had in self.names)

    def renamed(self) -> None:
        """Note that its name or namespace has changed."""
        if (now := (self.namespace, self.name)) != self.names[-1]:
            self.names.append(now)


class Target:
    """Which objects a patch or a replacement is for: regular expressions, each of them for the whole."""

    def __init__(self, said: Mapping) -> None:
        """Take what a kustomization says as `target` or `select`."""
        self._said = {key: str(said[key]) for key in said if said[key] is not None}

    def fits(self, item: Item) -> bool:
        """Tell whether an object is meant."""
        said = self._said
        for key, value in (("group", item.group), ("version", item.version), ("kind", item.kind)):
            if key in said and not _whole(said[key], value):
                return False
        names, homes = {name for _, name in item.names}, {home or "default" for home, _ in item.names}
        if "name" in said and not any(_whole(said["name"], name) for name in names):
            return False
        if "namespace" in said and not any(_whole(said["namespace"], home) for home in homes):
            return False
        return _selects(said.get("labelSelector", ""), item.metadata.get("labels")) and _selects(
            said.get("annotationSelector", ""), item.metadata.get("annotations")
        )


@cache
def _expression(text: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of what Python may read otherwise one day
            return re.compile(text)
    except re.error:
        return re.compile(re.escape(text))


def _whole(pattern: str, text: str) -> bool:
    return _expression(pattern).fullmatch(text) is not None


_REQUIREMENT = re.compile(
    r"^\s*(?:(?P<not>!)\s*)?(?P<key>[^\s!=()]+)\s*(?:(?P<op>==|=|!=|in\b|notin\b)\s*(?P<rest>.*))?$"
)


def _selects(selector: str, labels: object) -> bool:
    """Tell whether a selector, written as kubectl reads it, takes these labels."""
    held = {key: str(value) for key, value in labels.items()} if isinstance(labels, Mapping) else {}
    return all(_requires(part, held) for part in re.split(r",(?![^(]*\))", selector) if part.strip())


def _requires(part: str, held: dict[str, str]) -> bool:
    found = _REQUIREMENT.match(part)
    if found is None:
        return False
    key, op = found["key"], found["op"]
    if op is None:
        return (key in held) != bool(found["not"])
    values = {word.strip() for word in found["rest"].strip().strip("()").split(",")}
    inside = held.get(key) in values
    return not inside if op in {"!=", "notin"} else inside
