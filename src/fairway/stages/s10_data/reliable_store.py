"""Data that must last lives in a store that survives a machine and lets in only those who need it.

A database in a bare container with one password for all loses data with its disk and gives it away with its password.
Several instances, encrypted connections and a user for each service, with no more rights than it needs, take away both.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import PERSISTENT
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.databases import CNPG, PXC
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.resource import Resource

OPEN: Final = {  # settings of images that let everybody in, with the values that do
    "POSTGRES_HOST_AUTH_METHOD": {"trust"},
    "MYSQL_ALLOW_EMPTY_PASSWORD": {"yes", "true", "1"},
    "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD": {"yes", "true", "1"},
    "ALLOW_EMPTY_PASSWORD": {"yes", "true"},
    "ALLOW_ANONYMOUS_LOGIN": {"yes", "true"},
}
FIELDS: Final = 2  # of a line of pg_hba: at least the kind of connection, and how who connects is known


def check(estate: Estate) -> Iterator[Finding]:
    """Find databases that let in everybody, or take connections that everybody can read.

    That a database in a Deployment loses its data is said by orchestration/statefulset, and a password that stands in
    a file by the rules of secrets: each once.
    """
    for workload in estate.workloads:
        store = estate.store_of(workload)
        if store is None or store.may_be_lost:
            continue
        for variable in store.container.variables:
            if (variable.value or "").lower() in OPEN.get(variable.name, ()):
                says = f"{variable.name}={variable.value} lets in whoever reaches {workload.name}, without a password."
                yield found(RULE.id, variable.node, "value", says, "Remove it, and take the password from a Secret.")
    for cluster in estate.of_kind("Cluster", CNPG):
        yield from _let_in(cluster)
    for cluster in estate.of_kind("PerconaXtraDBCluster", PXC):
        tls = cluster.spec.mapping("tls")
        if tls.has("enabled") and not tls.flag("enabled"):
            says = "TLS is off: passwords and rows cross the network as they are."
            yield found(RULE.id, tls, "enabled", says, "Set spec.tls.enabled: true.")


def _let_in(cluster: Resource) -> Iterator[Finding]:
    settings = cluster.spec.mapping("postgresql")
    for line in settings.texts("pg_hba"):
        words = line.split()
        if len(words) < FIELDS or words[0] == "local":
            continue
        if "trust" in words[1:]:
            says = f"'{line}' lets in whoever reaches it, without a password."
            yield found(RULE.id, settings, "pg_hba", says, "Write hostssl and scram-sha-256.")
        elif words[0] in {"host", "hostnossl"} and "reject" not in words:
            says = f"'{line}' takes connections without TLS."
            yield found(RULE.id, settings, "pg_hba", says, "Write hostssl instead, and reject the rest.", warning=True)


RULE = Rule(
    id="data/reliable-store",
    applies=PERSISTENT,
    proof=Proof.LIVE,
    shows="an unencrypted connection and a foreign user are refused, and a service cannot change its own schema",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/data/orders-db/cluster.yaml",
            old="- host all all all reject",
            new="- host all all all trust",
        ),
    ),
)
