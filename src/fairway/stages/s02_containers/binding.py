"""What containers tells a running service: the names of its secrets."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.parts import Bind
from fairway.core.profile import Landscape, Profile
from fairway.stages.s02_containers.decisions import secrets


def bind(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Bind]:
    """Tell which files hold its secrets, and its credentials of stores and broker."""
    del site
    given = secrets(profile)
    if given is None:
        return
    told: dict[tuple[str, ...], object] = {}
    if given.value.declared:
        told["secrets",] = list(given.value.declared)
    for store in given.value.stores:
        if landscape.stores[store].facts.engine == "dynamodb":
            continue  # a role of the cloud lets it in
        told["stores", store, "user-secret"] = f"{store}-user"
        told["stores", store, "password-secret"] = f"{store}-password"
    if given.value.broker:
        told["broker", "user-secret"] = "broker-user"
        told["broker", "password-secret"] = "broker-password"
    for path, value in told.items():
        yield Bind(service=profile.name, rule=given.rule, topic=given.topic, path=path, value=value)
