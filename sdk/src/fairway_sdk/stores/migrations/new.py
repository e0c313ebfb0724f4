"""Begin a revision: an empty one that follows the last."""

import re
from pathlib import Path

from fairway_sdk.errors import SetupError
from fairway_sdk.stores.migrations.trees import OWN_VERSION, read_tree

TEMPLATE = '''"""{summary}."""

import sqlalchemy as sa
from alembic import op

revision = "{id}"
down_revision = {follows}


def upgrade() -> None:
    """Add what the new code needs, and take away only what no running code reads: the old one still runs."""
'''


def write_revision(owner: str, folder: Path, summary: str, version_table: str = OWN_VERSION) -> Path:
    """Write an empty revision with the next number, and give its file."""
    summary = " ".join(summary.split()).rstrip(".")
    slug = re.sub(r"[^a-z0-9]+", "_", summary.lower()).strip("_")[:50]
    if not slug or '"' in summary or "\\" in summary:
        raise SetupError(
            "--new: what the revision does is wanted, in a few plain words. Write: --new 'add gift column'."
        )
    revisions = read_tree(owner, folder, version_table).revisions
    numbers = [int(revision.id) for revision in revisions if revision.id.isdigit()]
    number = f"{max(numbers, default=0) + 1:04d}"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{number}_{slug}.py"
    follows = f'"{revisions[-1].id}"' if revisions else "None"
    file.write_text(TEMPLATE.format(summary=summary[0].upper() + summary[1:], id=number, follows=follows))
    return file
