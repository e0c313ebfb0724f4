"""The operator's command for stores: `migrate` brings them to what the code needs; safe to run beside itself."""

import argparse
import json
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fairway_sdk.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairway_sdk.service import Service
    from fairway_sdk.stores.dynamodb import DynamoStore
    from fairway_sdk.stores.migrations.turn import Tell

Done = dict[str, Any]

FINE, FAILED = 0, 1


def add(commands: Any) -> None:
    """Add the command to those of `python -m fairway_sdk`."""
    parser = commands.add_parser("migrate", help="bring the schemas of the stores to what the code needs")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="change nothing; exit with 1 where something is pending")
    what.add_argument("--sql", action="store_true", help="change nothing; print the statements of what is pending")
    what.add_argument("--new", metavar="WORDS", default="", help="begin a revision of the service's own")
    parser.add_argument("--to", metavar="REVISION", default="", help="the last revision to apply of the service's own")
    parser.add_argument("--store", metavar="NAME", default="", help="of this store only")
    parser.add_argument("--wait", metavar="SECONDS", type=float, default=600.0, help="for the store, and for our turn")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(act=migrate)


async def migrate(service: "Service", options: argparse.Namespace) -> int:
    """Do what the command says; 0 when the stores are as the code needs them."""
    if options.new:
        return _new(service, options.new, options.store)
    if options.sql:
        return await _sql(service, options)
    into = sys.stderr if options.format == "json" else sys.stdout

    def tell(line: str) -> None:
        into.write(line + "\n")
        into.flush()

    if options.check:
        pending, applied = await _pending(service, options.store, tell), []
    else:
        pending, applied = [], await migrate_stores(service, options.store, options.to, options.wait, tell)
    if options.format == "json":
        sys.stdout.write(json.dumps({"pending": pending, "applied": applied}) + "\n")
    elif pending:
        sys.stdout.writelines(f"{one['store']}: pending: {one['what']}\n" for one in pending)
    else:
        sys.stdout.write(f"{service.name}: {len(applied)} applied.\n" if applied else f"{service.name}: up to date.\n")
    return FAILED if pending else FINE


async def migrate_stores(
    service: "Service", store: str = "", to: str = "", wait: float = 600.0, tell: "Tell" = lambda _line: None
) -> list[Done]:
    """Bring the stores of a placed service to what its code needs, and tell what was done."""
    from fairway_sdk.stores.migrations import job

    done: list[Done] = []
    for name in _stores(service, store):
        if service.binding.stores[name].kind == "dynamodb":
            from fairway_sdk.stores.migrations import dynamodb

            async with _dynamodb(service, name) as found:
                done += [{"store": name, "what": what} for what in await dynamodb.make(found, wait, tell)]
            continue
        for one in await job.migrate(service, name, to, wait, tell):
            done.append({"store": name, "what": f"{one.revision}: {one.summary}", "seconds": one.seconds})
    return done


async def _pending(service: "Service", store: str, tell: "Tell") -> list[Done]:
    from fairway_sdk.stores.migrations import job

    found: list[Done] = []
    for name in _stores(service, store):
        if service.binding.stores[name].kind == "dynamodb":
            from fairway_sdk.stores.migrations import dynamodb

            async with _dynamodb(service, name) as opened:
                found += [{"store": name, "what": what} for what in await dynamodb.lacking(opened)]
            continue
        found += [
            {"store": name, "what": f"{one.id}: {one.summary}"} for one in await job.lacking(service, name, 0, tell)
        ]
    return found


@asynccontextmanager
async def _dynamodb(service: "Service", name: str) -> "AsyncIterator[DynamoStore]":
    from fairway_sdk.stores.dynamodb import DynamoStore

    store = DynamoStore(service, name, service.binding.stores[name])
    try:
        yield store
    finally:
        await store.stop()


async def _sql(service: "Service", options: argparse.Namespace) -> int:
    from fairway_sdk.stores.migrations.job import write_sql

    for name in _stores(service, options.store):
        if service.binding.stores[name].kind != "dynamodb":
            sys.stdout.write(f"-- {name}\n")
            await write_sql(service, name, options.to, sys.stdout, lambda _line: None)
    return FINE


def _new(service: "Service", words: str, store: str) -> int:
    from fairway_sdk.stores.migrations.new import write_revision
    from fairway_sdk.stores.migrations.trees import own_folder
    from fairway_sdk.stores.opened import SQL

    several = [name for name, bound in service.binding.own_stores.items() if bound.kind in SQL]
    if not store and len(several) > 1:
        raise SetupError(f"--new: for which store? Add --store with one of: {', '.join(several)}.")
    file = write_revision(service.name, own_folder(service, store), words)
    sys.stdout.write(f"{file}: is begun. Write its steps, and try it: migrate --sql.\n")
    return FINE


def _stores(service: "Service", wanted: str) -> list[str]:
    from fairway_sdk.stores.opened import SQL

    stores = service.binding.stores
    if wanted and wanted not in stores:
        raise SetupError(f"--store {wanted}: service '{service.name}' is bound to: {', '.join(stores) or 'no store'}.")
    names = [name for name, bound in stores.items() if bound.kind in (*SQL, "dynamodb") and wanted in {"", name}]
    if not names:
        raise SetupError(
            f"service '{service.name}': is bound to no store with a schema that this migrates."
            " Run it where the service's deployment is mounted, or leave this job out."
        )
    return names
