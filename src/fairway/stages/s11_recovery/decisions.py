"""Recovery: which region answers, what each can do alone, how data survives and how all of it is tried out."""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from fairway.core.conditions import SEVERAL_REGIONS, STATEFUL
from fairway.core.decision import AnyDecision, Decision, Instead
from fairway.core.facts import Cloud, Criticality, Engine, seconds
from fairway.core.levels import RANK
from fairway.core.profile import Landscape, Profile, StoreProfile, regions_of
from fairway.core.wording import listed

Form = Literal["global-accelerator", "multi-cluster-gateway", "front-door", "k8gb"]
Policy = Literal["latency", "availability"]


class Balancer(msgspec.Struct, frozen=True, kw_only=True):
    """What stands above the regions, and how soon it leaves one out."""

    form: Form
    interval: str  # between two looks at a region's health
    failures: int  # in a row, until the region is left out
    kept: str | None  # how long callers keep a DNS answer; None where the address never changes
    failover: str  # all of it together
    regions: tuple[str, ...]


class Survival(msgspec.Struct, frozen=True, kw_only=True):
    """What brings data back when its region is lost."""

    copies: tuple[str, ...]  # regions that have one; backups are there in any case
    promoted: Literal["by-hand", "not-needed", "restored"]


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """When recovery is tried out, what is tried, and how long the evidence counts."""

    schedule: str  # cron line, UTC
    scenarios: tuple[str, ...]
    fresh: str  # older evidence is a finding
    kept: str


class ControlPlane(msgspec.Struct, frozen=True, kw_only=True):
    """Who runs the control plane of each region, and how it survives."""

    form: Literal["managed", "kubeadm", "cluster-api"]
    members: int | None  # None where the provider decides
    backups: str | None  # cron line of etcd's snapshots
    kept: str | None
    attested: bool  # a person vouches for it, as nothing of it can be read or broken


HEALTH: Final[dict[Criticality, tuple[str, int, str]]] = {  # interval, failures, how long a DNS answer is kept
    "mission-critical": ("10s", 2, "10s"),
    "standard": ("10s", 3, "30s"),
    "low": ("30s", 3, "1m"),
}
FORMS: Final[dict[Cloud, Form]] = {"aws": "global-accelerator", "gcp": "multi-cluster-gateway", "azure": "front-door"}
NAMES: Final[dict[Form, str]] = {
    "global-accelerator": "AWS Global Accelerator",
    "multi-cluster-gateway": "a multi-cluster Gateway of Google Cloud",
    "front-door": "Azure Front Door",
    "k8gb": "k8gb, which answers DNS from within the clusters",
}
STALE: Final = "callers keep the address of a dead region until its DNS answer expires"
REJECTED: Final[dict[Form, Instead]] = {
    "global-accelerator": Instead("Route 53", STALE),
    "multi-cluster-gateway": Instead("routing by Cloud DNS", STALE),
    "front-door": Instead("Traffic Manager", STALE),
    "k8gb": Instead("a cloud's own load balancer", "it checks and reaches its own cloud only"),
}
ONE_WRITER: Final[tuple[Engine, ...]] = ("postgresql", "mysql")
QUARTERLY: Final = "0 9 15 1,4,7,10 *"
QUARTER: Final = "92d"
HOURLY: Final = "10 * * * *"
EVIDENCE_KEPT: Final = {True: "7y", False: "2y"}  # whether regulated data is handled


