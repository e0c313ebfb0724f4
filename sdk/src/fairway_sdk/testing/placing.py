"""Put a service into a place of a test's own, and make its tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from fairway_sdk.configuration.placement import Placement, check
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding, Store
from fairway_sdk.service import Service

if TYPE_CHECKING:
    from sqlalchemy import MetaData

S = TypeVar("S", bound=Service)


def placed(
    service: S,
    folder: Path,
    *,
    secrets: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
    **binding: Any,
) -> S:
    """Place a service in a folder, with a binding of these fields; its secrets and values are files there.

    A `SetupError` says what is missing. `write_secret` rotates one later, as a deployment would.
    """
    for name, value in (secrets or {}).items():
        write_secret(folder / "secrets", name, value)
    (folder / "configuration").mkdir(parents=True, exist_ok=True)
    for name, value in (values or {}).items():
        (folder / "configuration" / name).write_text(value)
    where = Placement(
        binding=Binding(service=service.name, **binding),
        values=Values(folder / "configuration"),
        secrets=Secrets(folder / "secrets"),
    )
    check(where.binding, where.secrets)
    service.place(where)
    return service


def write_secret(folder: Path, name: str, value: str) -> None:
    """Write a secret that only we may read, in place of an older one at once."""
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f".{name}.new"
    new.touch(0o600)
    new.write_text(value)
    new.replace(folder / name)


def place_files(service: Service) -> dict[str, str]:
    """Write the binding of a placed service beside its values; gives the environment in which its processes find it."""
    from fairway_sdk import contract

    where = service.placement
    (where.values.folder / contract.BINDING_FILE).write_bytes(msgspec.json.encode(where.binding))
    return {
        contract.CONFIGURATION_VARIABLE: str(where.values.folder),
        contract.SECRETS_VARIABLE: str(where.secrets.folder),
    }


async def create_tables(where: Service | Store, *further: "MetaData") -> None:
    """Make the SDK's tables in a placed service's SQL stores, or in one store, and those of further collections.

    Quick, and without a version: `migrate` makes what a deployment would have.
    """
    from fairway_sdk.stores.engine import open_engine
    from fairway_sdk.stores.opened import SQL
    from fairway_sdk.stores.schema import all_tables

    if isinstance(where, Service):
        stores, secrets = list(where.binding.stores.values()), where.placement.secrets
    else:
        stores, secrets = [where], Secrets(Path())
    for bound in stores:
        if bound.kind in SQL:
            engine = open_engine(bound, secrets)
            async with engine.begin() as connection:
                for collection in (all_tables(), *further):
                    await connection.run_sync(collection.create_all)
            await engine.dispose()


async def migrate(service: Service, wait: float = 30.0) -> None:
    """Bring all stores of a placed service to what its code needs, as the deployment's job does."""
    from fairway_sdk.stores.command import migrate_stores

    await migrate_stores(service, wait=wait)
