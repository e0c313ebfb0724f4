"""Make the tables of the SDK."""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from fairway_sdk.stores.migrations.steps import create_index, create_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables of the SDK."""
    create_table(
        "fairway_erasure",
        sa.Column("alias", sa.String(length=32), nullable=False),
        sa.Column("erased", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("alias"),
    )
    create_table(
        "fairway_inbox",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("consumer", sa.String(length=100), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("alias", sa.String(length=200), nullable=False),
        sa.Column("document", sa.LargeBinary(length=16777216), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.Double(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=False),
        sa.Column("message", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    create_index("fairway_inbox_lane", "fairway_inbox", ["lane", "number"], unique=False)
    create_index("fairway_inbox_next", "fairway_inbox", ["consumer", "channel", "state", "due_at"], unique=False)
    create_index("ix_fairway_inbox_alias", "fairway_inbox", ["alias"], unique=False)
    create_table(
        "fairway_lane",
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane"),
    )
    create_table(
        "fairway_outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("alias", sa.String(length=200), nullable=False),
        sa.Column("trace", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(length=16777216), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.Double(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("error", sa.String(length=200), nullable=False),
        sa.Column("message", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    create_index("fairway_outbox_next", "fairway_outbox", ["state", "number", "id"], unique=False)
    create_index("fairway_outbox_taken", "fairway_outbox", ["state", "due_at"], unique=False)
    create_table(
        "fairway_person_key",
        sa.Column("alias", sa.String(length=32), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(length=255), nullable=True),
        sa.Column("master", sa.String(length=16), server_default="", nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("erased", sa.Double(), nullable=True),
        sa.Column("held", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("alias"),
    )
    create_table(
        "fairway_saga",
        sa.Column(
            "id",
            sa.String(length=150)
            .with_variant(mysql.VARCHAR(collation="utf8mb4_bin", length=150), "mariadb")
            .with_variant(mysql.VARCHAR(collation="utf8mb4_bin", length=150), "mysql"),
            nullable=False,
        ),
        sa.Column("saga", sa.String(length=63), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column(
            "log",
            sa.Text().with_variant(mysql.LONGTEXT(), "mariadb").with_variant(mysql.LONGTEXT(), "mysql"),
            nullable=False,
        ),
        sa.Column("failed", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("trouble", sa.String(length=400), nullable=False),
        sa.Column(
            "document",
            sa.Text().with_variant(mysql.LONGTEXT(), "mariadb").with_variant(mysql.LONGTEXT(), "mysql"),
            nullable=False,
        ),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("alias", sa.String(length=200), nullable=False),
        sa.Column("tenant", sa.String(length=100), nullable=False),
        sa.Column("trace", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Double(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("progressed", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    create_index(
        "fairway_saga_alias",
        "fairway_saga",
        ["alias"],
        unique=False,
        postgresql_where=sa.text("alias <> ''"),
        sqlite_where=sa.text("alias <> ''"),
    )
    create_index("fairway_saga_due", "fairway_saga", ["due"], unique=False)
    create_index(
        "fairway_saga_open",
        "fairway_saga",
        ["state", "saga"],
        unique=False,
        postgresql_where=sa.text("state in ('running', 'compensating', 'stuck')"),
        sqlite_where=sa.text("state in ('running', 'compensating', 'stuck')"),
    )
    # ### end Alembic commands ###
