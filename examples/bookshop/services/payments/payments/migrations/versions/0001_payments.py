"""Payments by order."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "payment",
        sa.Column("order_id", sa.String(64), primary_key=True),
        sa.Column("reader", sa.String(64), nullable=False),
        sa.Column("amount_cents", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
    )


def downgrade() -> None:
    """Take the table away."""
    op.drop_table("payment")
