"""The names, labels and annotations that every built object carries."""

from typing import Any

DOMAIN = "fairway.dev"
RULES = f"{DOMAIN}/rules"
CRITICALITY = f"{DOMAIN}/criticality"
CUSTOMER_FACING = f"{DOMAIN}/customer-facing"
SINGLE_REPLICA = f"{DOMAIN}/single-replica-because"
ANONYMOUS = f"{DOMAIN}/anonymous-because"
# Data that nobody else has, and addresses that the world knows: what is built no more, or elsewhere, a person deletes.
KEPT = {"argocd.argoproj.io/sync-options": "Prune=false"}


def selector(system: str, service: str) -> dict[str, str]:
    """Give the labels that pick a service's replicas; they never change over its life."""
    return {"app.kubernetes.io/name": service, "app.kubernetes.io/part-of": system}


def metadata(
    system: str,
    service: str,
    *,
    name: str = "",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Describe an object that belongs to a service; its name is the service's unless given."""
    described: dict[str, Any] = {
        "name": name or service,
        "namespace": system,
        "labels": {**selector(system, service), "app.kubernetes.io/managed-by": "fairway", **(labels or {})},
    }
    return described | ({"annotations": annotations} if annotations else {})
