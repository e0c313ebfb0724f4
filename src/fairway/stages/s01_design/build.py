"""What design builds: the ports of the protocols it decided, the service catalogue and a page for each workflow."""

from collections.abc import Iterator

from fairway.core.artefact import Page, Site
from fairway.core.parts import Part, Port
from fairway.core.profile import Landscape, Profile, WorkflowProfile
from fairway.core.wording import listed
from fairway.stages.s01_design.decisions.channels import broker, channel, outbox
from fairway.stages.s01_design.decisions.services import capability, protocols, retries, sessions
from fairway.stages.s01_design.decisions.workflows import participation, saga_log, steps, transaction_model
from fairway_sdk.contract import GRPC_PORT, REST_PORT

PORTS = {
    "rest": ("http", REST_PORT, "design/rest-when-external"),
    "grpc": ("grpc", GRPC_PORT, "design/grpc-when-internal"),
}
SPOKEN = {"rest": "REST", "grpc": "gRPC"}


def parts(landscape: Landscape, site: Site) -> Iterator[Part]:
    """Open a port for each protocol that a service speaks."""
    del site
    for profile in landscape.services.values():
        for protocol in protocols(profile).value:
            name, number, rule = PORTS[protocol]
            yield Port(service=profile.name, rule=rule, topic="protocol", name=name, number=number)


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write what each service is for, how each workflow stays consistent, and who tells whom of what."""
    yield Page(path="design/services.md", rule="design/single-capability", text=_catalogue(landscape))
    for flow in landscape.workflows.values():
        text = _workflow(landscape, flow)
        yield Page(path=f"design/workflow-{flow.name}.md", rule="design/transaction-model", text=text)
    if landscape.channels:
        yield Page(path="design/channels.md", rule="design/events-with-compensation", text=_channels(landscape))


def _catalogue(landscape: Landscape) -> str:
    rows = [
        [
            f"**{name}**",
            capability(profile).answer,
            profile.facts.owner or "nobody",
            listed([SPOKEN[protocol] for protocol in protocols(profile).value]) or "takes no requests",
            listed([*(["outside"] if profile.exposed else []), *profile.callers]) or "nobody",
            listed([*profile.callees, *profile.outside]) or "nobody",
            _kept(profile),
        ]
        for name, profile in landscape.services.items()
    ]
    heads = ["service", "is for", "owner", "speaks", "called by", "calls", "keeps"]
    said = "Each has one capability, and no other has it."
    return f"# Services of {landscape.system.system}\n\n{said}\n\n{_table(heads, rows)}"


def _kept(profile: Profile) -> str:
    kept = [store.name for store in profile.durable_stores] + [f"disk {name}" for name in profile.disks]
    session = sessions(profile)
    return listed([*kept, *([f"sessions in {session.value.store}"] if session else [])]) or "nothing"


def _workflow(landscape: Landscape, flow: WorkflowProfile) -> str:
    decided, taken = transaction_model(flow), steps(flow)
    rows = [
        [str(number), step.name, step.service, step.undo or ("nothing, it is the last" if step is last else "**?**")]
        for last in (taken.value[-1],)
        for number, step in enumerate(taken.value, 1)
    ]
    said = [f"{decided.answer[0].upper()}{decided.answer[1:]}: {decided.because}."]
    log, part = saga_log(flow, landscape), participation(flow, landscape)
    if log is not None:
        said.append(f"It is remembered in {log.answer}.")
    if part is not None:
        said.append(f"{part.answer[0].upper()}{part.answer[1:]}.")
    if taken.state == "unanswered":
        said.append(f"**{taken.answer}** {taken.because[0].upper()}{taken.because[1:]}.")
    look = _stuck(landscape, flow) if log is not None and landscape.services[flow.coordinator].facts.run is None else ""
    table = _table(["", "step", "taken by", "taken back by"], rows)
    return f"# Workflow {flow.name}\n\n{chr(10).join(said)}\n\n{table}{look}"


def _stuck(landscape: Landscape, flow: WorkflowProfile) -> str:
    """Tell how runs that do not end are found: in a replica, which has the credentials."""
    name, module = flow.coordinator, flow.coordinator.replace("-", "_")
    kind = "statefulset" if landscape.services[name].stateful else "deployment"
    inside = f"kubectl -n {landscape.system.system} exec {kind}/{name} -c {name} -- python -m fairway_sdk saga"
    return f"""
## Runs that do not end

    {inside} {module}.service:service list
    {inside} {module}.service:service resume ID
"""


def _channels(landscape: Landscape) -> str:
    chosen = broker(landscape)
    assert chosen is not None, "where there are channels, something carries them"
    rows = []
    for name, profile in landscape.channels.items():
        kept = outbox(profile, landscape)
        again = {
            consumer: one.answer
            for consumer in profile.consumers
            for one in retries(landscape.services[consumer], landscape)
            if one.subject == f"channel {name}"
        }
        rows.append(
            [
                f"**{name}**",
                profile.publisher or "**?**",
                kept.answer if kept is not None else "nowhere",
                listed(profile.consumers) or "**?**",
                channel(profile, chosen.value).answer,
                "; ".join(f"{consumer}: {answer}" for consumer, answer in again.items()) or "as its broker is set up",
            ]
        )
    heads = ["channel", "published by", "kept until sent in", "handled by", "carried by", "when handling fails"]
    said = f"Carried by {chosen.answer}: {chosen.because}."
    return f"# Channels of {landscape.system.system}\n\n{said}\n\n{_table(heads, rows)}"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    """Write a table; a bar inside a cell would end it."""
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
