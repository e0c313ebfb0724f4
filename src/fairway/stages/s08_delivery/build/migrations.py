"""Migrations: a Job with rights of its own that runs before a new version, and how schemas change in two steps."""

from collections.abc import Iterator
from typing import Final

from fairway.core.artefact import Manifest, Page, Site
from fairway.core.cluster import KEYRING
from fairway.core.decision import Decision
from fairway.core.labels import metadata
from fairway.core.migration import SQL, migrated
from fairway.core.parts import Migration as Job
from fairway.core.profile import Landscape, Profile
from fairway.core.secrets import external_secret, login
from fairway.stages.s08_delivery.decisions.rollback import Migration, migrations

DEADLINE: Final = 1800  # seconds: a migration that fills a large table in small steps takes its time
REFRESH: Final = "1h"


def parts(landscape: Landscape, profile: Profile, site: Site) -> Iterator[Job]:
    """Attach the Job to a service whose code brings its migrations: one that the SDK runs."""
    del landscape, site
    if (decided := _migrates(profile)) is not None:
        module = f"{profile.name.replace('-', '_')}.service:service"
        yield Job(
            service=profile.name,
            rule=decided.rule,
            topic=decided.topic,
            words=("migrate", module),
            secrets=_secrets(profile),
            deadline_seconds=DEADLINE,
        )


def manifests(landscape: Landscape, profile: Profile, site: Site) -> Iterator[Manifest]:
    """Build the account of the Job, and fetch the credentials that may change a schema."""
    decided = _migrates(profile)
    if decided is None:
        return
    account = metadata(landscape.system.system, profile.name, name=_name(profile))
    yield Manifest(
        path=f"services/{profile.name}/serviceaccount-migration.yaml",
        service=profile.name,
        rule=decided.rule,
        topic=decided.topic,
        object={
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": account,
            "automountServiceAccountToken": False,
        },
    )
    if wanted := _logins(profile):
        described = metadata(landscape.system.system, profile.name, name=_secrets(profile))
        yield Manifest(
            path=f"services/{profile.name}/externalsecret-migration.yaml",
            service=profile.name,
            rule=decided.rule,
            topic=decided.topic,
            object=external_secret(landscape, site, described, wanted, refresh=REFRESH),
        )


def _logins(profile: Profile) -> dict[str, tuple[str, str]]:
    """Name its secret files as the service's own binding does, and fetch another user from the manager for each."""
    stores = [store.name for store in profile.durable_stores if store.facts.engine in SQL]  # roles of AWS let others in
    stores += [KEYRING] if "personal" in profile.data else []
    return {
        file: (profile.name, entry)
        for store in stores
        for file, entry in zip(login(store), login(store, schema=True), strict=True)
    }


def _migrates(profile: Profile) -> Decision[Migration] | None:
    """Give the first decision about a schema of the service, where the SDK changes one."""
    return None if profile.foreign else next(iter(_changed(profile)), None)


def _changed(profile: Profile) -> list[Decision[Migration]]:
    """Give the decisions about schemas that its migration changes."""
    names = {f"store {name}" for name in migrated(profile)}
    return [one for one in migrations(profile) if one.subject in names]


def _name(profile: Profile) -> str:
    return f"{profile.name}-migration"


def _secrets(profile: Profile) -> str:
    return f"{profile.name}-migration-secrets"


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write how schemas change, for each service that changes one."""
    for profile in landscape.services.values():
        decided = _changed(profile)
        if _migrates(profile) is not None:
            yield Page(
                path=f"runbooks/migrate-{profile.name}.md",
                rule=decided[0].rule,
                service=profile.name,
                text=_runbook(landscape, profile, decided),
            )


def _runbook(landscape: Landscape, profile: Profile, decided: list[Decision[Migration]]) -> str:
    name, namespace = profile.name, landscape.system.system
    module = f"{name.replace('-', '_')}.service:service"
    stores = "\n".join(f"- {one.subject.removeprefix('store ')}: {one.answer}." for one in decided)
    return f"""# Change the schema of {name}

{stores}

The version before must run on the new schema, or it could not come back. So every change is two releases:

1. **Expand.** Add what the new version needs: a column that may be empty, a table, an index. The new version writes
   both forms and reads the new one. `python -m fairway_sdk migrate {module} --new "what it does"` begins a revision.
2. **Contract**, {decided[0].value.together} later at the earliest: take away what nobody reads any more.

Never rename or drop in the release that stops using it.

## What happens at a release

Job `{name}-migration` runs after the configuration and before the new version, as a user of its own that may change
the schema; the service's user may not. Argo CD waits for it. Where it fails, the new version does not start.

- Try it first: `python -m fairway_sdk migrate {module} --sql` prints the statements, `--check` what is pending.
- Did it run? `kubectl -n {namespace} get job {name}-migration`
- Why did it fail? `kubectl -n {namespace} logs job/{name}-migration`
- Again, after the reason is gone: sync the application in Argo CD. What was done is not done twice.
- Going back needs no migration: the version before runs on the expanded schema.
"""