def balancer(landscape: Landscape) -> Decision[Balancer | None] | None:
    """Choose what stands above the regions, by their clouds; None where there is one region."""
    regions = regions_of(landscape.system)
    if not _several(landscape):
        return None
    exposed = [profile for profile in landscape.services.values() if profile.exposed]
    if not exposed:
        return Decision(
            rule="recovery/global-load-balancing",
            topic="global load balancer",
            answer="none: nobody outside has to be sent to a region",
            because="no service is exposed externally",
            value=None,
        )
    clouds = {region.cloud for region in regions.values()}
    form = FORMS.get(next(iter(clouds)), "k8gb") if len(clouds) == 1 else "k8gb"
    critical = max(exposed, key=lambda profile: RANK.index(profile.facts.criticality))
    interval, failures, kept = HEALTH[critical.facts.criticality]
    failover = seconds(interval) * failures + (seconds(kept) if form == "k8gb" else 0)
    places = listed([f"{name} ({'own machines' if r.cloud == 'none' else r.cloud})" for name, r in regions.items()])
    return Decision(
        rule="recovery/global-load-balancing",
        topic="global load balancer",
        answer=f"{NAMES[form]}: a region that fails {failures} checks in a row, one every {interval}, is left out;"
        f" its traffic is elsewhere within {failover:g}s",
        because=f"the regions are {places}, and the most critical service exposed is {critical.name}"
        f" ({critical.facts.criticality})",
        value=Balancer(
            form=form,
            interval=interval,
            failures=failures,
            kept=kept if form == "k8gb" else None,
            failover=f"{failover:g}s",
            regions=tuple(regions),
        ),
        instead=(REJECTED[form],),
    )


def policy(landscape: Landscape) -> Decision[Policy] | None:
    """Choose which region answers; None where there is one, or nothing is exposed."""
    exposed = [profile for profile in landscape.services.values() if profile.exposed]
    if not exposed or not _several(landscape):
        return None
    home, *others = regions_of(landscape.system)
    facing = [profile.name for profile in exposed if profile.facts.customer_facing]
    written = _written_at_home(landscape, facing)
    if facing and written:
        return Decision(
            rule="recovery/global-routing",
            topic="global routing",
            answer=f"by availability: {home} answers, and {listed(others)} when it is down",
            because=f"what customers ask for is written in {home} alone: {listed(written)}",
            value="availability",
            instead=(
                Instead("by latency", f"customers near {listed(others, 'or')} would meet services that may not write"),
            ),
        )
    if facing:
        return Decision(
            rule="recovery/global-routing",
            topic="global routing",
            answer="by latency: the nearest region that is well answers",
            because=f"{listed(facing)} {'is' if len(facing) == 1 else 'are'} customer-facing",
            value="latency",
            instead=(Instead("by availability", f"customers far from {home} would wait for every answer"),),
        )
    return Decision(
        rule="recovery/global-routing",
        topic="global routing",
        answer=f"by availability: {home} answers, and {listed(others)} when it is down",
        because="nothing that is exposed is customer-facing",
        value="availability",
        instead=(Instead("by latency", "nobody would notice, and writes from far away travel twice"),),
    )


def _written_at_home(landscape: Landscape, facing: list[str]) -> list[str]:
    """Name the stores with one region that writes which customers reach, through whatever services."""
    reached, waiting = set(facing), [*facing]
    while waiting:
        found = [name for name in landscape.services[waiting.pop()].callees if name not in reached]
        reached.update(found)
        waiting += found
    every = (store for name in landscape.services if name in reached for store in landscape.services[name].stores)
    return [*dict.fromkeys(store.name for store in every if store.durable and store.facts.engine in ONE_WRITER)]


def entrances(landscape: Landscape) -> Iterator[Decision[dict[str, str]]]:
    """Name what the load balancer above the regions leads to, by environment; AWS names it once it is there."""
    decided = balancer(landscape)
    if decided is None or decided.value is None or decided.value.form != "global-accelerator":
        return
    for name, environment in landscape.system.environments.items():
        home, *others = environment.regions or tuple(landscape.system.regions)
        missing = [region for region in others if region not in environment.entrances]
        if environment.domain is None or not others:
            continue
        found = Decision[dict[str, str]](
            rule="recovery/global-load-balancing",
            topic="entrances",
            subject=f"environment {name}",
            answer=f"the load balancer of {home} by its name, that of {listed(others)} by the ARN in the facts",
            because="an accelerator that is set up in one region knows those of others only by what AWS called them",
            value={region: environment.entrances[region] for region in others if region in environment.entrances},
        )
        if missing:
            yield msgspec.structs.replace(
                found,
                answer=f"What is the ARN of the load balancer in front of {listed(missing)}?",
                because="AWS makes it when the tree is first applied there; until it is in 'entrances', nothing is"
                " sent there",
                state="unanswered",
            )
        else:
            yield found


