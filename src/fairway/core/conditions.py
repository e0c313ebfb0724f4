"""The questions that rules and jumps ask of a service, each with its answer in words."""

from collections.abc import Callable, Iterable

import msgspec

from fairway.core.profile import Profile, regions_of, tracked
from fairway.core.wording import listed


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a condition holds for a service, and why or why not."""

    holds: bool
    because: str


Words = str | Callable[[Profile], str]


class Condition(msgspec.Struct, frozen=True):
    """A question about a service. Joins with '&', '|' and '~', and keeps its reasons."""

    ask: Callable[[Profile], Verdict]

    def __call__(self, profile: Profile) -> Verdict:
        """Answer for one service."""
        return self.ask(profile)

    def __and__(self, other: "Condition") -> "Condition":
        """Hold where both hold; the first that does not gives the reason."""

        def both(profile: Profile) -> Verdict:
            one = self.ask(profile)
            if not one.holds:
                return one
            two = other.ask(profile)
            if not two.holds or not one.because:
                return two
            return Verdict(holds=True, because=f"{one.because}, and {two.because}" if two.because else one.because)

        return Condition(both)

    def __or__(self, other: "Condition") -> "Condition":
        """Hold where either holds; that one gives the reason."""

        def either(profile: Profile) -> Verdict:
            one = self.ask(profile)
            if one.holds:
                return one
            two = other.ask(profile)
            return two if two.holds else Verdict(holds=False, because=f"{one.because}, and {two.because}")

        return Condition(either)

    def __invert__(self) -> "Condition":
        """Hold where this one does not."""

        def turned(profile: Profile) -> Verdict:
            verdict = self.ask(profile)
            return Verdict(holds=not verdict.holds, because=verdict.because)

        return Condition(turned)


def _when(test: Callable[[Profile], object], yes: Words, no: Words) -> Condition:
    def ask(profile: Profile) -> Verdict:
        holds = bool(test(profile))
        words = yes if holds else no
        return Verdict(holds=holds, because=words if isinstance(words, str) else words(profile))

    return Condition(ask)


def _verb(names: Iterable[str], one: str, several: str) -> str:
    """List *names* with the verb that goes with their number."""
    every = list(names)
    return f"{listed(every)} {one if len(every) == 1 else several}"


def _secure(names: list[str]) -> str:
    return f"{listed(names)} {'is a secure environment' if len(names) == 1 else 'are secure environments'}"


def _state(profile: Profile) -> str:
    if profile.facts.retains_state:
        return "it retains state in its process"
    return f"it keeps volume {listed(profile.disks)}"


def _flows(profile: Profile, *, strong: bool) -> list[str]:
    return [flow.name for flow in profile.workflows if (flow.facts.consistency == "strong") is strong]


def _secrets(profile: Profile) -> str:
    """Name the declared secrets, and the credentials that stores and brokers imply."""
    implied = [f"credentials of {store.name}" for store in profile.stores]
    if profile.facts.publishes or profile.facts.consumes:
        implied.append("credentials of the broker")
    return listed([*profile.facts.secrets, *implied])


def _deferred(profile: Profile) -> list[str]:
    return [name for name, state in profile.facts.sidecars.items() if state == "deferred"]


def _holds(profile: Profile, workload: str) -> str:
    return listed([store.name for store in profile.stores if store.facts.workload == workload])


ALWAYS = Condition(lambda _: Verdict(holds=True, because="it holds for every service"))

# What it is
EXPOSED = _when(lambda p: p.exposed, "it is exposed externally", "it is internal")
CALLED = _when(lambda p: p.called, lambda p: f"{_verb(p.callers, 'calls', 'call')} it", "no service calls it")
STATEFUL = _when(lambda p: p.stateful, _state, "it is stateless")
STATELESS = _when(lambda p: not p.stateful, "it is stateless", lambda p: f"it is stateful: {_state(p)}")
RUNS_ON = _when(lambda p: not p.runs_to_completion, "", "it runs to completion")
CUSTOMER_FACING = _when(lambda p: p.facts.customer_facing, "it is customer-facing", "it is not customer-facing")
MISSION_CRITICAL = _when(
    lambda p: p.facts.criticality == "mission-critical",
    "it is mission-critical",
    lambda p: f"its criticality is {p.facts.criticality}",
)
SESSIONS = _when(lambda p: p.facts.sessions, "its users have sessions", "it has no sessions")

# Whom it works with
CALLS_OTHERS = _when(lambda p: p.facts.calls, lambda p: f"it calls {listed(list(p.facts.calls))}", "it calls nothing")
MESSAGING = _when(
    lambda p: p.facts.publishes or p.facts.consumes,
    lambda p: f"it publishes or consumes {listed(list(dict.fromkeys((*p.facts.publishes, *p.facts.consumes))))}",
    "it publishes and consumes no events",
)
WORKFLOW = _when(
    lambda p: p.workflows,
    lambda p: f"it takes part in {listed([flow.name for flow in p.workflows])}",
    "it takes part in no workflow",
)
STRONG_WORKFLOW = _when(
    lambda p: _flows(p, strong=True),
    lambda p: f"{listed(_flows(p, strong=True))} needs strong consistency",
    "none of its workflows needs strong consistency",
)
EVENTUAL_WORKFLOW = _when(
    lambda p: _flows(p, strong=False),
    lambda p: f"{listed(_flows(p, strong=False))} does without strong consistency",
    "it takes part in no workflow without strong consistency",
)

# How it is built and routed
SECRETS = _when(_secrets, lambda p: f"it uses {_secrets(p)} at run time", "it uses no secrets at run time")
SIDECARS = _when(
    lambda p: p.facts.sidecars,
    lambda p: f"{_verb(p.facts.sidecars, 'runs', 'run')} beside it",
    "no sidecar is declared",
)
SIDECAR_DEFERRED = _when(
    _deferred,
    lambda p: f"the set-up of sidecar {listed(_deferred(p))} is deferred",
    "no sidecar is deferred",
)
CONFIGURED_AT_RUN_TIME = _when(
    lambda p: p.facts.configured_at_run_time, "it is configured at run time", "it is not configured at run time"
)
SECURE_ENVIRONMENT = _when(
    lambda p: any(environment.secure for environment in p.system.environments.values()),
    lambda p: _secure([name for name, environment in p.system.environments.items() if environment.secure]),
    "no environment is secure",
)
NETWORK_NEEDS = _when(
    lambda p: p.network_needs,
    lambda p: f"it needs {listed(p.network_needs)} of the network",
    "it needs nothing of the network itself",
)
REROUTING = _when(
    lambda p: "rerouting" in p.facts.traffic_needs, "it needs its traffic rerouted on failure", "it needs no rerouting"
)
MESH = _when(lambda p: p.system.platform.mesh == "istio", "the system has a mesh", "the system has no mesh")
SEVERAL_IDENTITY_PROVIDERS = _when(
    lambda p: len(p.system.identity_providers) > 1,
    lambda p: f"{listed(list(p.system.identity_providers))} vouch for its callers",
    "there are not several identity providers",
)
ROUTED_BY_TENANT = _when(
    lambda p: p.facts.routed_by_tenant, "its routes differ by tenant", "its routes are the same for all tenants"
)
TRACING = _when(lambda p: p.facts.tracing, "its requests are traced", "its requests are not traced")

# What it knows
SECURE_USER_DATA = _when(
    lambda p: p.secure_user_data_through is not None,
    lambda p: (
        "it reads secure user data" + (f" through {p.secure_user_data_through}" if p.secure_user_data_through else "")
    ),
    "it reads no secure user data, itself or through its calls",
)
PERSONAL_OR_REGULATED = _when(
    lambda p: tracked(p.data),
    lambda p: f"it handles {listed(tracked(p.data))} data",
    "it handles no personal or regulated data",
)
KEEPS_SECRETS_FOR_OTHERS = _when(
    lambda p: p.facts.keeps_secrets_for_others, "it keeps secrets for others", "it keeps no secrets for others"
)
SENSITIVE = PERSONAL_OR_REGULATED | SECURE_USER_DATA
PROTECTED = PERSONAL_OR_REGULATED | KEEPS_SECRETS_FOR_OTHERS
PERSISTENT = _when(
    lambda p: p.persistent,
    lambda p: f"it keeps data in {listed([s.name for s in p.durable_stores] or ['its own state'])}",
    "it keeps no data that must last",
)
TRANSACTIONAL = _when(
    lambda p: _holds(p, "transactional"),
    lambda p: f"{_holds(p, 'transactional')} is transactional",
    "it has no transactional store",
)
WRITE_HEAVY = _when(
    lambda p: _holds(p, "write-heavy"),
    lambda p: f"{_holds(p, 'write-heavy')} is write-heavy",
    "it has no write-heavy store",
)
CACHED = _when(lambda p: _holds(p, "cache"), lambda p: f"{_holds(p, 'cache')} may be lost", "it has no cache")

# How it is released and recovered
FLAGS = _when(lambda p: p.facts.flags, lambda p: f"it reads {listed(p.facts.flags)}", "it reads no feature flags")
NO_FLAG_SYSTEM = _when(
    lambda p: p.system.platform.flags == "none", "there is no central flag system", "there is a central flag system"
)
SEVERAL_REGIONS = _when(
    lambda p: len(regions_of(p.system)) > 1,
    lambda p: f"the system runs in {listed(list(regions_of(p.system)))}",
    "the system runs in one region",
)
FAILOVER_ON_KUBERNETES = _when(
    lambda p: p.system.failover_depends_on_kubernetes,
    "failover depends on Kubernetes",
    "failover does not depend on Kubernetes",
)
