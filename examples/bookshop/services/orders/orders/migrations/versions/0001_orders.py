"""Orders and their lines."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "order",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("reader", sa.String(64), nullable=False, index=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("address", sa.LargeBinary, nullable=False),
        sa.Column("gift_wrapping", sa.Boolean, nullable=False),
        sa.Column("price_cents", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
    )
    op.create_table(
        "order_line",
        sa.Column("order_id", sa.String(64), sa.ForeignKey("order.id"), primary_key=True),
        sa.Column("isbn", sa.String(13), primary_key=True),
        sa.Column("copies", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Take the tables away."""
    op.drop_table("order_line")
    op.drop_table("order")
