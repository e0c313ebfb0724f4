"""Make the table of greetings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "greeting",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("times", sa.BigInteger, nullable=False),
    )
