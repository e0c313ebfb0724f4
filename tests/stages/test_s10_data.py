"""Data decides how every store runs and comes back, and puts it before those who use it."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import msgspec
import pytest

from fairway.core.decision import AnyDecision
from fairway.core.facts import System
from fairway.core.order import order as waves_of
from fairway.core.profile import Landscape, survey
from fairway.stages.s10_data import decisions
from fairway.stages.s10_data.decisions.backups import Backups
from fairway.stages.s10_data.decisions.stores import Cache, Copies, Disk, Grant, Topology
from fairway.stages.s10_data.order import order

Facts = dict[str, Any]
TWO: Facts = {"eu": {"cloud": "aws"}, "us": {"cloud": "aws"}}
MIXED: Facts = {"eu": {"cloud": "aws"}, "us": {"cloud": "gcp"}}


def land(services: Facts, **rest: Any) -> Landscape:  # noqa: ANN401 - any fact may be given
    """Survey a small system."""
    return survey(msgspec.convert({"system": "shop", "services": services, **rest}, System))


def keeping(store: Facts, *, level: str = "standard", regions: Facts | None = None, **platform: str) -> Landscape:
    """Survey orders, which keeps its data in db."""
    services = {"orders": {"stores": ["db"], "criticality": level}}
    return land(services, stores={"db": store}, regions=regions or {}, platform=platform)


def alone(facts: Facts, **rest: Any) -> list[AnyDecision]:  # noqa: ANN401
    """Decide what one service keeps on its own disks and in passing."""
    landscape = land({"orders": facts}, **rest)
    return [*decisions.for_service(landscape.services["orders"], landscape)]


def find(made: Iterable[AnyDecision], topic: str, subject: str = "store db") -> AnyDecision:
    """Find the one decision on a subject."""
    (found,) = [decision for decision in made if (decision.topic, decision.subject) == (topic, subject)]
    return found


def of(landscape: Landscape, topic: str) -> AnyDecision:
    """Find the one decision about store db."""
    return find(decisions.for_system(landscape), topic)


SQL: Facts = {"workload": "transactional"}
WIDE: Facts = {"workload": "write-heavy"}
CACHE: Facts = {"workload": "cache"}


@pytest.mark.parametrize(
    ("slug", "store", "regions", "holds", "because"),
    [
        ("reliable-store", SQL, {}, True, "it keeps data in db"),
        ("reliable-store", CACHE, {}, False, "it keeps no data that must last"),
        ("transactional", SQL, {}, True, "db is transactional"),
        ("transactional", WIDE, {}, False, "it has no transactional store"),
        ("write-heavy", WIDE, {}, True, "db is write-heavy"),
        ("write-heavy", SQL, {}, False, "it has no write-heavy store"),
        ("ephemeral", CACHE, {}, True, "db may be lost"),
        ("ephemeral", SQL, {}, False, "it has no cache"),
        ("backups", SQL, {}, True, "it keeps data in db"),
        ("backups", CACHE, {}, False, "it keeps no data that must last"),
        ("geo-replication", SQL, TWO, True, "the system runs in eu and us, and it keeps data in db"),
        ("geo-replication", SQL, {}, False, "the system runs in one region"),
        ("geo-replication", CACHE, TWO, False, "it keeps no data that must last"),
        ("encryption-at-rest", SQL, {}, True, "it keeps data in db"),
        ("encryption-at-rest", CACHE, {}, False, "it keeps no data that must last"),
        ("retention", {**CACHE, "data": ["personal"]}, {}, True, "it handles personal data"),
        ("retention", SQL, {}, False, "it handles no personal or regulated data"),
    ],
)
def test_a_rule_applies_where_the_standard_says_so(
    slug: str,
    store: Facts,
    regions: Facts,
    holds: bool,  # noqa: FBT001
    because: str,
) -> None:
    """Each rule's condition holds or not, with the reason that the plan shows."""
    rule = import_module(f"fairway.stages.s10_data.{slug.replace('-', '_')}").RULE
    verdict = rule.applies(keeping(store, regions=regions).services["orders"])
    assert rule.id == f"data/{slug}"
    assert (verdict.holds, verdict.because) == (holds, because)


