"""A drafted fairway.yaml: what was found, where, and a question at every line that is a guess."""

from collections.abc import Iterator

from fairway.core.wording import listed, many
from fairway.verbs.adopt_draft import Draft, DraftService, DraftStore

GUESS = "# ?"


def adopt_text(draft: Draft, source: str) -> str:
    """Write the facts; each line with `# ?` is a guess that somebody has to look at."""
    return "\n".join(_lines(draft, source)) + "\n"


def questions(draft: Draft) -> Iterator[str]:
    """Ask what no manifest tells, the most telling first."""
    silent = [one.name for one in draft.services if not one.calls and not one.stores and not one.to_completion]
    callers = [f"{one.name} to {call.name}" for one in draft.services for call in one.calls]
    external = [one.name for one in draft.services if one.external]
    yield "Who owns each service, and where are they reached?"
    if callers:
        yield (
            f"Which of the {many(len(callers), 'call')} can be left out while the other is down (essential: false),"
            " and which may be made twice (idempotent: true)?"
        )
    if silent:
        yield f"What do {_few(silent)} call? No address of another service is in their settings."
    if external:
        yield f"Which routes of {_few(external)} need no token? Who issues the tokens of the others?"
    if draft.unused:
        yield f"Who uses {_few([one.name for one in draft.unused])}? Declare it under 'stores', and at that service."
    if draft.stores:
        yield f"What data is in {_few([one.name for one in draft.stores])}: personal, regulated? How long is it kept?"
        yield "How much may be lost of each store, and how soon must it be back (recovery)?"
    unknown = [f"{one.name} ({one.runs})" for one in draft.stores if one.engine is None]
    if unknown:
        yield f"{_few(unknown)}: no engine of the standard. Which is next: postgresql, mysql, cassandra, redis?"
    yield "Which services are mission-critical, and which may wait? All are drafted as standard."
    yield "Which workflows span services, and may their parts disagree for a while? Manifests do not tell."
    if ("broker", "rabbitmq") in draft.platform or ("broker", "kafka") in draft.platform:
        yield "Which channels does the broker carry: who publishes, who consumes? Declare them as 'channels'."


def _few(names: list[str]) -> str:
    return listed(names if len(names) <= 4 else (*names[:3], f"{len(names) - 3} more"))  # noqa: PLR2004


def _lines(draft: Draft, source: str) -> Iterator[str]:
    yield f"# Drafted by 'fairway adopt' from {source}."
    yield f"# A line with '{GUESS}' is a guess: look at it, then take the mark away."
    yield from _system(draft)
    if any(one.external for one in draft.services):
        yield "identity-providers:"
        for number, issuer in enumerate(draft.issuers):
            yield from (f"  people{number or ''}:", f"    issuer: {issuer}")
        if not draft.issuers:
            yield from (
                "  people:",
                f"    issuer: https://id.example.com  {GUESS} who vouches for callers from outside",
            )
    if draft.outside:
        yield from ("", "external-systems:")
        yield from (f"  {name}: {{ host: {host}, port: {port} }}" for name, host, port in draft.outside)
    yield from ("", "services:")
    yield from (line for service in draft.services for line in _service(service))
    if draft.stores:
        yield from ("", "stores:")
        yield from (line for store in draft.stores for line in _store(store))
    for store in draft.unused:
        yield f"# {store.name} at {store.place} runs {store.runs}; nobody seems to use it, and no fact may stand alone."
    yield from (f"# {name} is left out: Fairway brings what does its work." for name in draft.left_out)


def _system(draft: Draft) -> Iterator[str]:
    yield f"system: {draft.system}"
    yield from ("owners:", f"  team: team@example.com  {GUESS} who answers, and where they are reached")
    domain = draft.domain or f"{draft.system}.example.com  {GUESS} the host of the public routes"
    yield from ("environments:", "  production:", f"    domain: {domain}")
    yield from ("platform:", f"  registry: registry.example.com/{draft.system}  {GUESS} where images are pushed")
    yield from (f"  {key}: {choice}" for key, choice in draft.platform)


def _service(one: DraftService) -> Iterator[str]:
    yield f"  {one.name}:  # {one.place}"
    yield f"    capability: What {one.name} is for  {GUESS}"
    if one.external:
        yield f"    exposure: external  # {one.external}"
    if one.to_completion:
        yield "    runs: to-completion"
    if one.schedule:
        yield f'    schedule: "{one.schedule}"'
    if one.calls:
        yield "    calls:"
        yield from (f"      {call.name}: {{}}  # {call.evidence}" for call in one.calls)
    if one.stores:
        names = ", ".join(store.name for store in one.stores)
        yield f"    stores: [{names}]  # {one.stores[0].evidence}"
    yield from _around(one)


def _around(one: DraftService) -> Iterator[str]:
    if one.volumes:
        yield "    volumes:"
        yield from (f"      {name}: {{ size: {size} }}" for name, size in one.volumes)
    if one.secrets:
        yield f"    secrets: [{', '.join(one.secrets)}]"
    if one.sidecars:
        told = ", ".join(f"{name}: included" for name in one.sidecars)
        yield f"    sidecars: {{ {told} }}"


def _store(one: DraftStore) -> Iterator[str]:
    yield f"  {one.name}:  # {one.place}"
    mark = f"  {GUESS} it runs {one.runs}" if one.engine is None else f"  # it runs {one.runs}"
    yield f"    workload: {one.workload}{mark}"
    if one.engine is not None:
        yield f"    engine: {one.engine}"
    yield f"    data: [internal]  {GUESS} personal, regulated?"
