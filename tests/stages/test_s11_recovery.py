"""Recovery decides what stands above the regions, what each can do alone, and how recovery is tried out."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import msgspec
import pytest

from fairway.core.decision import AnyDecision
from fairway.core.facts import System, seconds
from fairway.core.order import order as waves_of
from fairway.core.profile import Landscape, survey
from fairway.stages.s11_recovery import decisions
from fairway.stages.s11_recovery.decisions import Balancer, ControlPlane, Simulation, Survival
from fairway.stages.s11_recovery.order import order

Facts = dict[str, Any]
TWO: Facts = {"eu": {"cloud": "aws"}, "us": {"cloud": "aws"}}
SHOP: Facts = {"exposure": "external"}


def land(services: Facts, **rest: Any) -> Landscape:  # noqa: ANN401 - any fact may be given
    """Survey a small system."""
    facts = {name.replace("_", "-"): value for name, value in rest.items()}
    return survey(msgspec.convert({"system": "shop", "services": services, **facts}, System))


def find(made: Iterable[AnyDecision], topic: str, subject: str = "") -> AnyDecision:
    """Find the one decision on a subject."""
    (found,) = [decision for decision in made if (decision.topic, decision.subject) == (topic, subject)]
    return found


def of(landscape: Landscape, topic: str, subject: str = "") -> AnyDecision:
    """Find the one decision of the system on a subject."""
    return find(decisions.for_system(landscape), topic, subject)


def cut_off(facts: Facts, **rest: Any) -> AnyDecision:  # noqa: ANN401
    """Decide what one service does while its region is cut off."""
    landscape = land({"orders": facts}, regions=TWO, **rest)
    return find(decisions.for_service(landscape.services["orders"], landscape), "when cut off")


@pytest.mark.parametrize(
    ("slug", "facts", "holds", "because"),
    [
        ("global-load-balancing", {"regions": TWO}, True, "the system runs in eu and us"),
        ("global-load-balancing", {}, False, "the system runs in one region"),
        ("autonomous-regions", {"regions": TWO}, True, "the system runs in eu and us"),
        ("autonomous-regions", {}, False, "the system runs in one region"),
        ("global-routing", {"regions": TWO}, True, "the system runs in eu and us"),
        ("global-routing", {}, False, "the system runs in one region"),
        ("replicated-or-backed-up", {"stores": {"db": {"workload": "transactional"}}}, True, "it keeps data in db"),
        (
            "replicated-or-backed-up",
            {"stores": {"db": {"workload": "cache"}}},
            False,
            "it keeps no data that must last",
        ),
        ("quarterly-simulations", {}, True, "it holds for every service"),
        ("control-plane", {"failover_depends_on_kubernetes": True}, True, "failover depends on Kubernetes"),
        ("control-plane", {}, False, "failover does not depend on Kubernetes"),
    ],
)
def test_a_rule_applies_where_the_standard_says_so(slug: str, facts: Facts, holds: bool, because: str) -> None:  # noqa: FBT001
    """Each rule's condition holds or not, with the reason that the plan shows."""
    rule = import_module(f"fairway.stages.s11_recovery.{slug.replace('-', '_')}").RULE
    verdict = rule.applies(land({"orders": {"stores": list(facts.get("stores", ()))}}, **facts).services["orders"])
    assert rule.id == f"recovery/{slug}"
    assert (verdict.holds, verdict.because) == (holds, because)


@pytest.mark.parametrize(
    ("clouds", "form"),
    [
        (("aws", "aws"), "global-accelerator"),
        (("gcp", "gcp"), "multi-cluster-gateway"),
        (("azure", "azure"), "front-door"),
        (("none", "none"), "k8gb"),
        (("aws", "gcp"), "k8gb"),
        (("aws", "none"), "k8gb"),
    ],
)
def test_the_load_balancer_takes_the_form_of_the_clouds(clouds: tuple[str, str], form: str) -> None:
    """Each cloud has its own; mixed clouds and machines of one's own have k8gb."""
    regions = {"eu": {"cloud": clouds[0]}, "us": {"cloud": clouds[1]}}
    made = of(land({"shop": SHOP}, regions=regions), "global load balancer")
    assert isinstance(made.value, Balancer)
    assert (made.value.form, made.value.regions) == (form, ("eu", "us"))
    assert (made.value.kept is not None) is (form == "k8gb")
    assert made.instead


