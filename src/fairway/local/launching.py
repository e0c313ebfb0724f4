"""The processes of services: each replica's own, and before the first one what brings its stores up to date."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

from fairway.core.facts import Run, seconds
from fairway.local import foreign
from fairway.local.credentials import Credentials
from fairway.local.processes import ProcessSpec
from fairway.local.run_folder import RunFolder, replace
from fairway.local.services import DRAIN, Neighbours, Program, Replica, bind, is_ours, place, python, reached, store_of
from fairway.local.turns import Turns
from fairway.targets.environment import SCHEMA_OF
from fairway.targets.envoy.clusters import LONGEST_CONNECTION
from fairway_sdk.contract import CONFIGURATION_VARIABLE, SECRETS_VARIABLE
from fairway_sdk.contract.binding import Binding, Store

MIGRATED: Final = frozenset({"postgresql", "mysql", "sqlite", "dynamodb"})
MISPLACED: Final = 2  # the exit code of a service whose placement is at fault
STARTS_WITHIN: Final = 60.0  # seconds, where no longer is declared: many start at once
MIGRATES_WITHIN: Final = 600.0  # seconds
LONGEST_RUN: Final = 3600.0  # seconds of what runs to completion: here nobody waits longer for it
SDK: Final = "fairway_sdk.__main__"
KILLED_AFTER: Final = DRAIN + 5.0
HANDOVER: Final = LONGEST_CONNECTION + 0.5  # seconds until no proxy sends to the run before


def specs(replica: Replica, around: Neighbours) -> Iterator[ProcessSpec]:
    """Say how a replica runs, and before the first one how its stores are migrated."""
    program, credentials = replica.program, Credentials(around.run)
    bound = bind(replica, around)
    _hand_out(bound, credentials)
    processes = [around.backed.stores[name].process for name in bound.stores]
    if bound.broker and around.backed.broker:
        processes.append(around.backed.broker.process)
    beside = (*filter(None, dict.fromkeys(processes)), *around.mesh)
    migrates = any(store.kind in MIGRATED for store in bound.stores.values())
    if program.run is not None:
        migration = migrates and bool(program.run.migrate)
        if migration and replica.number == 0:
            yield _foreign_migration(replica, program.run, around, beside)
        yield _foreign(replica, program.run, around, beside, (_job(program),) if migration else ())
    else:
        if migrates and replica.number == 0:
            yield _migration(replica, around)
        yield _ours(replica, bound, around.run, beside, (_job(program),) if migrates else ())


def _job(program: Program) -> str:
    return f"{program.title}.migrate"


def _ours(
    replica: Replica, bound: Binding, run: RunFolder, beside: tuple[str, ...], waits: tuple[str, ...]
) -> ProcessSpec:
    program, turns = replica.program, Turns(run, replica.name, bound)
    words = ("run", f"{program.module}.service:service")
    return ProcessSpec(
        name=replica.name,
        service=program.name,
        command=python(program, words),
        cwd=program.code,
        env=_environment(turns.folder, Credentials(run).folder(program.name)),
        log=run.log(replica.name),
        address=bound.listen.admin,
        prepare=turns.prepare,
        settle=turns.settle,
        depends_on=waits,
        outlived_by=beside,
        ready=turns.ready,
        live=turns.live,
        overlaps=True,
        handover=HANDOVER,
        hopeless=(MISPLACED,),
        starts_within=_starts_within(program),
        stop_within=KILLED_AFTER,
        watch=program.code,
        fork=(SDK, *words) if is_ours(program) else (),
    )


def _foreign(
    replica: Replica, run: Run, around: Neighbours, beside: tuple[str, ...], waits: tuple[str, ...]
) -> ProcessSpec:
    """Say how a program runs that knows no SDK: what it needs is there before it starts, since it may rely on that."""
    program, at, here = replica.program, replica.listen.rest, around.run
    bound = bind(replica, around)
    if not run.migrate:
        bound = _with_rights(replica, bound, around)
    name = program.name if program.ends else replica.name
    return ProcessSpec(
        name=name,
        part="job" if program.ends else "service",
        service=program.name,
        command=foreign.filled(run.command, at, here.data(replica.name)),
        cwd=program.code / (run.folder or ""),
        env=_foreign_environment(bound, here, replica.name),
        log=here.log(name),
        address=at,
        depends_on=(*waits, *beside),
        outlived_by=beside,
        ready=foreign.ready(run, at) if program.serves else None,
        live=foreign.live(run, at) if program.serves else None,
        starts_within=LONGEST_RUN if program.ends else _starts_within(program),
        stop_within=KILLED_AFTER,
        watch=program.code,
        once=program.ends,
        completes=program.ends,
        schedule=program.schedule,
    )


def _foreign_migration(replica: Replica, run: Run, around: Neighbours, beside: tuple[str, ...]) -> ProcessSpec:
    """Run the declared command at each start: whether it has work to do, it knows best."""
    program, here, job = replica.program, around.run, _job(replica.program)
    bound = _with_rights(replica, bind(replica, around), around)
    return ProcessSpec(
        name=job,
        part="job",
        service=program.name,
        command=foreign.filled(run.migrate, replica.listen.rest, here.data(replica.name)),
        cwd=program.code / (run.folder or ""),
        env=_foreign_environment(msgspec.structs.replace(bound, replica=job), here, job),
        log=here.log(job),
        depends_on=beside,  # it reaches the stores as the program itself does
        outlived_by=beside,
        once=True,
        again_with=_forgetful(bound.stores, around),
        starts_within=MIGRATES_WITHIN,
    )


def _foreign_environment(bound: Binding, run: RunFolder, name: str) -> dict[str, str]:
    credentials = Credentials(run)
    own = _environment(place(run, name, bound), credentials.folder(bound.service))
    return own | foreign.told(bound, credentials)


def _with_rights(replica: Replica, bound: Binding, around: Neighbours) -> Binding:
    """Let it sign in as who may change the schema, where a store knows such a one."""
    user = foreign.schema_user(replica.program.name)
    stores = {
        name: msgspec.structs.replace(store, user=user)
        if store.kind in SCHEMA_OF and around.backed.stores[name].own_users
        else store
        for name, store in bound.stores.items()
    }
    return msgspec.structs.replace(bound, stores=stores)


def _migration(replica: Replica, around: Neighbours) -> ProcessSpec:
    """Bring the stores of a service to what its code needs, with rights that the service itself has not."""
    program, run, job = replica.program, around.run, _job(replica.program)
    user = foreign.schema_user(program.name)
    stores = {
        name: store_of(user, store, around.backed.stores[name], around.backed.stores[name].store.address)
        for name, store in replica.binding.stores.items()
        if store.kind in MIGRATED
    }
    by_proxy = stores.keys() & around.backed.ported
    for name in by_proxy:
        stores[name] = msgspec.structs.replace(stores[name], address=reached(replica, name, around))
    bound = msgspec.structs.replace(
        bind(replica, around), replica=job, stores=stores, secrets=(), broker=None, personal=None
    )
    words = ("migrate", f"{program.module}.service:service", "--wait", "30")
    note, now = run.config(f"{job}.done"), _schema(program, stores, run)
    forgetful = _forgetful(stores, around)

    async def remember() -> None:
        replace(note, _schema(program, stores, run).encode())

    return ProcessSpec(
        name=job,
        part="job",
        service=program.name,
        command=python(program, words),
        cwd=program.code,
        env=_environment(place(run, job, bound), Credentials(run).folder(user)),
        log=run.log(job),
        depends_on=(
            *filter(None, dict.fromkeys(around.backed.stores[name].process for name in stores)),
            *(around.mesh if by_proxy else ()),
            *((f"{program.name}.migrate",) if program.version else ()),  # one after the other in one database
        ),
        once=True,
        again_with=forgetful,
        unneeded=lambda: not forgetful and note.exists() and note.read_text() == now,
        settle=remember,
        fork=(SDK, *words) if is_ours(program) else (),
        starts_within=MIGRATES_WITHIN,
    )


def _forgetful(stores: Mapping[str, Store], around: Neighbours) -> tuple[str, ...]:
    return tuple(backing.process for name in stores if (backing := around.backed.stores[name]).forgets)


def _schema(program: Program, stores: Mapping[str, Store], run: RunFolder) -> str:
    """Tell one state of a service's schema from another: its code, and which databases it is in."""
    digest = hashlib.sha256(repr(sorted((name, store.address) for name, store in stores.items())).encode())
    sdk = find_spec("fairway_sdk")
    folder = Path(sdk.origin).parent if sdk and sdk.origin else Path()
    cluster = run.state / "data" / "postgresql" / "cluster" / "PG_VERSION"
    files = [*program.code.rglob("*.py"), *folder.glob("stores/migrations/versions/*.py"), cluster]
    for file in sorted(files):
        if file.exists():
            digest.update(f"{file} {file.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _hand_out(bound: Binding, credentials: Credentials) -> None:
    for name in bound.secrets:
        credentials.hand_out(bound.service, name)
    if bound.personal is not None:
        credentials.master_key(bound.personal.master_key_secret)
        credentials.hand_out(bound.service, bound.personal.master_key_secret)


def _starts_within(program: Program) -> float:
    return max(STARTS_WITHIN, seconds(program.starts_within or "1s"))


def _environment(configuration: Path, secrets: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAIRWAY_")}
    ours = {CONFIGURATION_VARIABLE: str(configuration), SECRETS_VARIABLE: str(secrets)}
    return kept | {"PYTHONUNBUFFERED": "1"} | ours