@pytest.mark.parametrize(
    ("store", "regions", "rule", "engine", "rejected"),
    [
        (SQL, {}, "data/transactional", "postgresql", "MySQL"),
        ({**SQL, "engine": "mysql"}, {}, "data/transactional", "mysql", "PostgreSQL"),
        (WIDE, {}, "data/write-heavy", "cassandra", "DynamoDB"),
        (WIDE, MIXED, "data/write-heavy", "cassandra", "DynamoDB"),
        (WIDE, TWO, "data/write-heavy", "dynamodb", "Cassandra"),
        ({**WIDE, "engine": "cassandra"}, TWO, "data/write-heavy", "cassandra", "DynamoDB"),
        (CACHE, {}, "data/ephemeral", "redis", "a durable store"),
    ],
)
def test_the_engine_follows_from_the_work_and_the_clouds(
    store: Facts, regions: Facts, rule: str, engine: str, rejected: str
) -> None:
    """The rule of the work decides, and the other engine of the pair is named with what speaks against it."""
    made = of(keeping(store, regions=regions), "engine")
    assert (made.rule, made.value, made.state) == (rule, engine, "decided")
    assert made.instead[0].option == rejected
    assert made.instead[0].why


@pytest.mark.parametrize(
    ("store", "regions", "takes"),
    [
        ({**SQL, "engine": "redis"}, {}, "PostgreSQL or MySQL"),
        ({**WIDE, "engine": "postgresql"}, {}, "Cassandra or DynamoDB"),
        ({**WIDE, "engine": "dynamodb"}, MIXED, "AWS in every region"),
    ],
)
def test_an_engine_that_does_not_fit_is_owed(store: Facts, regions: Facts, takes: str) -> None:
    """What is declared is built, and the plan says what the standard asks instead."""
    made = of(keeping(store, regions=regions), "engine")
    assert (made.state, made.value) == ("owed", store["engine"])
    assert takes in made.answer


@pytest.mark.parametrize(
    ("store", "level", "members", "synchronous"),
    [
        (SQL, "low", 1, False),
        (SQL, "standard", 2, False),
        (SQL, "mission-critical", 3, True),
        ({**SQL, "engine": "mysql"}, "standard", 3, True),
        (WIDE, "standard", 3, True),
        (WIDE, "mission-critical", 6, True),
    ],
)
def test_servers_follow_from_criticality(store: Facts, level: str, members: int, synchronous: bool) -> None:  # noqa: FBT001
    """One word of the facts changes the number and what a confirmed write means."""
    made = of(keeping(store, level=level), "servers")
    assert made.value == Topology(members=members, synchronous=synchronous, size="10Gi")
    assert f"orders ({level})" in made.because
    assert ("two have it" in made.answer) is synchronous


def test_the_most_critical_user_decides_for_a_shared_store() -> None:
    """A store is as critical as the most critical service that needs it."""
    services: Facts = {"report": {"stores": ["db"], "criticality": "low"}, "orders": {"stores": ["db"]}}
    assert of(land(services, stores={"db": SQL}), "servers").value.members == 2
    services["report"]["criticality"] = "mission-critical"
    made = of(land(services, stores={"db": SQL}), "servers")
    assert made.value.members == 3
    assert "report (mission-critical)" in made.because


def test_dynamodb_has_no_servers_of_its_own() -> None:
    """There is nothing to size, and access is by roles."""
    landscape = keeping(WIDE, regions=TWO)
    assert of(landscape, "servers").value.members == 0
    assert "role of AWS" in of(landscape, "access").answer


def test_every_user_of_a_store_has_its_own_way_in() -> None:
    """What runs reads and writes rows; only migrations change the schema."""
    made = of(land({"orders": {"stores": ["db"]}, "report": {"stores": ["db"]}}, stores={"db": SQL}), "access")
    assert made.value == (
        Grant(service="orders", user="orders", schema_user="orders-migration"),
        Grant(service="report", user="report", schema_user="report-migration"),
    )
    assert "orders and report each have" in made.answer


@pytest.mark.parametrize(
    ("level", "log_every", "kept", "time", "hours"),
    [
        ("mission-critical", "1m", "35d", "30m", "*/6"),
        ("standard", "5m", "14d", "4h", "1"),
        ("low", "1h", "7d", "1d", "1"),
    ],
)
def test_backups_follow_from_criticality(level: str, log_every: str, kept: str, time: str, hours: str) -> None:
    """Who must be back sooner is backed up more often, and loses less."""
    made = of(keeping(SQL, level=level), "backups")
    expected = Backups(
        schedule=f"{made.value.schedule.split()[0]} {hours} * * *",
        log_every=log_every,
        kept=kept,
        point=log_every,
        time=time,
        place="",
    )
    assert made.value == expected
    assert all(f"{figure} " in f"{made.answer} " for figure in (log_every, kept, time))


