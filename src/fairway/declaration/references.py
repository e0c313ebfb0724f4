"""Check that every name that is used is declared, with the line that uses it."""

from collections.abc import Collection, Iterator
from typing import Final

from fairway.core.errors import Problem
from fairway.core.facts import Participant, Service, System
from fairway.core.wording import listed
from fairway.declaration.shape import KeyPath
from fairway.declaration.sources import Sources
from fairway.declaration.suggestions import Suggestions
from fairway.yaml.text import shown

_DEFAULT_REGION: Final = "main"  # the one there is where none is declared


def problems(system: System, sources: Sources, rule_ids: frozenset[str], suggestions: Suggestions) -> Iterator[Problem]:
    """Find every name that nothing has.

    Names of faulty declarations count as declared. Rule ids are checked only where *rule_ids* has some.
    """
    yield from _References(system, sources, rule_ids, suggestions).problems()


class _References:
    """Looks every name up where it should be declared."""

    def __init__(self, system: System, sources: Sources, rule_ids: frozenset[str], suggestions: Suggestions) -> None:
        self.system, self.sources, self.rule_ids, self.suggestions = system, sources, rule_ids, suggestions
        self.services = sources.declared.get("services", {}).keys()
        self.external = sources.declared.get("external-systems", {}).keys()
        self.callable = self.services | self.external

    def problems(self) -> Iterator[Problem]:
        for name, service in self.system.services.items():
            yield from self.service(name, service)
        for name, flow in self.system.workflows.items():
            for index, participant in enumerate(flow.participants):
                spelled = isinstance(participant, Participant)
                taker = participant.service if isinstance(participant, Participant) else participant
                path: KeyPath = ("workflows", name, "participants", index, *["service"] * spelled)
                yield from self.unknown(f"workflow '{name}' has a step of", "services", taker, path)
        regions = self.sources.declared.get("regions", {}).keys() or {_DEFAULT_REGION}
        for name, environment in self.system.environments.items():
            for region in environment.regions:
                path = ("environments", name, "regions", region)
                yield from self.unknown(f"environment '{name}' has the region", "regions", region, path, regions)
            for region in environment.entrances:
                path = ("environments", name, "entrances", region)
                yield from self.unknown(f"environment '{name}' has an entrance of", "regions", region, path, regions)
        for name, flag in self.system.flags.items():
            yield from self.unknown(f"flag '{name}' has the owner", "owners", flag.owner, ("flags", name, "owner"))
        for rule, waiver in self.system.waivers.items():
            yield from self.waiver("the system", rule, waiver.owner, ("waivers", rule))

    def service(self, name: str, service: Service) -> Iterator[Problem]:
        who, here = f"service '{name}'", ("services", name)
        for callee in service.calls:
            path = (*here, "calls", callee)
            if callee == name:
                yield self.problem(path, f"{who} calls itself.", "Remove the call.")
            yield from self.unknown(f"{who} calls", "services", callee, path, self.callable)
        for key, section, names, does in (
            ("stores", "stores", service.stores, "uses the store"),
            ("publishes", "channels", service.publishes, "publishes to the channel"),
            ("consumes", "channels", service.consumes, "consumes the channel"),
            ("flags", "flags", service.flags, "reads the flag"),
        ):
            for used in names:
                yield from self.unknown(f"{who} {does}", section, used, (*here, key, used))
        if service.owner is not None:
            yield from self.unknown(f"{who} has the owner", "owners", service.owner, (*here, "owner"))
        for rule, waiver in service.waivers.items():
            yield from self.waiver(who, rule, waiver.owner, (*here, "waivers", rule))

    def waiver(self, who: str, rule: str, owner: str, path: KeyPath) -> Iterator[Problem]:
        if self.rule_ids and rule not in self.rule_ids:
            fix = self.suggestions.near(rule, self.rule_ids) or "'fairway rules' lists them all."
            yield self.problem(path, f"{who} waives '{shown(rule)}', which is no rule.", fix)
        yield from self.unknown(f"the waiver of '{shown(rule)}' has the owner", "owners", owner, (*path, "owner"))

    def unknown(
        self, who: str, section: str, name: str, path: KeyPath, known: Collection[str] | None = None
    ) -> Iterator[Problem]:
        known = self.sources.declared.get(section, {}).keys() if known is None else known
        if name not in known:
            sections = [section, "external-systems"] if known is self.callable else [section]
            declare = f"Declare it under {listed(map(repr, sections), 'or')}, or remove it here."
            fix = self.suggestions.near(name, known) or declare
            yield self.problem(path, f"{who} '{name}', which is not declared.", fix)

    def problem(self, path: KeyPath, says: str, fix: str) -> Problem:
        file, line = self.sources.place(path)
        return Problem(file=file, line=line, says=says, fix=fix)
