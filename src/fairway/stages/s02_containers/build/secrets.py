"""Secrets: fetched from the manager by External Secrets, and mounted as files."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from fairway.core import cluster
from fairway.core.artefact import Manifest, Reason, Site
from fairway.core.labels import metadata
from fairway.core.parts import Files
from fairway.core.profile import Landscape, Profile
from fairway.core.secrets import external_secret
from fairway.stages.s02_containers import decisions
from fairway_sdk.contract import SECRETS_FOLDER

RULE: Final = "containers/secrets-manager"
READABLE: Final = 0o440  # by the owner and the group of the Pod's volumes
ACCOUNT: Final = {"name": cluster.SECRETS, "namespace": cluster.SECRETS}  # that the operator runs under
VAULT: Final = "https://vault.vault.svc.cluster.local:8200"  # each region has its own
PLATFORM: Final = (
    cluster.COLLECTION,
    cluster.CONTROL_PLANE,
    cluster.DELIVERY,
    cluster.GATEWAY,
    cluster.IDENTITY,
    cluster.OBSERVABILITY,
)
AUTHORITY: Final = "fairway-authority"  # the Secret of the authority behind the cluster's issuer


def entries(profile: Profile) -> dict[str, tuple[str, str]]:
    """Name every secret file of a service: whose it is in the manager, and under which name.

    Programs that the SDK does not run get what is declared: their logins stand in URLs.
    """
    own: list[str] = []
    given = decisions.secrets(profile)
    if given is not None and profile.foreign:
        return {name: (profile.name, name) for name in given.value.declared}
    if given is not None:
        own += given.value.declared
        for store in profile.stores:
            if store.facts.engine != "dynamodb":  # a role of the cloud lets it in
                own += [f"{store.name}-user", f"{store.name}-password"]
        own += ["broker-user", "broker-password"] if given.value.broker else []
    found = {name: (profile.name, name) for name in own}
    if "personal" in profile.data:
        for name in (f"{cluster.KEYRING}-user", f"{cluster.KEYRING}-password"):
            found[name] = (profile.name, name)
        found[cluster.MASTER_KEY] = (cluster.KEYRING, cluster.MASTER_KEY)
    return found


def mounted(profile: Profile) -> Iterator[Files]:
    """Mount the secrets of a service, if it has any."""
    if entries(profile):
        source = {"secret": {"secretName": f"{profile.name}-secrets", "defaultMode": READABLE}}
        yield Files(
            service=profile.name, rule=RULE, topic="secrets", name="secrets", folder=SECRETS_FOLDER, source=source
        )


def fetched(landscape: Landscape, profile: Profile, site: Site) -> Iterator[Manifest]:
    """Fetch the secrets of a service, if it has any."""
    if not (wanted := entries(profile)):
        return
    described = metadata(landscape.system.system, profile.name, name=f"{profile.name}-secrets")
    refresh = decisions.REFRESH[profile.facts.criticality]
    protected = Reason(rule="security/encryption", topic="keys of persons")
    theirs = [number for number, name in enumerate(sorted(wanted)) if name.startswith((cluster.KEYRING, "personal-"))]
    yield Manifest(
        path=f"services/{profile.name}/externalsecret.yaml",
        service=profile.name,
        rule=RULE,
        topic="secrets",
        reasons={("spec", "data", number): protected for number in theirs} if "personal" in profile.data else {},
        object=external_secret(landscape, site, described, wanted, refresh=refresh),
    )


def store(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Say how the manager is reached from one site, and which namespaces may ask it."""
    chosen = decisions.secrets_manager(landscape)
    if chosen is None and not any(map(entries, landscape.services.values())):
        return
    system, manager = landscape.system.system, str(landscape.system.platform.secrets)
    asking = sorted({system, *PLATFORM})
    yield Manifest(
        path="platform/clustersecretstore.yaml",
        rule=RULE,
        topic="secrets manager",
        object={
            "apiVersion": "external-secrets.io/v1",
            "kind": "ClusterSecretStore",
            "metadata": {
                "name": cluster.SECRET_STORE,
                "labels": {"app.kubernetes.io/part-of": system, "app.kubernetes.io/managed-by": "fairway"},
            },
            "spec": {"conditions": [{"namespaces": asking}], "provider": PROVIDERS[manager](system, site)},
        },
    )


def _vault(system: str, site: Site) -> dict[str, Any]:
    role = {"mountPath": "kubernetes", "role": f"{system}-{site.environment}", "serviceAccountRef": ACCOUNT}
    authority = {"type": "Secret", "name": AUTHORITY, "namespace": cluster.CERTIFICATES, "key": "ca.crt"}
    return {
        "vault": {
            "server": VAULT,
            "path": "secret",
            "version": "v2",
            "caProvider": authority,
            "auth": {"kubernetes": role},
        }
    }


def _aws(system: str, site: Site) -> dict[str, Any]:
    del system
    return {
        "aws": {
            "service": "SecretsManager",
            "region": site.region,
            "auth": {"jwt": {"serviceAccountRef": ACCOUNT}},
        }
    }


def _gcp(system: str, site: Site) -> dict[str, Any]:
    """Leave out project and cluster: the operator asks the metadata server of the cluster it runs in."""
    del system, site
    return {"gcpsm": {"auth": {"workloadIdentity": {"serviceAccountRef": ACCOUNT}}}}


def _azure(system: str, site: Site) -> dict[str, Any]:
    vault = f"https://{system}-{site.environment}.vault.azure.net"
    return {"azurekv": {"authType": "WorkloadIdentity", "vaultUrl": vault, "serviceAccountRef": ACCOUNT}}


PROVIDERS: Final[dict[str, Callable[[str, Site], dict[str, Any]]]] = {
    "vault": _vault,
    "aws": _aws,
    "gcp": _gcp,
    "azure": _azure,
}
