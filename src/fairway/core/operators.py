"""The programs that act on objects of kinds that Kubernetes itself does not know; one table, one line to raise one."""

from collections.abc import Iterable
from typing import Final

import msgspec

BUILT_IN: Final = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apps",
        "autoscaling",
        "batch",
        "networking.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    }
)


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """What acts on some API groups, and how it is installed."""

    name: str
    groups: tuple[str, ...]
    kinds: frozenset[str] = frozenset()  # of these groups, where several operators share one; empty: all
    chart: str = ""  # empty: no chart installs it, `note` says what does
    version: str = ""  # of the operator; empty: any that serves what is needed
    namespace: str = ""  # where it is installed; empty: nowhere
    note: str = ""

    def acts_on(self, group: str, kind: str) -> bool:
        """Tell whether objects of a kind are its business."""
        return group in self.groups and (not self.kinds or kind in self.kinds)


def needed(kinds: Iterable[tuple[str, str]]) -> tuple[tuple[Operator, ...], tuple[tuple[str, str], ...]]:
    """Give the operators that act on some kinds, each a group and a name; and the kinds that nobody here acts on."""
    custom = sorted({(group, kind) for group, kind in kinds if group not in BUILT_IN})
    found = tuple(one for one in OPERATORS if any(one.acts_on(*kind) for kind in custom))
    return found, tuple(kind for kind in custom if not any(one.acts_on(*kind) for one in found))


METRICS: Final = (
    "The metrics server, or another source of `metrics.k8s.io`: without it no autoscaler sees a processor at work, and"
    " replicas stay at their least number."
)
ENFORCED: Final = "A network plugin that enforces NetworkPolicies; another one takes them and holds nothing back."
CLUSTER: Final = {  # kinds that Kubernetes knows and that a part of the cluster, which may be missing, acts on
    ("autoscaling", "HorizontalPodAutoscaler"): METRICS,
    ("networking.k8s.io", "NetworkPolicy"): ENFORCED,
    ("apps", "StatefulSet"): "A default StorageClass, for the disks that name none.",
}
RELOADED: Final = "secret.reloader.stakater.com/reload"  # annotation of what reads a Secret once, and names it
RELOADER: Final = (
    "Reloader, by its chart `reloader`: without it, what reads a Secret as it starts keeps an old password until its"
    " next release."
)

