"""The three laws of the walk, over every combination of the facts that an edge looks at, and over random facts."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairway import stages
from fairway.core.facts import System
from fairway.core.profile import Landscape, survey
from fairway.core.registry import Room, rooms
from fairway.verbs.plan import Plan, ServicePlan, plan

ORDER = (
    "design",
    "containers",
    "orchestration",
    "routing",
    "gateway",
    "observability",
    "security",
    "delivery",
    "resilience",
    "data",
    "recovery",
)
TODAY = date(2026, 11, 22)

Options = dict[str, dict[str, Any]]

# What one service can be, as far as any edge of the walk or any law looks at it.
STATE: Options = {
    "stateless": {},
    "in process": {"retains-state": True},
    "own volume": {"volumes": {"disk": {}}},
    "shared volume": {"volumes": {"disk": {"access": "shared-read-only"}}},
}
RUN_TIME: Options = {"no": {}, "yes": {"configured-at-run-time": True}}
SIDECARS: Options = {
    "none": {},
    "included": {"sidecars": {"agent": "included"}},
    "deferred": {"sidecars": {"agent": "deferred"}},
}
EXPOSURE: Options = {"internal": {}, "external": {"exposure": "external"}}
USER_DATA: Options = {
    "none": {"secure-user-data": False},
    "itself": {"secure-user-data": True},
    "through a call": {"secure-user-data": False, "calls": {"keeper": {"when-down": "fail"}}},
}
DATA: Options = {
    "none": {},
    "personal": {"data": ["personal"]},
    "regulated": {"data": ["regulated"]},
    "both": {"data": ["personal", "regulated"]},
}
SECRETS: Options = {"none": {}, "for others": {"keeps-secrets-for-others": True}}
FLAGS: Options = {"none": {}, "used": {"flags": ["flag"]}}
REROUTING: Options = {"no": {}, "yes": {"traffic-needs": ["rerouting"]}}
CRITICALITY: Options = {"standard": {}, "mission-critical": {"criticality": "mission-critical"}}
SERVICE = (STATE, RUN_TIME, SIDECARS, EXPOSURE, USER_DATA, DATA, SECRETS, FLAGS, REROUTING, CRITICALITY)

# And the system around it.
MESH = ("istio", "none")
FLAG_SYSTEM = ("flagd", "none")
FAILOVER = (True, False)


@cache
def standard() -> tuple[Room, ...]:
    """Load the rooms once."""
    return rooms(stages)


def service_combinations() -> Iterator[dict[str, Any]]:
    """Give every combination as the facts of one service."""
    for chosen in product(*(options.values() for options in SERVICE)):
        yield {key: value for part in chosen for key, value in part.items()}


def system_of(services: dict[str, Any], mesh: str, flag_system: str, *, failover: bool) -> Landscape:
    """Put services beside a keeper of secure user data."""
    facts = {
        "system": "every",
        "platform": {"mesh": mesh, "flags": flag_system},
        "owners": {"team": "team@example.com"},
        "flags": {"flag": {"owner": "team", "expires": "2030-01-01"}},
        "failover-depends-on-kubernetes": failover,
        "services": {"keeper": {"secure-user-data": True}, **services},
    }
    return survey(msgspec.convert(facts, System))


def needs(stage: str, *, jumped: bool, exposed: bool) -> set[str]:
    """Say what a stage needs before its own visit: the standard's table, written out once more."""
    everything = set(ORDER[:-1])
    return {
        "design": set(),
        "containers": {"design"},
        "routing": {"containers"},
        "orchestration": {"containers", "routing"} if jumped else {"containers"},
        "gateway": {"routing"},
        "observability": {"orchestration", "routing", "gateway"} if exposed else {"orchestration", "routing"},
        "security": {"orchestration", "routing"},
        "delivery": everything - {"delivery", "resilience", "data"},
        "resilience": {"delivery"},
        "data": {"design"},
        "recovery": everything,
    }[stage]


def expected_detours(facts: dict[str, Any], flag_system: str, *, failover: bool) -> set[tuple[str, str, str]]:
    """Say which detours the standard's table asks for: from, to, concern."""
    kept = [disk for disk in facts.get("volumes", {}).values() if disk.get("access") != "shared-read-only"]
    stateful = facts.get("retains-state", False) or bool(kept)
    exposed = facts.get("exposure") == "external"
    user_data = facts.get("secure-user-data", False) or "calls" in facts
    table = {
        ("design", "data", "persistence first"): stateful,
        ("orchestration", "data", "volumes"): stateful,
        ("gateway", "security", "before exposure"): exposed and user_data,
        ("security", "data", "data protection"): "data" in facts or "keeps-secrets-for-others" in facts,
        ("delivery", "design", "toggle review"): "flags" in facts and flag_system == "none",
        ("resilience", "routing", "rerouting"): "traffic-needs" in facts,
        ("data", "security", "encryption and retention"): "data" in facts,
        ("recovery", "orchestration", "control plane"): failover,
    }
    return {detour for detour, taken in table.items() if taken}


