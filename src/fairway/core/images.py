"""The images of others that are run here, each with a fixed version; one table, so that raising one is one line."""

from typing import Final

IMAGES: Final = {
    "alertmanager": "prom/alertmanager:v0.33.1",
    "aws-cli": "amazon/aws-cli:2.32.6",
    "curl": "curlimages/curl:8.17.0",
    "dex": "dexidp/dex:v2.45.1",
    "envoy": "envoyproxy/envoy:v1.36.2",
    "fluent-bit": "fluent/fluent-bit:4.2.3",
    "fluentd-elasticsearch": "fluent/fluentd-kubernetes-daemonset:v1.19.3-debian-elasticsearch8-1.1",
    "fluentd-loki": "grafana/fluent-plugin-loki:3.7.6",
    "grafana": "grafana/grafana:13.1.3",
    "jaeger": "jaegertracing/jaeger:2.20.0",
    "kong": "kong:3.9.1",
    "kube-state-metrics": "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.19.1",
    "loki": "grafana/loki:3.7.6",
    "mysql": "percona/percona-xtradb-cluster:8.0.44-35.1",
    "mysql-backup": "percona/percona-xtrabackup:8.0.35-34.1",
    "mysql-haproxy": "percona/haproxy:2.8.17",
    "nats": "nats:2.12.1-alpine",
    "nats-exporter": "natsio/prometheus-nats-exporter:0.17.3",
    "opentelemetry-collector": "otel/opentelemetry-collector-contrib:0.158.0",
    "postgresql": "ghcr.io/cloudnative-pg/postgresql:18.6-standard-trixie",
    "prometheus": "prom/prometheus:v3.13.2",
    "python-slim": "python:3.13.11-slim-trixie",
    "rabbitmq": "rabbitmq:4.2.1-management",
    "ratelimit": "envoyproxy/ratelimit:05c08d03",
    "redis": "redis:7.4.5-bookworm",
    "redis-exporter": "oliver006/redis_exporter:v1.80.1",
    "redis-operated": "quay.io/opstree/redis:v8.6.2",
    "redis-sentinel-operated": "quay.io/opstree/redis-sentinel:v8.6.2",
}
