"""The runbook of a person's wishes: see, move, forget, keep."""

from collections.abc import Iterator

from fairway.core.artefact import Page
from fairway.core.cluster import KEYRING
from fairway.core.profile import Landscape
from fairway.stages.s07_security.decisions.protection import ANSWER_WITHIN


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write the runbook where personal data is handled."""
    holders = [name for name, profile in landscape.services.items() if "personal" in profile.data]
    ours = [name for name in holders if landscape.services[name].facts.run is None]
    if not ours:
        return
    system = landscape.system.system

    def run(service: str, words: str) -> str:
        module = f"{service.replace('-', '_')}.service:service"
        kind = "statefulset" if landscape.services[service].stateful else "deployment"
        verb, _, rest = words.partition(" ")
        return f"    kubectl -n {system} exec {kind}/{service} -- python -m fairway_sdk {verb} {module} {rest}".rstrip()

    exports = "\n".join(run(service, "person export PERSON") for service in ours)
    erasures = "\n".join(run(service, "person erase PERSON") for service in ours)
    rewraps = "\n".join(
        f"    kubectl -n {system} create job {service}-rewrap-now --from=cronjob/{service}-rewrap"
        for service in ours
        if not landscape.services[service].runs_to_completion
    )
    text = f"""# What a person may ask for

PERSON is the id that the services know the person by. Answer within {ANSWER_WITHIN}. Services with personal data:
{", ".join(holders)}.

## See or take along: export

Each command prints JSON of one service; hand over all of them.

{exports}

## Be forgotten: erase

The first command destroys the person's key, for all services, events and backups; the others remove what lies open.
A person who is held is refused: read the reason, and ask who set it.

{erasures}

## Keep, because the law says so: hold and release

{run(ours[0], "person hold PERSON --reason CASE-NUMBER")}
{run(ours[0], "person release PERSON")}

## After {KEYRING} was restored from a backup

Erased keys are back until this has run. Keep the list of erasures apart from the backups.

{run(ours[0], "person erase --again")}

## A new master key

1. Put the new key as the first line of `personal-master-key` in the secrets manager; keep the old one below it.
2. Wait until every replica has it: the refresh interval of its ExternalSecret.
3. Wrap all keys anew, once for each service:

{rewraps}

4. Remove the old line.
"""
    yield Page(path="runbooks/personal-data.md", text=text, rule="security/data-protection")
