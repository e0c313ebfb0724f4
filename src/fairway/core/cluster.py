"""The names in a cluster that several rooms speak of: namespaces, and the shared things in them.

A service, its account and its Service share one name, and live in the namespace named as the system.
"""

from typing import Final

OBSERVABILITY: Final = "observability"  # collectors, Prometheus, Alertmanager, Grafana, Jaeger, logs
GATEWAY: Final = "gateway"  # what stands in front of public services
IDENTITY: Final = "identity"  # Dex or Keycloak, where several providers are joined
MESH: Final = "istio-system"  # the mesh's root namespace
ROLLOUTS: Final = "argo-rollouts"
DELIVERY: Final = "argocd"
SECRETS: Final = "external-secrets"
CERTIFICATES: Final = "cert-manager"

COLLECTOR: Final = "opentelemetry-collector"
PROMETHEUS: Final = "prometheus"
ALERTMANAGER: Final = "alertmanager"
GRAFANA: Final = "grafana"
JAEGER: Final = "jaeger"
LOGS: Final = {"loki": "loki", "elasticsearch": "elasticsearch"}
GATEWAYS: Final = {"kong": "kong", "ambassador": "ambassador"}

SECRET_STORE: Final = "fairway"  # noqa: S105 - a name; the ClusterSecretStore that ExternalSecrets read
CLUSTER_ISSUER: Final = "fairway"  # of certificates inside the system
PUBLIC_ISSUER: Final = "fairway-public"  # of certificates that browsers trust
TRUST_DOMAIN: Final = "cluster.local"
PRIORITY: Final = {"mission-critical": "fairway-mission-critical", "standard": "fairway-standard", "low": "fairway-low"}


def host(name: str, namespace: str) -> str:
    """Give the DNS name of a Service."""
    return f"{name}.{namespace}.svc.cluster.local"
