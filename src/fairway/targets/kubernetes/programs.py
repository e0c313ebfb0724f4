"""What a program that the SDK does not run is given in a cluster: its words, its variables, the URLs with its login.

Libraries of all languages look for a URL with user and password in a variable. So the URL is put together from the
secrets manager's entries inside the cluster, in a Secret of its own; a new password replaces the replicas one by one.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from fairway.core import programs, secrets
from fairway.core.artefact import Manifest, Site
from fairway.core.labels import metadata
from fairway.core.migration import migrated
from fairway.core.parts import Command, Migration, Part, Setting, Variable
from fairway.core.profile import Landscape, Profile
from fairway.core.traffic import Call, Traffic
from fairway.targets.environment import SCHEMA_OF, Login, variables
from fairway.targets.envoy.fields import duration, typed
from fairway_sdk.contract import SECRETS_FOLDER
from fairway_sdk.contract.binding import Binding, Broker, Listen, Store

RULE: Final = "orchestration/configmaps-and-secrets"
SECRETS_RULE: Final = "containers/secrets-manager"
MIGRATION_RULE: Final = "delivery/automated-rollback"
REPLICA: Final = "$(POD_NAME)"  # put in by the cluster, as all of this form are
SCRATCH: Final = "/tmp"  # noqa: S108 - the Pod's own, sized
DEADLINE: Final = 1800  # seconds for a migration
REFRESH: Final = {"mission-critical": "1m", "standard": "15m", "low": "1h"}

Entries = dict[str, tuple[str, str]]  # of the secrets manager: owner and name, by the key they get


def parts(profile: Profile, decided: Binding) -> Iterator[Part]:
    """Attach its words and its variables; what differs by environment stands in its ConfigMap."""
    run = profile.facts.run
    assert run is not None
    yield Command(service=profile.name, rule="containers/docker", topic="image", words=_words(run.command))
    pod = {"fieldRef": {"fieldPath": "metadata.name"}}
    yield Variable(service=profile.name, rule="observability/tracing", name="POD_NAME", value=pod)
    for told in variables(_here(profile, decided), _login(profile, {}), SECRETS_FOLDER, logs=False):
        if told.secret:
            key = {"secretKeyRef": {"name": programs.urls(profile), "key": told.name}}
            yield Variable(service=profile.name, rule=SECRETS_RULE, topic="secrets", name=told.name, value=key)
        elif REPLICA in told.value:
            yield Variable(service=profile.name, rule=RULE, name=told.name, value=told.value)
        else:
            yield Setting(service=profile.name, rule=RULE, name=told.name, value=told.value)
    if migrates(profile):
        yield Migration(
            service=profile.name,
            rule=MIGRATION_RULE,
            words=_words(run.migrate),
            secrets=programs.urls(profile, "migration"),
            deadline_seconds=DEADLINE,
        )


def manifests(
    landscape: Landscape, site: Site, profile: Profile, decided: Binding, traffic: Traffic
) -> Iterator[Manifest]:
    """Build the Secrets with its URLs, what its migration runs as, and how its proxy calls others."""
    if routes := programs.routes(profile):
        files = {f"to-{callee}.json": _route(callee, traffic.calls[callee]) for callee in profile.callees}
        described = metadata(landscape.system.system, profile.name, name=routes)
        held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": files}
        yield _manifest(profile, "configmap-routes", "routing/kubernetes-dns", "timeout", held)
    yield from _fetched(landscape, site, profile, decided, "")
    if not migrates(profile):
        return
    yield from _fetched(landscape, site, profile, decided, "migration")
    account = metadata(landscape.system.system, profile.name, name=f"{profile.name}-migration")
    yield _manifest(
        profile,
        "serviceaccount-migration",
        MIGRATION_RULE,
        "",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account, "automountServiceAccountToken": False},
    )


def _route(callee: str, call: Call) -> str:
    """Write the route of calls to one callee as its proxy reads it: it picks up changes while it runs."""
    name = f"to-{callee}"
    action: dict[str, Any] = {"cluster": name, "timeout": duration(call.timeout)}
    if (again := call.retries) is not None:
        longest = max(again.pause, min(again.pause * 10, call.timeout))
        action["retry_policy"] = {
            "retry_on": ",".join(again.on),
            "num_retries": again.attempts,
            "per_try_timeout": duration(again.each),
            "retry_back_off": {"base_interval": duration(again.pause), "max_interval": duration(longest)},
        }
    host = {"name": name, "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": action}]}
    told = typed("envoy.config.route.v3.RouteConfiguration", name=name, virtual_hosts=[host])
    return json.dumps({"resources": [told]}, indent=1) + "\n"


def migrates(profile: Profile) -> bool:
    """Tell whether a command of its own changes the schema of its stores."""
    return profile.foreign and bool(migrated(profile))


def _fetched(landscape: Landscape, site: Site, profile: Profile, decided: Binding, job: str) -> Iterator[Manifest]:
    found: Entries = {}
    login = _login(profile, found, changes_schema=bool(job))
    every = variables(_here(profile, decided), login, SECRETS_FOLDER, logs=False)
    urls = {told.name: told.value for told in every if told.secret}
    if not urls:
        return
    described = metadata(landscape.system.system, profile.name, name=programs.urls(profile, job))
    yield _manifest(
        profile,
        f"externalsecret-{described['name'].removeprefix(f'{profile.name}-')}",
        SECRETS_RULE,
        "secrets",
        secrets.external_secret(
            landscape,
            site,
            described,
            found,
            refresh=REFRESH[profile.facts.criticality],
            template={"engineVersion": "v2", "data": urls},
        ),
    )


def _here(profile: Profile, decided: Binding) -> Binding:
    """Give its place in a Pod: where it listens itself, and where it finds those whom it calls."""
    listen = Listen(rest="", grpc="", admin="")
    if programs.listens(profile):
        at = programs.listened(profile, programs.side(profile))
        listen = Listen(rest=at, grpc=programs.listened(profile, "grpc") if profile.grpc else "", admin="")
    calls = decided.calls
    if profile.system.platform.mesh != "istio":
        calls = {
            name: msgspec.structs.replace(call, address=programs.callee(profile, name)) if call.internal else call
            for name, call in decided.calls.items()
        }
    return msgspec.structs.replace(decided, replica=REPLICA, listen=listen, calls=calls)


def _login(profile: Profile, found: Entries, *, changes_schema: bool = False) -> Login:
    """Write a login in the words that the operator fills in, and remember in *found* what it is made of.

    A program that names no command for it changes its schema itself, so it gets the rights to.
    """

    def login(name: str, reached: Store | Broker) -> str:
        if not reached.password_secret:
            return ""
        schema = reached.kind in SCHEMA_OF and (changes_schema or not migrates(profile))
        keys = secrets.login(name, schema=schema)
        found.update({key: (profile.name, key) for key in keys})
        return ":".join(f'{{{{ index . "{key}" | urlquery | replace "+" "%20" }}}}' for key in keys)

    return login


def _words(words: tuple[str, ...]) -> tuple[str, ...]:
    return programs.filled(words, host="$(HOST)", port="$(PORT)", data=SCRATCH)


def _manifest(profile: Profile, file: str, rule: str, topic: str, obj: dict[str, Any]) -> Manifest:
    return Manifest(
        path=f"services/{profile.name}/{file}.yaml", service=profile.name, rule=rule, topic=topic, object=obj
    )