def test_declared_recovery_goes_before_criticality() -> None:
    """What the user promises is what the schedule keeps."""
    made = of(keeping({**SQL, "recovery": {"point": "30m", "time": "45m"}}), "backups")
    assert (made.value.point, made.value.time, made.value.log_every) == ("30m", "45m", "30m")
    assert "*/6" in made.value.schedule
    assert made.because == "its recovery is declared"


@pytest.mark.parametrize(("size", "least"), [("10Gi", "6m"), ("100Gi", "14m"), ("5Ti", "8h")])
def test_a_store_is_back_no_sooner_than_its_size_allows(size: str, least: str) -> None:
    """What is declared shorter is owed; where nothing is declared, no more is promised than can be kept."""
    declared = SQL | {"size": size, "recovery": {"time": "30s"}}
    made = of(keeping(declared), "backups")
    assert (made.state, made.answer) == ("owed", f"an RTO of {least} for db, or less in one store")
    assert made.value.time == least
    assert f"{size} take {least} to restore; until that is settled: in full every" in made.because
    silent = of(keeping(SQL | {"size": "5Ti"}), "backups")
    assert (silent.state, silent.value.time) == ("decided", "8h")
    assert "5Ti take 8h to restore" in silent.because


def test_another_engine_is_named_only_where_it_loses_less() -> None:
    """PostgreSQL comes back no closer than MySQL does."""
    lost = {"recovery": {"point": "1s"}}
    assert of(keeping(SQL | lost | {"engine": "mysql"}), "backups").answer == "an RPO of 1m for db"
    assert of(keeping(WIDE | lost | {"engine": "cassandra"}), "backups").answer == "an RPO of 1h for db, or DynamoDB"


def test_both_objectives_that_cannot_be_kept_are_owed_together() -> None:
    """One line names what each would take."""
    made = of(keeping(SQL | {"recovery": {"point": "1s", "time": "1s"}}), "backups")
    assert made.answer == ("an RPO of 1m for db; and an RTO of 6m for db, or less in one store")


@pytest.mark.parametrize(("engine", "work", "least"), [("mysql", SQL, "1m"), ("cassandra", WIDE, "1h")])
def test_a_recovery_that_the_engine_cannot_keep_is_owed(engine: str, work: Facts, least: str) -> None:
    """The answer says what can be kept instead, and that is built until it is settled."""
    made = of(keeping({**work, "engine": engine, "recovery": {"point": "10s"}}), "backups")
    assert made.state == "owed"
    assert f"an RPO of {least}" in made.answer
    assert made.value.point == least


def test_an_engine_without_a_log_says_that_it_comes_back_to_a_snapshot_only() -> None:
    """Cassandra's hourly snapshots are no moment of choice, and the plan does not claim one."""
    made = of(keeping(WIDE), "backups")
    assert (made.value.log_every, made.value.point) == (None, "1h")
    assert "any snapshot" in made.answer
    assert "archives no commit log" in made.because
    dynamodb = of(keeping(WIDE, regions={"eu": {"cloud": "aws"}}), "backups")
    assert (dynamodb.value.schedule, dynamodb.value.log_every) == (None, "5m")
    assert "any moment" in dynamodb.answer


def test_regulated_data_is_kept_in_backups_as_long_as_the_highest_level() -> None:
    """The class of data raises what criticality alone would give."""
    assert of(keeping({**SQL, "data": ["regulated"]}, level="low"), "backups").value.kept == "35d"


def test_backups_leave_the_region_where_there_is_another() -> None:
    """A backup beside the store would be lost with it."""
    assert of(keeping(SQL, regions=TWO), "backups").value.place == "us"
    assert "kept outside the cluster" in of(keeping(SQL), "backups").answer


def test_not_all_stores_are_backed_up_in_the_same_minute() -> None:
    """Moments are spread by name, and stay the same from plan to plan."""
    names = [f"db-{number}" for number in range(40)]
    landscape = land({"orders": {"stores": names}}, stores=dict.fromkeys(names, SQL))
    moments = {made.value.schedule for made in decisions.for_system(landscape) if made.topic == "backups"}
    assert len(moments) > 20


