"""Begin a revision of the SDK's tables: what the code has and the last revision has not, as steps to read and mend.

.venv/bin/python scripts/sdk_revision.py "add what to the outbox"
"""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext

from fairway_sdk import Service
from fairway_sdk.stores.command import migrate_stores
from fairway_sdk.stores.engine import open_engine
from fairway_sdk.stores.migrations.new import write_revision
from fairway_sdk.stores.migrations.trees import SDK_FOLDER, SDK_VERSION
from fairway_sdk.stores.schema import all_tables
from fairway_sdk.testing.placing import placed
from fairway_sdk.testing.servers import PostgreSQL

IMPORT = "from alembic import op\n"
FURTHER = """from sqlalchemy.dialects import mysql

from fairway_sdk.stores.migrations.steps import add_column, create_index, create_table
"""


def steps(connection: sa.Connection) -> str:
    """Give the steps from a store's tables to the code's."""
    options = {"version_table": SDK_VERSION, "compare_server_default": True}
    upgrade = produce_migrations(MigrationContext.configure(connection, opts=options), all_tables()).upgrade_ops
    if upgrade is None or upgrade.is_empty():
        raise SystemExit("The last revision has all that the code has.")
    code = re.sub(r" *# ###.*\n", "", render_python_code(upgrade))
    code = re.sub(r"\bop\.f\(('[^']*')\)", r"\1", code)
    return re.sub(r"\bop\.(create_table|create_index|add_column)\(", r"\1(", code).strip()


async def main(words: str) -> None:
    """Write the revision."""
    with TemporaryDirectory(prefix="fw-") as folder, PostgreSQL(Path(folder)) as server:
        service = placed(Service("sdk"), Path(folder) / "place", stores={"db": server.create("sdk")})
        await migrate_stores(service)
        engine = open_engine(service.binding.stores["db"], service.placement.secrets)
        async with engine.connect() as connection:
            body = await connection.run_sync(steps)
        await engine.dispose()
    file = write_revision("the SDK", SDK_FOLDER, words, SDK_VERSION)
    text = file.read_text().replace(IMPORT, IMPORT + FURTHER)
    text = re.sub(r'    """Add what.*"""\n', f'    """{words[0].upper()}{words[1:]}."""\n', text)
    file.write_text(f"{text}    {body}\n")
    for arguments in (["check", "--fix", "--quiet", "--select", "F401,I"], ["format", "--quiet"]):
        ruff = [str(Path(sys.executable).with_name("ruff")), *arguments, str(file)]
        subprocess.run(ruff, check=True)  # noqa: ASYNC221, S603 - our command, and nothing else runs here
    print(f"{file}: is begun. Read it and mend it.")


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:])))
