"""Programs that remember how far workflows have come, and which of them forget it with their process."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from fairway.estate.container import Container
from fairway.estate.handed_on import handed_on
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.workload import Workload

TEMPORAL_FILE: Final = re.compile(r"(?:^|\s)(?:--db-filename|-f)[=\s]")
CONDUCTOR: Final = frozenset({"CONDUCTOR_DB_TYPE", "conductor.db.type", "DB"})


class Keeper(msgspec.Struct, frozen=True, kw_only=True):
    """A coordinator that writes to its own files unless it is told of a database by these settings."""

    name: str
    images: frozenset[str]
    told: re.Pattern[str]  # variables that name another place
    files: frozenset[str] = frozenset()  # values of those that name its own files nevertheless


KEEPERS: Final = (
    Keeper(
        name="Seata",
        images=frozenset({"seata-server"}),
        told=re.compile(r"STORE_?MODE|STORE_SESSION_MODE|SEATA_CONFIG_NAME|SPRING_|^(db|redis|raft)$", re.IGNORECASE),
        files=frozenset({"file"}),
    ),
    Keeper(
        name="Camunda",
        images=frozenset({"camunda-bpm-platform"}),
        told=re.compile(r"^DB_(DRIVER|URL)|^SPRING_|JDBC|SKIP_DB_CONFIG", re.IGNORECASE),
    ),
    Keeper(
        name="the LRA coordinator",
        images=frozenset({"lra-coordinator"}),
        told=re.compile(r"JDBC|DATASOURCE|OBJECT_?STORE|JAVA_(OPTS|TOOL)", re.IGNORECASE),
    ),
)


class Forgetful(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A coordinator whose memory ends with its process, or with its Pod."""

    node: Node
    key: str
    says: str
    fix: str


def forgetful(estate: Estate) -> Iterator[Forgetful]:
    """Give the coordinators of workflows that forget; one that is told by what is not in the files is left out."""
    for one in estate.of_kind("Component", "dapr.io"):
        metadata = {entry.text("name"): handed_on(entry, "value") for entry in one.spec.items("metadata")}
        if one.spec.text("type") == "state.in-memory" and metadata.get("actorStateStore") == "true":
            says = f"workflows of Dapr keep in {one.name} how far they are, and it is gone with the process."
            yield Forgetful(node=one.spec, key="type", says=says, fix="Use a store that lasts, as state.postgresql.")
    for workload in estate.workloads:
        if not workload.runs_to_completion:
            for container in workload.containers:
                yield from _of_container(workload, container)


def _of_container(workload: Workload, container: Container) -> Iterator[Forgetful]:
    words = " ".join((*container.command, *container.arguments))
    called = f"{workload.kind} {workload.name}"
    if "server start-dev" in words and "temporal" in f"{container.image} {words}":
        given = TEMPORAL_FILE.search(words)
        if not (given and _lasts(workload)):
            where = "in a file of its container" if given else "in memory"
            says = f"{called} runs Temporal's server for development: it keeps {where} how far workflows are."
            fix = "Run temporalio/server with PostgreSQL, MySQL or Cassandra."
            yield Forgetful(node=container.node, key="args" if container.arguments else "command", says=says, fix=fix)
    for variable in container.variables:
        if "conductor" in container.image and variable.name in CONDUCTOR and (variable.value or "").lower() == "memory":
            says = f"{called} runs Conductor, which keeps in memory how far workflows are."
            yield Forgetful(node=variable.node, key="value", says=says, fix="Name a database: postgres, mysql, redis.")
    name = container.image.partition("@")[0].rpartition("/")[2].partition(":")[0].lower()
    for keeper in KEEPERS:
        if name in keeper.images and not _lasts(workload) and not _told(workload, container, keeper):
            says = (
                f"{called} runs {keeper.name}, which keeps in its container how far workflows are: no store is named."
            )
            yield Forgetful(node=container.node, key="env", says=says, fix="Name a database, or give it a disk.")


def _lasts(workload: Workload) -> bool:
    return bool(workload.claim_templates) or any(volume.persistent for volume in workload.volumes)


def _told(workload: Workload, container: Container, keeper: Keeper) -> bool:
    """Tell whether anything may name another place: variables, arguments, or files from elsewhere."""
    if container.node.has("envFrom") or any(v.source in {"configMap", "secret", "projected"} for v in workload.volumes):
        return True
    named = [v for v in container.variables if keeper.told.search(v.name)]
    if any((v.value or "").lower() not in keeper.files for v in named):
        return True
    return any(map(keeper.told.search, (*container.command, *container.arguments)))