@pytest.mark.parametrize(
    ("level", "at_once", "by_dns"), [("mission-critical", 20, 30), ("standard", 30, 60), ("low", 90, 150)]
)
def test_failover_is_sooner_the_more_critical_the_exposed_service_is(level: str, at_once: int, by_dns: int) -> None:
    """The figure is checks times interval, and where it goes by DNS the time that an answer is kept."""
    services = {"shop": {**SHOP, "criticality": level}, "vault": {"criticality": "mission-critical"}}
    for regions, expected in ((TWO, at_once), ({"eu": {}, "us": {}}, by_dns)):
        made = of(land(services, regions=regions), "global load balancer")
        assert made.value.failover == f"{expected}s"
        parts = seconds(made.value.interval) * made.value.failures + seconds(made.value.kept or "1s") * bool(
            made.value.kept
        )
        assert parts == expected
        assert f"shop ({level})" in made.because


def test_nothing_stands_above_regions_that_nobody_outside_reaches() -> None:
    """The plan says so, and decides no policy."""
    landscape = land({"orders": {}}, regions=TWO)
    made = of(landscape, "global load balancer")
    assert made.value is None
    assert made.answer.startswith("none")
    assert "global routing" not in {decision.topic for decision in decisions.for_system(landscape)}


def test_customers_are_answered_by_the_nearest_region() -> None:
    """Latency counts where customers notice it; elsewhere the first region answers, and the others are its reserve."""
    facing = of(land({"shop": {**SHOP, "customer-facing": True}}, regions=TWO), "global routing")
    assert (facing.value, facing.because) == ("latency", "shop is customer-facing")
    plain = of(land({"shop": SHOP}, regions=TWO), "global routing")
    assert plain.value == "availability"
    assert "eu answers, and us when it is down" in plain.answer


def test_customers_whose_writes_one_region_takes_are_sent_there() -> None:
    """However many services stand between; a cache, or a store that every region writes, moves nobody."""
    stores = {"ledger": {"workload": "transactional"}, "clicks": {"workload": "write-heavy", "engine": "cassandra"}}
    shop = {**SHOP, "customer-facing": True, "calls": {"orders": {}}, "stores": ["seen"]}
    for store, expected in (("ledger", "availability"), ("clicks", "latency")):
        services = {"shop": shop, "orders": {"calls": {"money": {}}}, "money": {"stores": [store]}}
        known = {store: stores[store], "seen": {"workload": "cache"}}
        decided = of(land(services, regions=TWO, stores=known), "global routing")
        assert decided.value == expected
        assert (store in decided.because) == (expected == "availability")
        assert decided.instead


def test_one_region_decides_nothing_about_several() -> None:
    """The rules do not apply, so nothing is decided by them."""
    landscape = land(
        {"shop": {**SHOP, "customer-facing": True, "stores": ["db"]}}, stores={"db": {"workload": "cache"}}
    )
    assert [made.topic for made in decisions.for_system(landscape)] == ["simulations"]
    assert [*decisions.for_service(landscape.services["shop"], landscape)] == []


def test_each_region_has_its_own_of_everything_a_request_needs() -> None:
    """No region asks another who may log in."""
    made = of(land({"orders": {}}, regions=TWO), "autonomy")
    assert set(made.value) == {"identity", "configuration", "secrets", "observability"}
    assert "eu and us" in made.answer


@pytest.mark.parametrize(
    ("store", "value"),
    [
        ({"workload": "transactional"}, "reads"),
        ({"workload": "transactional", "engine": "mysql"}, "reads"),
        ({"workload": "write-heavy"}, "everything"),
        ({"workload": "cache"}, "everything"),
    ],
)
def test_a_region_that_is_cut_off_writes_only_where_no_other_region_does(store: Facts, value: str) -> None:
    """A store with one place for writes lets the other regions read."""
    made = cut_off({"stores": ["db"]}, stores={"db": store})
    assert made.value == value
    assert ("db is written in eu" in made.because) is (value == "reads")


def test_a_service_without_stores_goes_on_alone() -> None:
    """It needs nothing that another region could withhold."""
    assert cut_off({}).value == "everything"


@pytest.mark.parametrize(
    ("workload", "regions", "expected"),
    [
        ("transactional", {}, Survival(copies=(), promoted="restored")),
        ("transactional", TWO, Survival(copies=("us",), promoted="by-hand")),
        ("write-heavy", TWO, Survival(copies=("us",), promoted="not-needed")),
    ],
)
def test_a_store_comes_back_from_its_copy_or_its_backup(workload: str, regions: Facts, expected: Survival) -> None:
    """With one region only the backup is left; a copy with one place for writes waits for a person."""
    landscape = land({"orders": {"stores": ["db"]}}, stores={"db": {"workload": workload}}, regions=regions)
    assert of(landscape, "when its region is lost", "store db").value == expected


