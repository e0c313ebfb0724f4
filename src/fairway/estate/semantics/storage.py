"""What holds inside claims, ConfigMaps and Secrets."""

import binascii
from collections.abc import Iterator

from fairway.estate.fault import Fault, Place, called
from fairway.estate.names import DATA_KEY
from fairway.estate.semantics.nodes import Node, Rules, mapping, text

DATA_LIMIT = 1024 * 1024  # bytes
SECRET_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def claim(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a claim says how much it wants and how it is used."""
    modes = node.get("accessModes")
    if not modes:
        yield Fault(path, "The claim has no 'accessModes'.", "Add one, for example ReadWriteOnce.")
    elif isinstance(modes, list) and "ReadWriteOncePod" in modes and len(modes) > 1:
        says = "'accessModes' has ReadWriteOncePod, which excludes any other."
        yield Fault((*path, "accessModes"), says, "Keep one of them.")
    requests = mapping(node, "resources", "requests")
    if "storage" not in requests:
        yield Fault(path, "The claim does not say how much storage it wants.", "Add resources.requests.storage.")


def config_data(node: Node, path: Place) -> Iterator[Fault]:
    """Check the keys and size of a ConfigMap's data."""
    yield from _data(node, path, ("data", "binaryData"), encoded="binaryData")


def secret_data(node: Node, path: Place) -> Iterator[Fault]:
    """Check a Secret's keys and values, and that it has what its type promises."""
    yield from _data(node, path, ("data", "stringData"), encoded="data")
    keys = {*mapping(node, "data"), *mapping(node, "stringData")}
    kind = text(node, "type") or ""
    for key in SECRET_KEYS.get(kind, ()):
        if key not in keys:
            yield Fault(path, f"A Secret of type {kind} needs '{key}', which is not there.", f"Add '{key}'.")


def _data(node: Node, path: Place, fields: tuple[str, str], *, encoded: str) -> Iterator[Fault]:
    """Check what *fields* hold together; values of the *encoded* one are base64."""
    size = 0
    for field in fields:
        for key, value in mapping(node, field).items():
            here = (*path, field, str(key))
            if fault := DATA_KEY.fault(str(key), here, key=True):
                yield fault
            if field == encoded and isinstance(value, str) and not _is_base64(value):
                fix = "Put it under 'stringData', or encode it." if field == "data" else "Encode it."
                # The value is a secret, so the sentence does not show it.
                yield Fault(here, f"{called(here)} is not base64.", fix)
            size += len(value) if isinstance(value, str) else 0
    both = mapping(node, fields[0]).keys() & mapping(node, fields[1]).keys() if encoded == "binaryData" else ()
    for key in sorted(both, key=str):
        says = f"The key '{key}' is in both 'data' and 'binaryData'."
        yield Fault((*path, "binaryData", str(key)), says, "Keep one of them.")
    if size > DATA_LIMIT:
        says = f"The data has {size} characters, where at most {DATA_LIMIT} fit."
        yield Fault(path, says, "Split it, or use a volume.")


def _is_base64(value: str) -> bool:
    """Tell whether *value* is base64, which may be broken into lines."""
    try:
        binascii.a2b_base64("".join(value.split()), strict_mode=True)
    except ValueError:
        return False
    return True


RULES: Rules = {
    "core.v1.ConfigMap": (config_data,),
    "core.v1.PersistentVolumeClaimSpec": (claim,),
    "core.v1.Secret": (secret_data,),
}
