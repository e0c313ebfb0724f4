"""What databases are told: settings of PostgreSQL and MySQL in operators' objects, arguments and mounted files."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from fairway.estate.databases import CNPG, PXC
from fairway.estate.handed_on import handed_on
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.stores import Store
from fairway.estate.workload import Workload

PARAMETERS: Final = (  # kind, group, and the way to a mapping of PostgreSQL's parameters
    ("Cluster", CNPG, ("postgresql", "parameters")),
    ("postgresql", "acid.zalan.do", ("postgresql", "parameters")),
    ("PostgresCluster", "postgres-operator.crunchydata.com", ("config", "parameters")),
    *(
        (kind, group, ("patroni", "dynamicConfiguration", "postgresql", "parameters"))
        for kind, group in (
            ("PostgresCluster", "postgres-operator.crunchydata.com"),
            ("PerconaPGCluster", "pgv2.percona.com"),
        )
    ),
)
FILES: Final = (  # kind, group, and the way to the text of MySQL's file
    ("PerconaXtraDBCluster", PXC, ("pxc", "configuration")),
    ("InnoDBCluster", "mysql.oracle.com", ("mycnf",)),
    ("MariaDB", "k8s.mariadb.com", ("myCnf",)),
)
ENGINES: Final = {"PostgreSQL": "PostgreSQL", "MySQL": "MySQL", "MariaDB": "MySQL"}
ENDINGS: Final = (".conf", ".cnf")
_LINE: Final = re.compile(r"^[ \t]*([A-Za-z][\w-]*)[ \t]*(?:=[ \t]*|[ \t]+)['\"]?([^\s'\"#;]+)", re.MULTILINE)
_ARGUMENT: Final = re.compile(r"(?:--|-c[ \t]*)([A-Za-z][\w-]*)[= \t][ \t]*['\"]?([^\s'\";]+)")


class Place(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A database, and where something of its settings is written."""

    engine: str  # PostgreSQL or MySQL, whose settings MariaDB shares
    database: str
    several: bool = False  # machines write each row before it counts as written
    node: Node
    key: str


class Setting(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One setting of a database."""

    place: Place
    name: str  # in lower case, with underscores
    value: str  # in lower case


def settings_of_databases(estate: Estate) -> Iterator[Setting]:
    """Give every setting that can be read; what a database sets by itself, or by SQL, cannot."""
    yield from _of_operators(estate)
    for workload in estate.workloads:
        store = estate.store_of(workload)
        if store is not None and store.engine in ENGINES:
            yield from _of_workload(estate, workload, store)


def _of_operators(estate: Estate) -> Iterator[Setting]:
    for kind, group, way in PARAMETERS:
        for one in estate.of_kind(kind, group):
            node = _down(one.spec, way)
            for key in node.value:
                place = Place(engine="PostgreSQL", database=f"{kind} {one.name}", node=node, key=key)
                yield _setting(place, key, handed_on(node, key))
    for kind, group, way in FILES:
        for one in estate.of_kind(kind, group):
            node, key = _down(one.spec, way[:-1]), way[-1]
            several = kind == "PerconaXtraDBCluster"
            place = Place(engine="MySQL", database=f"{kind} {one.name}", several=several, node=node, key=key)
            for name, value in _LINE.findall(handed_on(node, key)):
                yield _setting(place, name, value)


def _down(node: Node, way: tuple[str, ...]) -> Node:
    for step in way:
        node = node.mapping(step)
    return node


def _of_workload(estate: Estate, workload: Workload, store: Store) -> Iterator[Setting]:
    engine, called = ENGINES[store.engine], f"{workload.kind} {workload.name}"
    container = store.container
    for key, words in (("command", container.command), ("args", container.arguments)):
        place = Place(engine=engine, database=called, node=container.node, key=key)
        yield from (_setting(place, name, value) for name, value in _ARGUMENT.findall(" ".join(words)))
    mounted = {mount.volume for mount in container.mounts}
    for volume in workload.volumes:
        source = volume.node.mapping("configMap").text("name") if volume.name in mounted else ""
        for resource in estate.find("ConfigMap", workload.namespace, source, workload.resource) if source else ():
            for key, text in resource.root.pairs("data").items():
                place = Place(engine=engine, database=called, node=resource.root.mapping("data"), key=key)
                if key.endswith(ENDINGS):
                    yield from (_setting(place, name, value) for name, value in _LINE.findall(text))


def _setting(place: Place, name: str, value: str) -> Setting:
    name = name.lower().replace("-", "_").removeprefix("loose_")
    return Setting(place=place, name=name, value=value.lower())