def autonomy(landscape: Landscape) -> Decision[tuple[str, ...]] | None:
    """Say what each region has of its own; None where there is one region."""
    if not _several(landscape):
        return None
    regions = list(regions_of(landscape.system))
    return Decision(
        rule="recovery/autonomous-regions",
        topic="autonomy",
        answer=f"each of {listed(regions)} has its own identity, configuration, secrets and observability",
        because=f"the system runs in {listed(regions)}, and each must serve while it is cut off",
        value=("identity", "configuration", "secrets", "observability"),
        instead=(
            Instead("one of each for all regions", "the region that holds it would take the others down with it"),
        ),
    )


def alone(profile: Profile) -> Decision[Literal["everything", "reads"]] | None:
    """Say what the service can do while its region is cut off; None where there is one region."""
    several = SEVERAL_REGIONS(profile)
    if not several.holds:
        return None
    home, *others = regions_of(profile.system)
    bound = [store.name for store in profile.durable_stores if store.facts.engine in ONE_WRITER]
    if bound:
        return Decision(
            rule="recovery/autonomous-regions",
            topic="when cut off",
            answer=f"everything in {home}; in {listed(others)} reads, and writes once the copy there is promoted",
            because=f"{several.because}, and {listed(bound)} {'is' if len(bound) == 1 else 'are'} written in {home}",
            value="reads",
            instead=(Instead("writing in each", "the regions would come back with two versions of the same row"),),
        )
    return Decision(
        rule="recovery/autonomous-regions",
        topic="when cut off",
        answer="all that it does itself, in every region",
        because=f"{several.because}, and "
        + (
            f"what it keeps on its disks is each region's own: nothing joins it with that of {home}"
            if profile.stateful
            else f"it writes to nothing that only {home} may change"
        ),
        value="everything",
    )


def survival(store: StoreProfile, landscape: Landscape) -> Decision[Survival]:
    """Choose what brings a durable store back when its region is lost."""
    home, *others = regions_of(landscape.system)
    engine = store.facts.engine
    if engine == "dynamodb":
        others = [name for name in others if regions_of(landscape.system)[name].cloud == "aws"]
    promoted: Literal["by-hand", "not-needed", "restored"]
    if not others:
        promoted, answer = "restored", "its backup, which lies outside the region, is restored into a new one"
        instead = Instead("a copy in a second region", "none is declared")
    elif engine in ONE_WRITER:
        one = f"its copy in {others[0]}" if len(others) == 1 else f"one of its copies in {listed(others)}"
        promoted, answer = "by-hand", f"a person promotes {one}; it is backed up as well"
        instead = Instead("promotion by itself", f"{home}, if it is merely cut off, would go on writing too")
    else:
        go_on = "goes on with its own copy" if len(others) == 1 else "go on with their own copies"
        promoted, answer = "not-needed", f"{listed(others)} {go_on}; it is backed up as well"
        instead = Instead("backups alone", "a restore takes hours")
    return Decision(
        rule="recovery/replicated-or-backed-up",
        topic="when its region is lost",
        subject=f"store {store.name}",
        answer=answer,
        because=f"{store.name} must not be lost, and "
        + (f"the system runs in {listed([home, *others])}" if others else "no other region can hold it"),
        value=Survival(copies=tuple(others), promoted=promoted),
        instead=(instead,),
    )


def volumes(profile: Profile) -> Iterator[Decision[Survival]]:
    """Say what brings back what the service keeps on disks of its own."""
    for name in profile.disks:
        yield Decision(
            rule="recovery/replicated-or-backed-up",
            topic="when its region is lost",
            subject=f"volume {name}",
            answer="its newest snapshot, which lies outside the region, is restored",
            because=f"{STATEFUL(profile).because}, and a disk is not copied between regions",
            value=Survival(copies=(), promoted="restored"),
            instead=(Instead("a declared store", "it would be back sooner, but the facts keep this on a disk"),),
        )


