"""The names in a cluster that several rooms speak of: namespaces, and the shared things in them.

A service, its account and its Service share one name, and live in the namespace named as the system.
"""

from typing import Final

OBSERVABILITY: Final = "observability"  # collectors, Prometheus, Alertmanager, Grafana, Jaeger, logs
COLLECTION: Final = "log-collection"  # what reads lines from the disks of nodes, which nothing else may
GATEWAY: Final = "gateway"  # what stands in front of public services
IDENTITY: Final = "identity"  # Dex or Keycloak, where several providers are joined
UNMESHED_IN: Final = {"traffic.sidecar.istio.io/includeInboundPorts": ""}  # of Pods that the outside comes to
MESH: Final = "istio-system"  # the mesh's root namespace
ROLLOUTS: Final = "argo-rollouts"
DELIVERY: Final = "argocd"
SECRETS: Final = "external-secrets"
CERTIFICATES: Final = "cert-manager"

COLLECTOR: Final = "opentelemetry-collector"
PROMETHEUS: Final = "prometheus"
MESH_SCRAPES: Final = "mesh"  # Prometheus' class of scrapes by mutual TLS, as a proxy of the mesh demands
ALERTMANAGER: Final = "alertmanager"
GRAFANA: Final = "grafana"
JAEGER: Final = "jaeger"
LOGS: Final = {"loki": "loki", "elasticsearch": "elasticsearch"}
GATEWAYS: Final = {"kong": "kong", "ambassador": "ambassador"}

ENTRANCE: Final = "entrance"  # the gateway's Service that the load balancer above the regions leads to
HEALTHY_PATH: Final = "/-/healthy"  # of no service; a load balancer asks there whether the region is well
CONTROL_PLANE: Final = "control-plane"  # what looks after the cluster's own control plane
NODE_DNS: Final = "169.254.20.10/32"  # where a cluster may keep a DNS cache on each node, which Pods then ask
OPERATORS: Final = "fairway.dev/operators"  # label of namespaces whose operators reach into others
SIGNED_ONLY: Final = "policy.sigstore.dev/include"  # label of namespaces whose images must be signed

GATEWAY_TLS: Final = "gateway-tls"  # Secret with the certificate of the public domain
GATEWAY_CLIENTS: Final = {"kong": "kong-tls", "ambassador": "ambassador-tls"}  # its own certificate, without a mesh
CHALLENGE: Final = "acme-challenge"  # what answers the issuer of public certificates, where it asks over HTTP
GATEWAY_LIMITS: Final = "gateway-limits"  # where the gateway's replicas count requests together
TOKEN_CHECKER: Final = "gateway-tokens"  # noqa: S105 - a name; checks tokens for a gateway that cannot
RATE_LIMITER: Final = "gateway-rates"  # counts requests for a gateway that cannot
FEDERATION: Final = "dex"  # joins several identity providers
FEDERATION_PATH: Final = "/-/dex"  # of no service: their names start with a letter
FEDERATION_PORT: Final = 5556

SECRET_STORE: Final = "fairway"  # noqa: S105 - a name; the ClusterSecretStore that ExternalSecrets read
CLUSTER_ISSUER: Final = "fairway"  # of certificates inside the system
PUBLIC_ISSUER: Final = "fairway-public"  # of certificates that browsers trust
TRUST_DOMAIN: Final = "cluster.local"
PRIORITY: Final = {"mission-critical": "fairway-mission-critical", "standard": "fairway-standard", "low": "fairway-low"}

SOCKETS: Final = "/run/fairway"  # where a service and what runs beside it find each other, as files of one Pod
SOCKETS_VOLUME: Final = "sockets"
KEYRING: Final = "persons"  # the store of the keys of persons
MASTER_KEY: Final = "personal-master-key"  # the secret that wraps them, the same for all services
ENGINE_PODS: Final = {  # the label by which the operator of each engine marks a store's Pods, with the store's name
    "postgresql": "cnpg.io/cluster",
    "mysql": "app.kubernetes.io/instance",
    "cassandra": "cassandra.datastax.com/cluster",
    "redis": "app.kubernetes.io/name",
}
BROKER_PODS: Final = {  # the same of brokers
    "nats": {"app.kubernetes.io/name": "nats"},
    "kafka": {"strimzi.io/cluster": "kafka"},
    "rabbitmq": {"app.kubernetes.io/name": "rabbitmq"},
}


OBJECT_STORAGE: Final = "backups.object-storage.svc.cluster.local"  # the name of a storage outside, without a cloud


def backups_of(system: str, environment: str, region: str) -> str:
    """Name the bucket with the backups of one region; it lies in another one where there is another."""
    return f"{system}-{environment}-backups-of-{region}"


def host(name: str, namespace: str) -> str:
    """Give the DNS name of a Service."""
    return f"{name}.{namespace}.svc.cluster.local"
