"""Tell who is calling: the person by a token that is verified here, the service by its certificate in the mesh."""

from collections import OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from fairway_sdk import contract
from fairway_sdk.contract.binding import Identity, Issuer
from fairway_sdk.errors import RefusedError, SetupError
from fairway_sdk.identity import tokens
from fairway_sdk.identity.caller import ANONYMOUS, Caller
from fairway_sdk.identity.headers import AUTHORIZATION, Get
from fairway_sdk.identity.mesh import Peer, last_hop
from fairway_sdk.identity.refusals import refusal
from fairway_sdk.identity.tokens import Claims
from fairway_sdk.lifecycle import Level

if TYPE_CHECKING:
    from fairway_sdk.identity.keys import KeySet
    from fairway_sdk.service import Service

REMEMBERED: Final = 10_000  # verified tokens, some 500 bytes each
BEARER: Final = "bearer "


class Verifier:
    """The part that knows the trusted issuers' keys and turns the headers of a request into its caller.

    Nothing is believed because it was sent. A token counts once its signature, issuer, audience and times are right;
    where no issuer is bound, whoever sends one is anonymous. The mesh's header counts only where the binding says that
    a proxy of the mesh stands in front, and the tenant's header only when the gateway or a declared caller sent it.
    """

    name = "identity"
    level = Level.CALLS

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._identity = Identity()
        self._system = ""
        self._tenants: frozenset[str] = frozenset()
        self._trusted: dict[str, list[tuple[Issuer, KeySet]]] = {}
        self._verified: OrderedDict[bytes, Claims] = OrderedDict()

    async def start(self) -> None:
        """Begin to load the issuers' keys; a `SetupError` names every issuer that cannot be asked for them."""
        binding = self._service.binding
        self._identity, self._system = binding.identity, binding.system
        self._tenants = frozenset(binding.identity.tenants)
        self._trusted = {}
        self._verified.clear()
        if not binding.identity.issuers:
            return
        from fairway_sdk.identity.key_sources import faults, key_source
        from fairway_sdk.identity.keys import TYPES, KeySet

        if wrong := faults(binding.identity.issuers, tuple(TYPES)):
            raise SetupError("\n".join(wrong))
        for issuer in binding.identity.issuers:
            keys = KeySet(issuer, key_source(issuer), self._service.clock, self._verified.clear)
            self._trusted.setdefault(issuer.issuer, []).append((issuer, keys))
            keys.start()

    async def stop(self) -> None:
        """Load no more keys; those at hand serve the last requests."""
        for _, keys in self._all():
            await keys.stop()

    async def unready(self) -> str | None:
        """Say so while no issuer's keys are there: one issuer that is down must not close the service to the others."""
        reasons = [f"the keys of {issuer.issuer}: {keys.missing}" for issuer, keys in self._all()]
        return reasons[0] if reasons and all(keys.missing for _, keys in self._all()) else None

    def _all(self) -> "list[tuple[Issuer, KeySet]]":
        return [one for several in self._trusted.values() for one in several]

    async def of(self, get: Get) -> Caller:
        """Tell who is calling, by a function that gives headers (see `headers`).

        A `RefusedError` for whoever must not call; an `UnavailableError` where keys cannot be had to decide it.
        """
        try:
            return await self._of(get)
        except RefusedError as error:
            from fairway_sdk.identity.metrics import REFUSED

            REFUSED.labels(error.kind).inc()
            raise

    async def _of(self, get: Get) -> Caller:
        peer = self._peer(get)
        claims, token = None, ""
        authorization = get(AUTHORIZATION)
        if authorization and self._trusted and authorization[:7].lower() == BEARER:
            token = authorization[7:].strip(" ")
            claims = self._remembered(token) or await self._verify(token)
        tenant = self._tenant(claims, get(contract.TENANT_HEADER), peer)
        if claims is not None:
            return Caller(
                person=claims.person,
                issuer=claims.issuer,
                tenant=tenant,
                scopes=claims.scopes,
                service=self._named(peer),
                token=token,
            )
        return Caller(tenant=tenant, service=self._named(peer)) if tenant or peer else ANONYMOUS

    # The person

    def _remembered(self, token: str) -> Claims | None:
        key = _key(token)
        claims = self._verified.get(key)
        if claims is None:
            return None
        if self._service.clock.now() >= claims.until:
            del self._verified[key]
            return None
        self._verified.move_to_end(key)
        return claims

    async def _verify(self, text: str) -> Claims:
        token = tokens.read(text)
        issuer = token.claims.get("iss")
        bound = self._trusted.get(issuer) if isinstance(issuer, str) else None
        if not bound:
            raise refusal("issuer")
        named = tokens.audiences(token.claims)
        one = next((one for one in bound if one[0].audience in named), None)
        if one is None:
            raise refusal("audience")
        trusted, keys = one
        name, algorithm = token.header.get("kid", ""), token.header.get("alg")
        if algorithm not in trusted.algorithms:
            raise refusal("algorithm")
        key = await keys.find(name, algorithm) if isinstance(name, str) else None
        if key is None:
            raise refusal("key")
        # From here to the end nothing is waited for, so a key that is withdrawn meanwhile leaves nothing remembered.
        if not key.Algorithm.verify(token.signed, key.key, token.signature):
            raise refusal("signature")
        claims = tokens.judge(token.claims, self._service.clock.now(), trusted.tenants)
        self._verified[_key(text)] = claims
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)
        return claims

    # The service

    def _peer(self, get: Get) -> Peer | None:
        if not self._identity.proxied:
            return None
        header = get(contract.CLIENT_CERTIFICATE_HEADER)
        peer = last_hop(header) if header else None
        if peer is not None and peer.trust_domain != self._identity.trust_domain:
            peer = None
        if self._identity.callers and not self._is_declared(peer):
            raise refusal("service")
        return peer

    def _is_declared(self, peer: Peer | None) -> bool:
        if peer is None:
            return False
        if peer.uri == self._identity.gateway:
            return True
        return peer.namespace == self._system and peer.account in self._identity.callers

    def _named(self, peer: Peer | None) -> str:
        """Name a service as the facts do; one of another system with its namespace, which no name of ours has."""
        if peer is None:
            return ""
        return peer.account if peer.namespace == self._system else f"{peer.namespace}/{peer.account}"

    # The tenant

    def _tenant(self, claims: Claims | None, header: str | None, peer: Peer | None) -> str:
        """Choose the tenant: the token's, else the header's where one who may speak for tenants sent it."""
        if not self._tenants:
            header = None  # a system without tenants has nobody who keeps this header clean
        claimed = claims.tenant if claims else ""
        if header and claimed and header != claimed:
            raise refusal("tenant")
        tenant = claimed or (header if header and self._is_declared(peer) else "")
        if tenant and (
            (self._tenants and tenant not in self._tenants)
            or (claims and claims.issuer_tenants and tenant not in claims.issuer_tenants)
        ):
            raise refusal("tenant")
        return tenant


def _key(token: str) -> bytes:
    """Make what a token is remembered by: nobody reads tokens out of this memory."""
    return sha256(token.encode("utf-8", "replace")).digest()