def assert_laws(service: ServicePlan, *, jumped: bool, exposed: bool) -> None:
    """Hold one way against the first two laws."""
    own = [visit.stage for visit in service.visits if visit.concern is None]
    owed = {rule.partition("/")[0] for rule in service.applies}
    assert len(own) == len(set(own)), "a stage has one visit of its own"
    assert len(service.visits) <= len(ORDER) + 9, "the walk ends"
    assert owed <= set(own), "nothing owed is dropped"
    assert {skipped.stage for skipped in service.passed_over} == set(ORDER) - set(own), "what is skipped is said"
    for position, stage in enumerate(own):
        assert needs(stage, jumped=jumped, exposed=exposed) & owed <= set(own[:position]), f"{stage} has what it needs"
    for visit in service.visits:
        assert visit.because, "every visit has its reason"
        if visit.concern is None:
            assert visit.idle is (visit.stage not in owed), "a visit for nothing says so"


def detours_of(service: ServicePlan) -> set[tuple[str, str, str]]:
    """Find each detour and the stage that it left from."""
    found, here = set(), ""
    for visit in service.visits:
        if visit.concern is None:
            here = visit.stage
        else:
            assert (here, visit.stage, visit.concern) not in found, "a detour is made once"
            found.add((here, visit.stage, visit.concern))
    return found


def assert_downstream(whole: Plan, landscape: Landscape) -> None:
    """Hold the order of work against the third law; that it could be laid out in waves shows that it is acyclic."""
    wave = {piece: number for number, pieces in enumerate(whole.order.waves) for piece in pieces}
    secured = max(number for piece, number in wave.items() if piece.partition("/")[0] == "security")
    for edge in whole.order.edges:
        assert wave[edge.first] < wave[edge.then]
    for name, profile in landscape.services.items():
        runs = wave[f"workload/{name}"]
        for store in profile.facts.stores:
            assert wave[f"store/{store}"] < runs, "a store stands before every workload that uses it"
        if profile.stateful:
            assert wave[f"volume/{name}"] < runs, "persistence comes before the stateful workload"
        if profile.exposed and profile.secure_user_data_through is not None:
            assert secured < wave[f"public-route/{name}"], "all of security comes before its public route"
        if profile.facts.criticality == "mission-critical":
            watched = max(wave["observability"], wave[f"observability/{name}"])
            assert watched < wave[f"release/{name}"], "it is watched before a new version is released"


@pytest.mark.parametrize(("mesh", "flag_system", "failover"), list(product(MESH, FLAG_SYSTEM, FAILOVER)))
def test_the_laws_hold_for_every_combination_of_facts(mesh: str, flag_system: str, *, failover: bool) -> None:
    """9,216 services in each of 8 systems: 73,728 combinations, none left out."""
    facts = {f"s{number}": service for number, service in enumerate(service_combinations())}
    assert len(facts) == 9216
    landscape = system_of(facts, mesh, flag_system, failover=failover)
    whole = plan(standard(), landscape, TODAY)
    for name, declared in facts.items():
        service = whole.services[name]
        jumped = "configured-at-run-time" in declared or declared.get("sidecars") == {"agent": "deferred"}
        assert_laws(service, jumped=jumped, exposed="exposure" in declared)
        assert detours_of(service) == expected_detours(declared, flag_system, failover=failover)
        own = [visit.stage for visit in service.visits if visit.concern is None]
        assert (own.index("routing") < own.index("orchestration")) is jumped
    assert_downstream(whole, landscape)


