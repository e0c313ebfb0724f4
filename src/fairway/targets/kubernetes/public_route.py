"""One public service as a gateway sees it: its host and prefix, what is open, and why."""

from typing import Any, Final

import msgspec

from fairway.core.artefact import KeyPath, Manifest, Reason
from fairway.core.cluster import FEDERATION_PATH
from fairway.core.labels import metadata
from fairway.core.open_routes import OpenRoute, open_route
from fairway.core.traffic import Public

PUBLIC: Final = "gateway/public-through-gateway"
CONSUMER_HEADER: Final = "x-fairway-consumer"  # inside the gateway only: who a verified token speaks of


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A public service on one site, and what is behind each thing that is told of it."""

    system: str
    service: str
    domain: str
    public: Public
    deadline: float | None
    mesh: bool
    canary: bool = False  # whether the gateway splits requests between two versions
    reasons: dict[str, Reason]

    @property
    def closed(self) -> bool:
        """Tell whether some of its routes take a token, and there is somebody to give one."""
        return not self.public.open_to_all and bool(self.public.issuers)

    @property
    def open_routes(self) -> tuple[OpenRoute, ...]:
        """Give the routes that need no token, where not all are open."""
        return () if self.public.open_to_all else tuple(map(open_route, dict.fromkeys(self.public.anonymous)))

    @property
    def federated(self) -> bool:
        """Tell whether its tokens are the federation's, which puts the tenant among the groups."""
        return any(issuer.issuer == f"https://{self.domain}{FEDERATION_PATH}" for issuer in self.public.issuers)

    @property
    def stems(self) -> tuple[str, ...]:
        """Give the beginnings of its paths: one for each tenant where they stand in the path."""
        prefix = self.public.prefix.rstrip("/")
        if self.public.tenant_by == "path":
            return tuple(f"{prefix}/{tenant}" for tenant in self.public.tenants)
        return (prefix,)

    @property
    def audiences(self) -> tuple[str, ...]:
        """Name the audiences that a token may be meant for."""
        return tuple(dict.fromkeys(issuer.audience for issuer in self.public.issuers))

    def waits_for_tenants(self, routed: bool) -> bool:  # noqa: FBT001 - the one fact it asks for
        """Tell whether it has no public route yet, as its routes differ by tenant and none is known."""
        return routed and not self.public.tenants

    def manifest(  # noqa: PLR0913, PLR0917 - all that an object of the service is
        self,
        kind: str,
        name: str,
        body: dict[str, Any],
        because: str = "",
        reasons: dict[KeyPath, str] | None = None,
        annotations: dict[str, str] | None = None,
    ) -> Manifest:
        """Write an object of the service; *because* names the note behind it, *reasons* those behind its keys."""
        api_version, _, kind = kind.rpartition("/")
        reason = self.reasons.get(because, Reason(rule=PUBLIC, topic="public route"))
        suffix = name.removeprefix(self.service)
        return Manifest(
            path=f"services/{self.service}/{kind.lower()}{suffix}.yaml",
            service=self.service,
            rule=reason.rule,
            topic=reason.topic,
            object={
                "apiVersion": api_version,
                "kind": kind,
                "metadata": metadata(self.system, self.service, name=name, annotations=annotations),
                **body,
            },
            reasons={path: self.reasons[key] for path, key in (reasons or {}).items() if key in self.reasons},
        )