@pytest.mark.parametrize(
    ("store", "form", "writes"),
    [
        (SQL, "replica-cluster", "home"),
        ({**SQL, "engine": "mysql"}, "replica-cluster", "home"),
        (WIDE, "global-table", "everywhere"),
        ({**WIDE, "engine": "cassandra"}, "datacenter-per-region", "everywhere"),
    ],
)
def test_copies_in_other_regions_take_the_form_of_the_engine(store: Facts, form: str, writes: str) -> None:
    """Only engines that settle two writes to one row are written in every region."""
    made = of(keeping(store, regions=TWO), "other regions")
    assert made.value == Copies(form=form, home="eu", others=("us",), writes=writes, lag="1m")  # type: ignore[arg-type]
    critical = of(keeping(store, regions=TWO, level="mission-critical"), "other regions")
    assert critical.value.lag == "10s"


@pytest.mark.parametrize(("store", "regions"), [(SQL, {}), (CACHE, TWO)])
def test_nothing_is_copied_where_there_is_one_region_or_only_a_cache(store: Facts, regions: Facts) -> None:
    """The rule does not apply, so no decision is made."""
    assert "data/geo-replication" not in {made.rule for made in decisions.for_system(keeping(store, regions=regions))}


def test_a_cache_is_not_tended_like_a_database() -> None:
    """No backups, no copies, no disk; the longest unread entry goes first."""
    made = [*decisions.for_system(keeping(CACHE))]
    assert {decision.rule for decision in made} == {"data/ephemeral"}
    expected = Cache(members=2, memory="512Mi", eviction="allkeys-lru", users=("orders",))
    assert find(made, "cache").value == expected
    assert of(keeping({**CACHE, "size": "2Gi"}, level="mission-critical"), "cache").value.members == 3


@pytest.mark.parametrize("facts", [{"sessions": True}, {"consumes": ["placed"]}])
def test_a_cache_that_users_rely_on_keeps_live_entries_longest(facts: Facts) -> None:
    """A session that is still in use is worth more than one that is about to end."""
    landscape = land({"orders": {"stores": ["db"], **facts}}, stores={"db": CACHE}, channels={"placed": {}})
    made = of(landscape, "cache")
    assert made.value.eviction == "volatile-ttl"
    assert "orders would notice" in made.because


def test_a_store_that_nobody_uses_is_a_question() -> None:
    """It is neither built nor silently left out."""
    landscape = land({"orders": {}}, stores={"db": SQL})
    (made,) = decisions.for_system(landscape)
    assert (made.state, made.answer) == ("unanswered", "Which service uses store db?")
    assert [*order(landscape)] == []


def test_a_disk_of_its_own_is_snapshot_and_encrypted() -> None:
    """What a stateful service keeps follows the same rules as a store, as far as a disk can."""
    made = alone({"volumes": {"model": {"size": "20Gi"}}, "criticality": "mission-critical"})
    backups = find(made, "backups", "volume model").value
    assert (backups.schedule.split()[1:], backups.log_every, backups.point) == (["*", "*", "*", "*"], None, "1h")
    assert find(made, "disk", "volume model").value == Disk(size="20Gi")
    assert find(made, "encryption", "volume model").value.fields is None
    low = alone({"volumes": {"model": {}}, "criticality": "low"})
    assert find(low, "backups", "volume model").value.point == "1d"


def test_a_shared_read_only_disk_is_nobodys_state() -> None:
    """It can be filled again from where it came."""
    assert alone({"volumes": {"model": {"access": "shared-read-only"}}}) == []


def test_a_store_is_there_before_those_who_use_it() -> None:
    """Also before their migrations, where it is durable; disks come before what keeps state on them."""
    services = {"orders": {"stores": ["db", "a-cache"]}, "counter": {"volumes": {"state": {}}}}
    edges = [*order(land(services, stores={"db": SQL, "a-cache": CACHE}))]
    assert {(edge.first, edge.then) for edge in edges} == {
        ("platform", "store/db"),
        ("platform", "store/a-cache"),
        ("platform", "volume/counter"),
        ("store/db", "workload/orders"),
        ("store/db", "migration/orders"),
        ("store/a-cache", "workload/orders"),
    }
    assert waves_of(edges).waves[0] == ("platform",)


def test_a_disk_reaches_other_regions_by_its_snapshots() -> None:
    """One region needs no copy; with two the plan says how far the other is behind."""
    facts: Facts = {"volumes": {"index": {}}, "criticality": "mission-critical"}
    copied = find(alone(facts, regions=TWO), "other regions", "volume index")
    assert copied.value == Copies(form="snapshots", home="eu", others=("us",), writes="home", lag="1h")
    assert copied.rule == "data/geo-replication"
    assert not [decision for decision in alone(facts) if decision.topic == "other regions"]