NAMES = ("a", "b", "c", "d")
ONE = st.fixed_dictionaries(
    {},
    optional={
        "capability": st.sampled_from(["Selling", "Buying"]),
        "exposure": st.sampled_from(["internal", "external"]),
        "routed-by-tenant": st.booleans(),
        "calls": st.dictionaries(
            st.sampled_from([*NAMES, "outside"]),
            st.fixed_dictionaries(
                {},
                optional={
                    "essential": st.booleans(),
                    "idempotent": st.booleans(),
                    "when-down": st.sampled_from(["fail", "cached", "skip", "queue"]),
                },
            ),
            max_size=3,
        ),
        "sessions": st.booleans(),
        "retains-state": st.booleans(),
        "volumes": st.dictionaries(
            st.sampled_from(["v", "w"]),
            st.fixed_dictionaries({}, optional={"access": st.sampled_from(["read-write", "shared-read-only"])}),
            max_size=2,
        ),
        "stores": st.lists(st.sampled_from(["sql", "wide", "quick"]), unique=True),
        "data": st.lists(st.sampled_from(["public", "internal", "personal", "regulated"]), unique=True),
        "secure-user-data": st.booleans(),
        "publishes": st.just(["told"]),
        "consumes": st.just(["told"]),
        "secrets": st.just(["key"]),
        "keeps-secrets-for-others": st.booleans(),
        "flags": st.just(["flag"]),
        "configured-at-run-time": st.booleans(),
        "sidecars": st.dictionaries(st.just("agent"), st.sampled_from(["included", "deferred"]), max_size=1),
        "traffic-needs": st.lists(
            st.sampled_from(["advanced-routing", "retries", "circuit-breaking", "rerouting"]), unique=True
        ),
        "criticality": st.sampled_from(["mission-critical", "standard", "low"]),
        "customer-facing": st.booleans(),
        "tracing": st.booleans(),
        "runs": st.sampled_from(["continuously", "to-completion"]),
    },
)


@st.composite
def systems(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a whole system from every fact that any rule looks at."""
    services: dict[str, dict[str, Any]] = draw(st.dictionaries(st.sampled_from(NAMES), ONE, min_size=1))
    for name, service in services.items():
        known = {*services, "outside"} - {name}
        service["calls"] = {callee: call for callee, call in service.get("calls", {}).items() if callee in known}
    flow = st.lists(st.sampled_from(sorted(services)), min_size=2, max_size=4)
    workflow = st.fixed_dictionaries(
        {"participants": flow}, optional={"consistency": st.sampled_from(["strong", "eventual"])}
    )
    regions = draw(st.dictionaries(st.sampled_from(["north", "south"]), st.just({"cloud": "aws"})))
    providers = draw(st.lists(st.sampled_from(["one", "two"]), unique=True))
    return {
        "system": "random",
        "owners": {"team": "team@example.com"} if draw(st.booleans()) else {},
        "platform": draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "mesh": st.sampled_from(MESH),
                    "flags": st.sampled_from(FLAG_SYSTEM),
                    "progressive": st.sampled_from(["canary", "blue-green"]),
                    "control-plane": st.sampled_from(["managed", "kubeadm", "cluster-api"]),
                },
            )
        ),
        "environments": draw(st.sampled_from([{}, {"production": {"secure": False}}, {"production": {}, "test": {}}])),
        "regions": regions,
        "failover-depends-on-kubernetes": draw(st.booleans()),
        "identity-providers": {name: {"issuer": f"https://{name}.example.com"} for name in providers},
        "tenants": {"names": ["acme"]},
        "external-systems": {"outside": {"host": "outside.example.com"}},
        "flags": {"flag": {"owner": "team", "expires": "2030-01-01"}},
        "stores": {
            "sql": {"workload": "transactional", "data": draw(st.sampled_from([[], ["personal"], ["regulated"]]))},
            "wide": {"workload": "write-heavy"},
            "quick": {"workload": "cache"},
        },
        "channels": {"told": {}},
        "workflows": draw(st.dictionaries(st.sampled_from(["x", "y"]), workflow, max_size=2)),
        "services": services,
    }


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(systems())
def test_the_laws_hold_for_random_facts(facts: dict[str, Any]) -> None:
    """Whatever is declared, the walk ends, drops nothing, and the order of work has no circle."""
    landscape = survey(msgspec.convert(facts, System))
    whole = plan(standard(), landscape, TODAY)
    for name, service in whole.services.items():
        profile = landscape.services[name]
        deferred = "deferred" in profile.facts.sidecars.values()
        assert_laws(service, jumped=deferred or profile.facts.configured_at_run_time, exposed=profile.exposed)
        rules = [*service.applies, *(rule.rule for rule in service.not_applicable)]
        assert sorted(rules) == sorted(rule.id for room in standard() for rule in room.rules), "no rule is left out"
        assert all(rule.because for rule in service.not_applicable), "what does not apply says why"
    assert_downstream(whole, landscape)
