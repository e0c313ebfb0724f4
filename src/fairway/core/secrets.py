"""Where each secret is kept in the secrets manager, and the object that brings it into the cluster.

One place a service and environment holds all that the service reads, so that one grant of the manager covers it.
"""

from collections.abc import Mapping
from typing import Any, Final

from fairway.core.artefact import Site
from fairway.core.cluster import SECRET_STORE
from fairway.core.profile import Landscape

FLAT: Final = frozenset({"gcp", "azure"})  # managers whose names have no folders, and whose entries hold one value


def remote(landscape: Landscape, site: Site, owner: str, name: str) -> dict[str, str]:
    """Say where the manager keeps *name* of *owner*, a service or something shared, as an ExternalSecret does."""
    system, manager = landscape.system, str(landscape.system.platform.secrets)
    place = (system.system, site.environment, owner)
    if manager in FLAT:
        return {"key": "-".join((*place, name))}
    return {"key": "/".join(place), "property": name}


def login(store: str, *, schema: bool = False) -> tuple[str, str]:
    """Name a service's entries with its user and password for a store; *schema*: of the user that changes the schema.

    The role in the store and whoever logs in read the same entries, so both go by these names.
    """
    whose = f"{store}-migration" if schema else store
    return f"{whose}-user", f"{whose}-password"


def external_secret(  # noqa: PLR0913 - all that such an object says
    landscape: Landscape,
    site: Site,
    described: dict[str, Any],
    entries: Mapping[str, tuple[str, str]],
    *,
    refresh: str,
    template: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write an ExternalSecret whose Secret has its own name; *entries* are keys there, each with owner and name."""
    target: dict[str, Any] = {"name": described["name"], "creationPolicy": "Owner", "deletionPolicy": "Retain"}
    if template is not None:
        target["template"] = template
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": described,
        "spec": {
            "refreshInterval": refresh,
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": SECRET_STORE},
            "target": target,
            "data": [
                {"secretKey": key, "remoteRef": remote(landscape, site, owner, name)}
                for key, (owner, name) in sorted(entries.items())
            ],
        },
    }
