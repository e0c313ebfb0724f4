"""Who a service is: its name on the wire, its certificate, and what it may ask of Kubernetes."""

from typing import Final, Literal

import msgspec

from fairway.core.conditions import MESH
from fairway.core.decision import Decision, Instead
from fairway.core.profile import Landscape, Profile
from fairway_sdk.contract import LIVE_PATH, READY_PATH, STARTED_PATH

TRUST_DOMAIN: Final = "cluster.local"  # what a mesh has by default, so that an existing one fits
LIFETIME: Final = "24h"  # a stolen certificate is worth a day at most
RENEW_BEFORE: Final = "8h"  # a night's failure of the authority stops nothing


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The name that a service proves with its certificate."""

    spiffe: str
    namespace: str
    account: str
    lifetime: str


class TlsProxy(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy beside the service that ends mutual TLS, where no mesh does."""

    certificate: str  # name of the Secret that cert-manager writes
    dns_names: tuple[str, ...]
    spiffe: str
    lifetime: str
    renew_before: str
    plain_paths: tuple[str, ...]  # on the admin port; the kubelet has no certificate to show


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What a service may ask of the Kubernetes API."""

    account: str
    automount_token: bool


class InternalTls(msgspec.Struct, frozen=True, kw_only=True):
    """How traffic inside the system is encrypted, and who issues the certificates."""

    issuer: Literal["istio", "cert-manager"]
    mode: Literal["STRICT"]
    deny_by_default: bool


def spiffe(profile: Profile) -> str:
    """Write a service's identity as a SPIFFE id."""
    return f"spiffe://{TRUST_DOMAIN}/ns/{profile.system.system}/sa/{profile.name}"


def identity(profile: Profile) -> Decision[Identity]:
    """Choose the name that the service proves to every peer."""
    issuer = "Istio" if MESH(profile).holds else "cert-manager"
    return Decision(
        rule="security/mtls",
        topic="identity",
        answer=f"{spiffe(profile)}, in a certificate that {issuer} renews within {LIFETIME}",
        because=f"both sides of every hop prove who they are, and {MESH(profile).because}",
        value=Identity(
            spiffe=spiffe(profile), namespace=profile.system.system, account=profile.name, lifetime=LIFETIME
        ),
        instead=(Instead("trust in addresses", "an address passes to another pod within minutes"),),
    )


def tls_proxy(profile: Profile) -> Decision[TlsProxy] | None:
    """Choose what ends TLS at the workload where no mesh does."""
    asked = MESH(profile)
    if asked.holds:
        return None
    namespace = profile.system.system
    return Decision(
        rule="security/tls-without-mesh",
        topic="TLS",
        answer="a proxy beside it ends mutual TLS and hands on through a Unix socket; only the probes need no "
        "certificate",
        because=asked.because,
        value=TlsProxy(
            certificate=f"{profile.name}-tls",
            dns_names=(profile.name, f"{profile.name}.{namespace}", f"{profile.name}.{namespace}.svc.cluster.local"),
            spiffe=spiffe(profile),
            lifetime=LIFETIME,
            renew_before=RENEW_BEFORE,
            plain_paths=(LIVE_PATH, READY_PATH, STARTED_PATH),
        ),
        instead=(Instead("TLS in the application", "each would have to pick up a new certificate while it runs"),),
    )


def access(profile: Profile) -> Decision[Access]:
    """Choose what the service may ask of the Kubernetes API: nothing."""
    return Decision(
        rule="security/rbac",
        topic="Kubernetes API",
        answer=f"an account of its own, {profile.name}, with no right and no token in its containers",
        because="nothing it declares needs the Kubernetes API",
        value=Access(account=profile.name, automount_token=False),
        instead=(Instead("the namespace's default account", "a right granted to one would be a right of all"),),
    )


def internal_tls(landscape: Landscape) -> Decision[InternalTls]:
    """Choose how the whole system encrypts its inner traffic."""
    public = any(profile.exposed for profile in landscape.services.values())
    edge = "public TLS ends at the gateway, and " if public else ""
    if landscape.mesh:
        return Decision(
            rule="security/mesh-mtls",
            topic="inner traffic",
            answer=f"{edge}every inner hop is mutual TLS, demanded at the mesh's root; undeclared callers are refused",
            because="the system has a mesh",
            value=InternalTls(issuer="istio", mode="STRICT", deny_by_default=True),
            instead=(Instead("permissive mode", "plain text would still be let in"),),
        )
    return Decision(
        rule="security/tls-without-mesh",
        topic="inner traffic",
        answer=f"{edge}every inner hop is mutual TLS by a proxy beside each service, with certificates of cert-manager",
        because="the system has no mesh",
        value=InternalTls(issuer="cert-manager", mode="STRICT", deny_by_default=True),
        instead=(Instead("plain text behind the gateway", "one broken container could read and forge all of it"),),
    )
