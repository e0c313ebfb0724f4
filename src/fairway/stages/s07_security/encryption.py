"""Sensitive data is encrypted on every wire and on every disk.

Disks are copied, backups are lost and links are tapped without anybody noticing. Encrypted data under a key that is
kept elsewhere is worth nothing to whoever takes it. For personal fields the key belongs to one person, so that one
person can be forgotten.
"""

import re
from collections.abc import Iterator

from fairway.core.conditions import SENSITIVE
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate

_STORE = re.compile(
    r"\b(?:jdbc:)?(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|redis|amqp|sqlserver|cockroachdb)\b[^\s\"']*",
    re.IGNORECASE,
)
_OFF = re.compile(
    r"[?&;](sslmode=(?:disable|allow)|usessl=false|ssl=false|tls=false|ssl_mode=disabled|encrypt=false|"
    r"sslmode=disabled|trustservercertificate=true)",
    re.IGNORECASE,
)


def check(estate: Estate) -> Iterator[Finding]:
    """Find addresses of stores that turn TLS off."""
    for workload in filter(lambda one: estate.judges(one.resource), estate.workloads):
        for container in workload.every_container:
            for variable in container.variables:
                if variable.value and (what := _off(variable.value)):
                    says = (
                        f"{variable.name} of container '{container.name}' says {what}: what is read and written there "
                    )
                    yield found(RULE.id, variable.node, "value", f"{says}can be read on the way.", FIX)
    for resource in filter(estate.judges, estate.of_kind("ConfigMap", "")):
        data = resource.root.mapping("data")
        for name, value in resource.root.pairs("data").items():
            if what := _off(value):
                says = f"'{name}' says {what}: what is read and written there can be read on the way."
                yield found(RULE.id, data, name, says, FIX)


FIX = "Turn TLS on, with a check of the server's name (sslmode=verify-full)."


def _off(value: str) -> str:
    """Give the words that turn TLS off in the address of a store."""
    if _OFF.search(value) is None:  # most texts are long and have none of them, which is soon seen
        return ""
    for match in _STORE.finditer(value):
        if off := _OFF.search(match[0]):
            return off[1]
    return ""


RULE = Rule(
    id="security/encryption",
    applies=SENSITIVE,
    proof=Proof.LIVE,
    shows="planted values are found neither in the bytes on disk nor on the wire",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/configmap-ledger.yaml",
            new="apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ledger\n  namespace: bookshop\ndata:\n"
            "  ledger.url: postgresql://ledger-rw/ledger?sslmode=disable\n",
        ),
    ),
)
