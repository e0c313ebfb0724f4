"""The fields that many of Envoy's resources share."""

from typing import Any, Final

Resource = dict[str, Any]

TYPES: Final = "type.googleapis.com/"
UNIX: Final = "unix:"
OWNER_ONLY: Final = 0o600


def typed(kind: str, **fields: object) -> Resource:
    """Write a message whose type Envoy learns from itself."""
    return {"@type": TYPES + kind, **fields}


def named(name: str, kind: str, **fields: object) -> Resource:
    """Write an extension: its name, and its configuration."""
    return {"name": name, "typed_config": typed(kind, **fields)}


def duration(seconds: float) -> str:
    """Write seconds as protobuf's JSON wants them: never with an exponent."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def reached(address: str) -> Resource:
    """Write an address to connect to."""
    if address.startswith(UNIX):
        return {"pipe": {"path": address.removeprefix(UNIX)}}
    host, _, port = address.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}


def listened(address: str) -> Resource:
    """Write an address to listen on; a socket is its owner's alone."""
    found = reached(address)
    if "pipe" in found:
        found["pipe"]["mode"] = OWNER_ONLY
    return found


def loopback(port: int) -> str:
    """Name a port of this machine that no other machine reaches."""
    return f"127.0.0.1:{port}"


def watched(folder: str, file: str) -> Resource:
    """Point to a file that is read again when it is renamed into its place, and only then."""
    return {"path_config_source": {"path": f"{folder}/{file}"}, "resource_api_version": "V3"}
