"""Tell settings that differ between environments from those that are the same everywhere."""

import re
from collections.abc import Iterator

from fairway.estate.index import Estate

ENVIRONMENTS = frozenset(
    "dev development integration live pre-prod preprod "  # noqa: SIM905 - words read better without quotes
    "preproduction prod production qa sandbox sit stage staging test testing uat".split()
)
ENVIRONMENT_WORDS = frozenset({"env", "environment", "stage", "profile", "profiles", "active"})
LIBRARY_MODES = frozenset({"NODE_ENV", "RAILS_ENV", "RACK_ENV", "FLASK_ENV", "MIX_ENV"})
"""Where 'production' only turns debugging off, and is right wherever a container runs."""
PLACE_WORDS = frozenset({"region", "zone", "location"})
ADDRESS_WORDS = frozenset(
    "addr address addresses backend base broker brokers cluster "  # noqa: SIM905 - words read better without quotes
    "dns domain endpoint endpoints host hostname hosts nodes origin origins peers proxy seeds server servers "
    "upstream uri url urls".split()
)
CLOUD_NAMES = (
    ("bucket",),
    ("bucket", "name"),
    ("account", "id"),
    ("project", "id"),
    ("cloud", "project"),
    ("subscription", "id"),
)
SUFFIXES = frozenset(
    "app biz cloud com corp dev edu gov info int internal "  # noqa: SIM905 - words read better without quotes
    "intranet io lan local mil net org test".split()
)
"""Ends of host names; besides, every two letters are a country."""
EVERYWHERE = frozenset(
    {"169.254.169.254", "metadata.google.internal", "kubernetes.default", "host.docker.internal", "www.w3.org"}
)

_WORD = re.compile(r"[A-Za-z]+")
_URL_HOST = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://(?:[^@/\s]*@)?([A-Za-z0-9.-]+)")
_HOST = re.compile(r"(?:\*?\.)?((?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]+)(:\d{1,5})?/?")
_IP = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)")
_PLACE = re.compile(r"[a-z]{2}(?:-gov|-iso)?-[a-z]+-\d[a-z]?|[a-z]+-[a-z]+\d(?:-[a-z])?")


def varies(estate: Estate, namespace: str, name: str, value: str) -> str:
    """Say why the setting *name* of something in *namespace* differs between environments; empty where nothing does.

    The address of a service in the cluster, written as its DNS name, is the same in each of them.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    last = words[-1] if words else ""
    if last in ENVIRONMENT_WORDS and not (name in LIBRARY_MODES and value == "production"):
        for part in value.split(","):
            if part.strip().lower() in ENVIRONMENTS:
                return f"'{part.strip()}' names an environment"
    if not PLACE_WORDS.isdisjoint(words) and _PLACE.fullmatch(value):
        return f"'{value}' names one region"
    if any(tuple(words[-len(ending) :]) == ending for ending in CLOUD_NAMES) and value and "$" not in value:
        return "it names something in one cloud account"
    for host in _hosts(words, value):
        if _IP.fullmatch(host):
            if not host.startswith(("127.", "0.")) and host not in EVERYWHERE:
                return f"{host} is the address of one machine"
        elif _outside(estate, namespace, host.lower()):
            return f"{host} is a host outside the cluster"
    return ""


def _hosts(words: list[str], value: str) -> Iterator[str]:
    """Give the hosts in *value*: of URLs, and plain ones where a port or the setting's name tells of an address."""
    yield from _URL_HOST.findall(value)
    about_addresses = not ADDRESS_WORDS.isdisjoint(words)
    for part in value.split(","):
        found = _HOST.fullmatch(part.strip())
        if found and (found[2] or about_addresses):
            yield found[1]


def _outside(estate: Estate, namespace: str, host: str) -> bool:
    labels = host.strip(".").split(".")
    if len(labels) == 1 or host in EVERYWHERE or "svc" in labels or f".{host}".endswith(".cluster.local"):
        return False
    if labels[1] in estate.namespaces or labels[1] == namespace:
        return False
    return labels[-1] in SUFFIXES or (len(labels[-1]) == 2 and labels[-1].isalpha())  # noqa: PLR2004 - a country
