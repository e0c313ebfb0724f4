"""Books, what orders hold of them, and the first books on the shelves."""

import csv
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SEED = Path(__file__).parents[2] / "books.csv"


def upgrade() -> None:
    """Make the tables, and put the seed in."""
    book = op.create_table(
        "book",
        sa.Column("isbn", sa.String(13), primary_key=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("price_cents", sa.BigInteger, nullable=False),
        sa.Column("copies", sa.Integer, nullable=False),
        sa.CheckConstraint("copies >= 0", name="copies_are_not_negative"),
    )
    op.create_table(
        "reservation",
        sa.Column("order_id", sa.String(64), primary_key=True),
        sa.Column("price_cents", sa.BigInteger, nullable=False),
        sa.Column("released", sa.Boolean, nullable=False),
    )
    op.create_table(
        "hold",
        sa.Column("order_id", sa.String(64), sa.ForeignKey("reservation.order_id"), primary_key=True),
        sa.Column("isbn", sa.String(13), sa.ForeignKey("book.isbn"), primary_key=True),
        sa.Column("copies", sa.Integer, nullable=False),
    )
    with SEED.open(newline="", encoding="utf-8") as file:
        op.bulk_insert(
            book,
            [
                row | {"price_cents": int(row["price_cents"]), "copies": int(row["copies"])}
                for row in csv.DictReader(file)
            ],
        )


def downgrade() -> None:
    """Take the tables away."""
    for table in ("hold", "reservation", "book"):
        op.drop_table(table)
