"""An account for each service, without any right."""

from fairway.core.artefact import Manifest
from fairway.core.labels import metadata
from fairway.core.parts import Account
from fairway.core.profile import Landscape, Profile
from fairway.stages.s07_security.decisions.identity import access


def account(profile: Profile) -> Account:
    """Name the account that a service runs under."""
    own = access(profile)
    return Account(service=profile.name, rule=own.rule, topic=own.topic, name=own.value.account)


def service_account(landscape: Landscape, profile: Profile) -> Manifest:
    """Build the account. No role is bound to it, and no token of it is mounted."""
    own = access(profile)
    return Manifest(
        path=f"services/{profile.name}/serviceaccount.yaml",
        service=profile.name,
        rule=own.rule,
        topic=own.topic,
        object={
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata(landscape.system.system, profile.name, name=own.value.account),
            "automountServiceAccountToken": own.value.automount_token,
        },
    )
