"""Each service has one business capability, which no other service has.

Two services with one capability drift apart and then disagree about the same thing. A service with two is changed
for two reasons, by two teams, and goes down for both. The one sentence that says what it is for also tells the
person on call what is lost while it is away.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.container import Container
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.stores import WORDS as STORES
from fairway.estate.traffic import OPERATIONAL
from fairway.estate.whole import TOOLS

BESIDE = frozenset(
    "adapter agent ambassador apache backup caddy cloudsql collector "  # noqa: SIM905 - words read better without quotes
    "config consul dapr daprd envoy exporter filebeat filter fluent fluentbit fluentd forwarder gateway haproxy helper "
    "httpd init istio linkerd log logger logging logs logstash metrics mixer monitor nginx oauth2 opa otel otelcol "
    "promtail proxy pushgateway rbac reloader router rotate sidecar sql statsd sync telegraf tls tracing traefik "
    "tunnel vault vector watch watcher".split()
)
"""Words of images and containers that stand beside an application: they serve it, not the business."""


def check(estate: Estate) -> Iterator[Finding]:
    """Find Pods that run several applications: containers that each take requests, and none of which serves another.

    What a service is for, files do not say; two that do the same are found by the plan alone.
    """
    for workload in estate.workloads:
        apps = [container for container in workload.containers if _application(container)]
        images = {container.image.partition("@")[0].partition(":")[0] for container in apps}
        if len(images) > 1:
            says = f"one Pod runs {listed([repr(container.name) for container in apps])}, which each take requests."
            fix = "Give each a workload of its own, so that it is released, scaled and restarted by itself."
            yield found(RULE.id, workload.pod, "containers", says, fix)


def _application(container: Container) -> bool:
    words = {*container.image_words, *container.name.lower().split("-")}
    if not words.isdisjoint(BESIDE | TOOLS | STORES.keys()):
        return False
    return any(OPERATIONAL.isdisjoint(port.name.lower().split("-")) for port in container.ports)


SECOND: Final = """\
      containers:
      - name: prices
        image: registry.bookshop.example.com/bookshop/shipping:1.0.0
        ports:
        - name: prices
          containerPort: 8085
        resources:
          requests:
            cpu: 250m
            memory: 256Mi
          limits:
            cpu: 250m
            memory: 256Mi
        livenessProbe:
          httpGet:
            path: /livez
            port: 9001
        readinessProbe:
          httpGet:
            path: /readyz
            port: 9001
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop:
            - ALL
      - name: inventory
"""

RULE = Rule(
    id="design/single-capability",
    applies=ALWAYS,
    proof=Proof.STATIC,
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/inventory/deployment.yaml",
            old="      containers:\n      - name: inventory\n",
            new=SECOND,
        ),
    ),
)