def simulation(landscape: Landscape) -> Decision[Simulation]:
    """Choose when recovery is tried out, and what is tried."""
    several, failover = _several(landscape), landscape.system.failover_depends_on_kubernetes
    persistent = any(profile.persistent for profile in landscape.services.values())
    regulated = next((name for name, profile in landscape.services.items() if "regulated" in profile.data), None)
    scenarios = {
        "rebuild": ("building all of it anew", True),
        "restore": ("restoring data to a moment", persistent),
        "region-loss": ("losing a region", several),
        "control-plane-loss": ("losing a member of the control plane", failover),
    }
    tried = [words for words, applies in scenarios.values() if applies]
    kept = EVIDENCE_KEPT[regulated is not None]
    return Decision(
        rule="recovery/quarterly-simulations",
        topic="simulations",
        answer=f"on the 15th of January, April, July and October at 09:00 UTC: {listed(tried)};"
        f" evidence is good for {QUARTER} and kept for {kept}",
        because="every system is tried each quarter, on what it can lose; "
        + (f"{regulated} handles regulated data" if regulated else "no service handles regulated data"),
        value=Simulation(
            schedule=QUARTERLY,
            scenarios=tuple(name for name, (_, applies) in scenarios.items() if applies),
            fresh=QUARTER,
            kept=kept,
        ),
        instead=(Instead("a plan on paper", "that it is out of date shows on the day it is needed"),),
    )


def control_plane(landscape: Landscape) -> Decision[ControlPlane] | None:
    """Choose how the control plane survives; None where failover does not depend on Kubernetes."""
    form = landscape.system.platform.control_plane or "managed"
    if not landscape.system.failover_depends_on_kubernetes:
        return None
    named = landscape.declared.platform.control_plane is not None
    own = [name for name, region in regions_of(landscape.system).items() if region.cloud == "none"]
    decision = Decision[ControlPlane](
        rule="recovery/control-plane",
        topic="control plane",
        answer="run by the provider, over several zones; a person attests it every quarter",
        because="failover depends on Kubernetes, and " + ("it is declared so" if named else "it is the default"),
        value=ControlPlane(form=form, members=None, backups=None, kept=None, attested=True),
        instead=(Instead("members of one's own", "the provider takes care of them, and of their store"),),
    )
    if form != "managed":
        name, other = ("Cluster API", "kubeadm") if form == "cluster-api" else ("kubeadm", "Cluster API")
        return msgspec.structs.replace(
            decision,
            answer=f"3 members in each region, set up by {name}; a snapshot of etcd every hour, kept for 7d",
            value=ControlPlane(form=form, members=3, backups=HOURLY, kept="7d", attested=False),
            instead=(
                Instead(other, f"{name} is declared"),
                Instead("1 member", "while it is down nothing is healed, moved or scaled"),
            ),
        )
    if own and not named:
        return msgspec.structs.replace(
            decision,
            answer=f"Who runs the control plane of {listed(own)}: a provider (managed), kubeadm or cluster-api?",
            because=f"failover depends on Kubernetes, and {listed(own)} "
            + ("runs" if len(own) == 1 else "run")
            + " on machines of one's own; until it is answered, nothing is built for it",
            state="unanswered",
        )
    return decision


def _several(landscape: Landscape) -> bool:
    return len(regions_of(landscape.system)) > 1


def for_service(profile: Profile, landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide what the service does without the other regions, and how its own disks come back."""
    del landscape
    yield from filter(None, (alone(profile),))
    yield from volumes(profile)


def for_system(landscape: Landscape) -> Iterator[AnyDecision]:
    """Decide what stands above the regions, how stores survive, and how recovery is tried out."""
    yield from filter(None, (balancer(landscape), policy(landscape), autonomy(landscape), control_plane(landscape)))
    yield from entrances(landscape)
    for store in landscape.stores.values():
        if store.durable and store.users:
            yield survival(store, landscape)
    yield simulation(landscape)
