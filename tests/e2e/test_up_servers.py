"""`fairway up` on other stores and brokers than its own: a letter is posted, carried by an event, and kept in MySQL."""

import json
from pathlib import Path

import pytest
from local_system import System, until

from fairway_sdk.testing.servers import MariaDB, MissingServerError, Nats, RabbitMQ, ServerProcess

FACTS = """
system: post
owners: {{ post: post@example.com }}
environments: {{ production: {{ domain: post.example.com }} }}
identity-providers: {{ people: {{ issuer: "https://id.example.com" }} }}
platform: {{ broker: {broker} }}
services:
  office:
    capability: Taking letters in
    exposure: external
    anonymous-routes: ["POST /letters/*"]
    stores: [letters]
    publishes: [letter-posted]
  rounds:
    capability: Taking letters to people
    exposure: external
    anonymous-routes: [GET /delivered]
    stores: [bags]
    consumes: [letter-posted]
stores:
  letters: {{ workload: transactional, engine: mysql }}
  bags: {{ workload: transactional, engine: mysql }}
channels:
  letter-posted: {{}}
"""
OFFICE = '''"""Takes letters in."""

from fairway_sdk import Event, Service
from sqlalchemy import text

service = Service("office")


class LetterPosted(Event, frozen=True):
    """A letter is in the box."""

    channel = "letter-posted"

    to: str


@service.post("/letters/{to}")
async def post(to: str) -> dict[str, int]:
    """Post a letter."""
    async with service.transaction() as tx:
        await tx.execute(text("insert into letter (name) values (:name)"), {"name": to})
        await tx.emit(LetterPosted(to=to))
        return {"letters": (await tx.execute(text("select count(*) from letter"))).scalar_one()}
'''
ROUNDS = '''"""Takes letters to people."""

from fairway_sdk import Event, Service, Transaction
from sqlalchemy import text

service = Service("rounds")


class LetterPosted(Event, frozen=True):
    """A letter is in the box."""

    channel = "letter-posted"

    to: str


@service.on(LetterPosted)
async def deliver(event: LetterPosted, tx: Transaction) -> None:
    """Deliver a letter."""
    await tx.execute(text("insert into letter (name) values (:name)"), {"name": event.to})


@service.get("/delivered")
async def delivered() -> list[str]:
    """Name who has got letters."""
    async with service.transaction() as tx:
        return list((await tx.execute(text("select name from letter order by name"))).scalars())
'''
REVISION = '''"""Make the table of letters."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make it."""
    op.execute("create table letter (id bigint auto_increment primary key, name varchar(40))")
'''


def write(folder: Path, broker: str) -> System:
    """Write the post."""
    for name, code in (("office", OFFICE), ("rounds", ROUNDS)):
        revisions = folder / "services" / name / name / "migrations" / "versions"
        revisions.mkdir(parents=True)
        (revisions / "0001_letters.py").write_text(REVISION)
        (folder / "services" / name / name / "__init__.py").touch()
        (folder / "services" / name / name / "service.py").write_text(code)
    (folder / "fairway.yaml").write_text(FACTS.format(broker=broker))
    return System(folder)


def need(folder: Path, *servers: type[ServerProcess]) -> None:
    """Skip where a server is not on this machine, with its own sentence."""
    for server in servers:
        try:
            server(folder).command()
        except MissingServerError as error:
            pytest.skip(str(error))


@pytest.mark.parametrize(("broker", "server"), [("nats", Nats), ("rabbitmq", RabbitMQ)])
def test_a_letter_goes_by_the_declared_broker_from_mysql_to_mysql(
    tmp_path: Path, broker: str, server: type[ServerProcess]
) -> None:
    """And both letter and news of it survive `down`."""
    need(tmp_path, MariaDB, server)
    post = write(tmp_path, broker)
    try:
        post.run("up", "--detach", "--no-console")
        names = {one["name"] for one in post.status["processes"]}
        assert {"mariadb-letters", "mariadb-bags", "broker"} <= names
        assert post.ask("/office/letters/ann", method="POST") == (200, b'{"letters":1}')
        until(lambda: post.ask("/rounds/delivered") == (200, b'["ann"]'))
        post.run("down")
        assert post.nothing_is_left()
        post.run("up", "--detach", "--no-console")
        assert post.ask("/office/letters/ben", method="POST") == (200, b'{"letters":2}')
        until(lambda: json.loads(post.ask("/rounds/delivered")[1]) == ["ann", "ben"])
    finally:
        post.run("down", check=False)
    assert post.nothing_is_left()


def test_what_is_not_there_is_told_at_once_with_the_way_to_get_it(tmp_path: Path) -> None:
    """For this machine's system, or from elsewhere; a broker has a stand-in, a database has none."""
    post = write(tmp_path, "kafka")
    facts = (tmp_path / "fairway.yaml").read_text()
    (tmp_path / "fairway.yaml").write_text(
        facts.replace(
            "bags: { workload: transactional, engine: mysql", "bags: { workload: write-heavy, engine: cassandra"
        )
    )
    done = post.run("up", check=False)
    assert done.returncode == 3
    assert "stores.bags: Cassandra" in done.stderr
    assert "--store bags=cassandra://user:password@host" in done.stderr