@pytest.mark.parametrize(
    ("workload", "regions", "words"),
    [
        ("transactional", ("us",), "a person promotes its copy in us;"),
        ("transactional", ("us", "ap"), "a person promotes one of its copies in us and ap;"),
        ("write-heavy", ("us",), "us goes on with its own copy;"),
        ("write-heavy", ("us", "ap"), "us and ap go on with their own copies;"),
    ],
)
def test_one_copy_is_promoted_however_many_there_are(workload: str, regions: tuple[str, ...], words: str) -> None:
    """Two promoted copies would take writes apart from each other."""
    places: Facts = {name: {"cloud": "aws"} for name in ("eu", *regions)}
    landscape = land({"orders": {"stores": ["db"]}}, stores={"db": {"workload": workload}}, regions=places)
    assert of(landscape, "when its region is lost", "store db").answer.startswith(words)


def test_disks_of_different_regions_are_not_taken_for_one() -> None:
    """A stateful service goes on everywhere, each region with what it has."""
    assert "nothing joins it with that of eu" in cut_off({"volumes": {"v": {}}}).because
    assert "it writes to nothing that only eu may change" in cut_off({}).because


def test_a_dynamodb_table_has_copies_on_aws_only() -> None:
    """A region elsewhere cannot hold one, whatever the facts declare."""
    regions = {"eu": {"cloud": "aws"}, "us": {"cloud": "gcp"}}
    store = {"workload": "write-heavy", "engine": "dynamodb"}
    made = of(
        land({"orders": {"stores": ["db"]}}, stores={"db": store}, regions=regions),
        "when its region is lost",
        "store db",
    )
    assert made.value.copies == ()


def test_a_disk_of_its_own_comes_back_from_a_snapshot() -> None:
    """Disks are not copied between regions; shared read-only ones are nobody's state."""
    landscape = land({"orders": {"volumes": {"state": {}, "maps": {"access": "shared-read-only"}}}}, regions=TWO)
    made = [*decisions.for_service(landscape.services["orders"], landscape)]
    assert find(made, "when its region is lost", "volume state").value.promoted == "restored"
    assert "volume maps" not in {decision.subject for decision in made}


def test_recovery_is_tried_every_quarter_on_what_can_be_lost() -> None:
    """Each fact adds its scenario; regulated data keeps the evidence for longer."""
    plain = of(land({"orders": {}}), "simulations")
    assert plain.value == Simulation(schedule="0 9 15 1,4,7,10 *", scenarios=("rebuild",), fresh="92d", kept="2y")
    everything = of(
        land(
            {"orders": {"stores": ["db"]}},
            stores={"db": {"workload": "transactional", "data": ["regulated"]}},
            regions=TWO,
            failover_depends_on_kubernetes=True,
        ),
        "simulations",
    )
    assert everything.value.scenarios == ("rebuild", "restore", "region-loss", "control-plane-loss")
    assert everything.value.kept == "7y"
    assert "orders handles regulated data" in everything.because


@pytest.mark.parametrize("form", ["kubeadm", "cluster-api"])
def test_a_control_plane_of_ones_own_has_three_members_and_backups(form: str) -> None:
    """Two outvote one that is lost, and etcd can be restored."""
    made = of(land({}, failover_depends_on_kubernetes=True, platform={"control-plane": form}), "control plane")
    assert (made.state, made.value.form, made.value.members) == ("decided", form, 3)
    assert (made.value.backups, made.value.kept, made.value.attested) == ("10 * * * *", "7d", False)


def test_a_managed_control_plane_is_attested() -> None:
    """Nothing of it can be read or broken, so a person vouches for it."""
    made = of(land({}, failover_depends_on_kubernetes=True, regions=TWO), "control plane")
    assert made.state == "decided"
    assert made.value == ControlPlane(form="managed", members=None, backups=None, kept=None, attested=True)


def test_who_runs_the_control_plane_on_machines_of_ones_own_is_a_question() -> None:
    """The default says managed, and nobody manages one's own machines; a declared provider is believed."""
    made = of(land({}, failover_depends_on_kubernetes=True), "control plane")
    assert made.state == "unanswered"
    assert made.answer == "Who runs the control plane of main: a provider (managed), kubeadm or cluster-api?"
    declared = of(land({}, failover_depends_on_kubernetes=True, platform={"control-plane": "managed"}), "control plane")
    assert declared.state == "decided"


def test_no_control_plane_is_asked_for_where_failover_does_without_kubernetes() -> None:
    """The rule does not apply, so nothing is decided by it."""
    made = decisions.for_system(land({}, platform={"control-plane": "kubeadm"}))
    assert "recovery/control-plane" not in {decision.rule for decision in made}


def test_recovery_comes_last() -> None:
    """Every release and durable store is there before; caches and unused stores are not waited for."""
    stores = {
        "db": {"workload": "transactional"},
        "a-cache": {"workload": "cache"},
        "old": {"workload": "transactional"},
    }
    edges = [*order(land({"orders": {"stores": ["db", "a-cache"]}}, stores=stores))]
    assert waves_of(edges).waves == (("release/orders", "store/db"), ("recovery",))