OPERATORS: Final = (
    Operator(
        name="Argo CD",
        groups=("argoproj.io",),
        kinds=frozenset({"AppProject", "Application", "ApplicationSet"}),
        chart="argo-cd",
        version="3.5.1",
        namespace="argocd",
    ),
    Operator(
        name="Argo Rollouts",
        groups=("argoproj.io",),
        kinds=frozenset({"AnalysisRun", "AnalysisTemplate", "ClusterAnalysisTemplate", "Experiment", "Rollout"}),
        chart="argo-rollouts",
        version="1.9.1",
        namespace="argo-rollouts",
    ),
    Operator(
        name="AWS Controllers for Kubernetes: DynamoDB",
        groups=("dynamodb.services.k8s.aws",),
        chart="dynamodb-chart",
        version="1.9.2",
        namespace="ack-system",
    ),
    Operator(
        name="AWS Load Balancer Controller",
        groups=("aga.k8s.aws", "elbv2.k8s.aws"),
        chart="aws-load-balancer-controller",
        version="2.17.0 or newer",
        namespace="kube-system",
        note="Enable its feature gate for Global Accelerator, and give it the rights that needs.",
    ),
    Operator(
        name="Azure Service Operator",
        groups=("cdn.azure.com", "resources.azure.com"),
        chart="azure-service-operator",
        namespace="azureserviceoperator-system",
        note="Its value crdPattern must hold `cdn.azure.com/*;resources.azure.com/*`.",
    ),
    Operator(
        name="cert-manager",
        groups=("cert-manager.io", "acme.cert-manager.io"),
        chart="cert-manager",
        version="1.21.1",
        namespace="cert-manager",
    ),
    Operator(
        name="CloudNativePG",
        groups=("postgresql.cnpg.io",),
        chart="cloudnative-pg",
        version="1.30.0",
        namespace="cnpg-system",
    ),
    Operator(
        name="CloudNativePG's plugin for Barman Cloud",
        groups=("barmancloud.cnpg.io",),
        chart="plugin-barman-cloud",
        version="0.14.0",
        namespace="cnpg-system",
    ),
    Operator(
        name="Elastic Cloud on Kubernetes",
        groups=("elasticsearch.k8s.elastic.co", "kibana.k8s.elastic.co", "beat.k8s.elastic.co"),
        chart="eck-operator",
        version="3.5.0",
        namespace="elastic-system",
    ),
    Operator(
        name="Emissary-ingress",
        groups=("getambassador.io",),
        chart="emissary-ingress",
        version="4.1.0",
        namespace="gateway",
        note="As release `ambassador`, with the values in gateway/<environment>.values.yaml of this tree.",
    ),
    Operator(
        name="External Secrets",
        groups=("external-secrets.io", "generators.external-secrets.io"),
        chart="external-secrets",
        version="2.9.0",
        namespace="external-secrets",
    ),
    Operator(
        name="ExternalDNS",
        groups=("externaldns.k8s.io",),
        chart="external-dns",
        version="0.22.0",
        namespace="external-dns",
    ),
    Operator(
        name="Gateway API, standard channel",
        groups=("gateway.networking.k8s.io",),
        version="1.6.1",
        note="Kinds alone, of the project's release; the gateway acts on them. GKE has them already.",
    ),
    Operator(
        name="GKE: multi-cluster Services and Gateways",
        groups=("net.gke.io", "networking.gke.io"),
        note="Part of GKE, enabled for the fleet.",
    ),
    Operator(
        name="Grafana Operator",
        groups=("grafana.integreatly.org",),
        chart="grafana-operator",
        version="5.24.0",
        namespace="grafana-operator",
    ),
    Operator(
        name="Istio",
        groups=("extensions.istio.io", "networking.istio.io", "security.istio.io", "telemetry.istio.io"),
        chart="base, istiod and cni",
        version="1.30.3",
        namespace="istio-system",
    ),
    Operator(name="k8gb", groups=("k8gb.io",), chart="k8gb", version="0.21.0", namespace="k8gb"),
    Operator(
        name="K8ssandra Operator",
        groups=(
            "cassandra.datastax.com",
            "control.k8ssandra.io",
            "k8ssandra.io",
            "medusa.k8ssandra.io",
            "reaper.k8ssandra.io",
            "replication.k8ssandra.io",
        ),
        chart="k8ssandra-operator",
        version="1.32.5",
        namespace="k8ssandra-operator",
    ),
    Operator(
        name="Kong Operator",
        groups=("configuration.konghq.com", "gateway-operator.konghq.com"),
        chart="kong-operator",
        version="2.3.0",
        namespace="kong-system",
    ),
    Operator(
        name="Multi-cluster Services",
        groups=("multicluster.x-k8s.io",),
        note="Of the network that joins the regions (Cilium's cluster mesh, Submariner, the cloud's own): a name in "
        "`svc.clusterset.local` leads to what one of them exports.",
    ),
    Operator(
        name="MySQL Operator",
        groups=("mysql.oracle.com", "zalando.org"),
        chart="mysql-operator",
        namespace="mysql-operator",
    ),
    Operator(
        name="NATS's controller for JetStream",
        groups=("jetstream.nats.io",),
        chart="nack",
        version="0.22.4",
        namespace="nats",
    ),
    Operator(
        name="OpenFeature Operator",
        groups=("core.openfeature.dev",),
        chart="open-feature-operator",
        version="0.9.2",
        namespace="open-feature-operator-system",
    ),
    Operator(
        name="OpenTelemetry Operator",
        groups=("opentelemetry.io",),
        chart="opentelemetry-operator",
        version="0.158.0",
        namespace="opentelemetry-operator-system",
    ),
    Operator(
        name="Percona Operator for MySQL",
        groups=("pxc.percona.com",),
        chart="pxc-operator",
        version="1.19.0",
        namespace="pxc-operator",
        note="Let it watch all namespaces.",
    ),
    Operator(
        name="Policy Controller",
        groups=("policy.sigstore.dev",),
        chart="policy-controller",
        namespace="cosign-system",
        note="In its ConfigMap `config-policy-controller`, `no-match-policy` is `allow`: nobody signs what"
        " others made. The public key is its Secret `fairway-signing-key`.",
    ),
    Operator(
        name="Prometheus Operator",
        groups=("monitoring.coreos.com",),
        chart="kube-prometheus-stack",
        version="0.93.0",
        namespace="prometheus-operator",
        note="The operator alone: Prometheus, Alertmanager, Grafana and kube-state-metrics of the chart are disabled.",
    ),
    Operator(
        name="RabbitMQ Cluster Operator",
        groups=("rabbitmq.com",),
        kinds=frozenset({"RabbitmqCluster"}),
        version="2.22.3",
        namespace="rabbitmq-system",
        note="By the manifest of its release.",
    ),
    Operator(
        name="RabbitMQ Messaging Topology Operator",
        groups=("rabbitmq.com",),
        kinds=frozenset({"Binding", "Exchange", "Permission", "Policy", "Queue", "User", "Vhost"}),
        namespace="rabbitmq-system",
        note="By the manifest of its release.",
    ),
    Operator(
        name="Redis Operator",
        groups=("redis.redis.opstreelabs.in",),
        chart="redis-operator",
        version="0.26.0",
        namespace="redis-operator",
    ),
    Operator(
        name="Snapshot controller",
        groups=("snapshot.storage.k8s.io", "groupsnapshot.storage.k8s.io"),
        namespace="kube-system",
        note="Most providers have it already; elsewhere by the manifest of its release.",
    ),
    Operator(
        name="Strimzi",
        groups=("kafka.strimzi.io",),
        chart="strimzi-kafka-operator",
        version="1.2.0",
        namespace="strimzi",
        note="Let it watch all namespaces, and set its variable `STRIMZI_POD_SECURITY_PROVIDER_CLASS` to `restricted`:"
        " the system's namespace takes no other Pods.",
    ),
    Operator(name="Velero", groups=("velero.io",), chart="velero", version="1.18.1", namespace="velero"),
)
