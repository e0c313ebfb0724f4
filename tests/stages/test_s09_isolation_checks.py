"""Isolation, rerouting and degraded modes in strangers' systems: what is written down and cannot work."""

from pathlib import Path

import pytest

from fairway.core.rule import Finding, Rule
from fairway.estate.read import read
from fairway.stages.s09_resilience import degraded_modes, isolation, rerouting

WEB = """\
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}, namespace: shop}}
spec:
  {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      {init}
      containers: [{{name: main, image: "{image}", ports: [{{containerPort: 8080}}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec:
  {traffic}
  selector: {{app: {name}}}
  ports: [{{port: 80, targetPort: 8080}}]
"""
PLAIN = {"kind": "Deployment", "replicas": "", "init": "", "traffic": "", "name": "web", "image": "example/web:1"}
RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: web, namespace: shop}}
spec:
  host: web
  trafficPolicy: {{{policy}}}
"""
BUDGET = """\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: web, namespace: shop}}
spec: {{{says}, selector: {{matchLabels: {{app: web}}}}}}
"""
SCALED = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec: {minReplicas: 2, maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
"""


def judge(rule: Rule, folder: Path, *texts: str) -> list[Finding]:
    """Let a rule judge some manifests."""
    (folder / "system.yaml").write_text("---\n".join(texts))
    assert rule.check is not None
    return list(rule.check(read([folder])))


def keys(rule: Rule, folder: Path, *texts: str) -> list[str]:
    """Say each finding in a word, with its key."""
    return [f"{one.severity} {one.key}" for one in judge(rule, folder, *texts)]


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        ("connectionPool: {http: {http2MaxRequests: 2147483647}}", ["connectionPool.http.http2MaxRequests"]),
        ("connectionPool: {tcp: {maxConnections: 1000000}, http: {http2MaxRequests: 9000000}}", ["tcp.maxConnections"]),
        ("portLevelSettings: [{connectionPool: {tcp: {maxConnections: 2000000}}}]", ["tcp.maxConnections"]),
        ("connectionPool: {tcp: {maxConnections: 10000}, http: {http1MaxPendingRequests: 1024}}", []),
        ("outlierDetection: {consecutive5xxErrors: 0}", ["outlierDetection.consecutive5xxErrors"]),
        ("outlierDetection: {consecutive5xxErrors: 0, consecutiveGatewayErrors: 5}", []),
        ("outlierDetection: {interval: 5s}", []),
        ("outlierDetection: {consecutive5xxErrors: 5, maxEjectionPercent: 0}", []),
    ],
)
def test_limits_that_limit_nothing_and_detection_that_is_off_are_found(
    policy: str, found: list[str], tmp_path: Path
) -> None:
    """Once for each policy; what is not given has a default that works."""
    told = keys(isolation.RULE, tmp_path, RULE.format(policy=policy))
    assert len(told) == len(found)
    assert all(one.startswith("error") and one.endswith(key) for one, key in zip(told, found, strict=True))


def test_the_breaker_of_envoy_gateway_is_read_as_well(tmp_path: Path) -> None:
    """Its figures have other names."""
    text = (
        "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: BackendTrafficPolicy\nmetadata: {name: web}\n"
        "spec: {circuitBreaker: {maxConnections: MOST, maxPendingRequests: 100}}\n"
    )
    assert keys(isolation.RULE, tmp_path, text.replace("MOST", "4294967295")) == [
        "error spec.circuitBreaker.maxConnections"
    ]
    assert keys(isolation.RULE, tmp_path, text.replace("MOST", "200")) == []


WAITS = {
    "a VirtualService": (
        (
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\n"
            "spec: {hosts: [web], http: [{name: NAME, timeout: TIME, route: [{destination: {host: web}}]}]}\n"
        ),
        "0s",
        "http[NAME].timeout",
    ),
    "an HTTPRoute": (
        (
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web}\n"
            "spec: {rules: [{matches: [{path: {value: /NAME}}], timeouts: {request: TIME}}]}\n"
        ),
        "0s",
        "timeouts.request",
    ),
    "a policy of Envoy Gateway": (
        (
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: BackendTrafficPolicy\nmetadata: {name: NAME}\n"
            "spec: {timeout: {http: {requestTimeout: TIME}}}\n"
        ),
        "0s",
        "http.requestTimeout",
    ),
    "an HTTPProxy": (
        (
            "apiVersion: projectcontour.io/v1\nkind: HTTPProxy\nmetadata: {name: web}\n"
            "spec: {routes: [{conditions: [{prefix: /NAME}], timeoutPolicy: {response: TIME}}]}\n"
        ),
        "infinity",
        "timeoutPolicy.response",
    ),
    "a Mapping": (
        (
            "apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nmetadata: {name: web}\n"
            "spec: {prefix: /NAME/, timeout_ms: TIME, service: web}\n"
        ),
        "0",
        "spec.timeout_ms",
    ),
    "an Ingress of NGINX": (
        (
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n"
            "  annotations: {nginx.ingress.kubernetes.io/proxy-read-timeout: 'TIME'}\n"
            "spec: {rules: [{http: {paths: [{path: /NAME}]}}]}\n"
        ),
        "14400",
        "proxy-read-timeout]",
    ),
}


@pytest.mark.parametrize(("text", "time", "key"), WAITS.values(), ids=WAITS)
def test_a_wait_that_is_said_to_have_no_end_is_found(text: str, time: str, key: str, tmp_path: Path) -> None:
    """What streams by its name or path stays open on purpose."""
    endless = text.replace("TIME", time)
    (one,) = keys(isolation.RULE, tmp_path, endless.replace("NAME", "orders"))
    assert one.startswith("warning")
    assert one.endswith(key.replace("NAME", "orders"))
    assert keys(isolation.RULE, tmp_path, endless.replace("NAME", "stream")) == []
    bounded = text.replace("TIME", "2000" if time.isdecimal() else "2s")
    assert keys(isolation.RULE, tmp_path, bounded.replace("NAME", "orders")) == []


def test_one_of_two_bounds_of_an_httproute_is_enough(tmp_path: Path) -> None:
    """A stream that may go on, of tries that may not."""
    text = WAITS["an HTTPRoute"][0].replace("request: TIME", "request: 0s, backendRequest: 2s")
    assert keys(isolation.RULE, tmp_path, text) == []


@pytest.mark.parametrize(
    ("replicas", "says", "more", "found"),
    [
        ("replicas: 3", "maxUnavailable: 1", (), False),
        ("replicas: 3", "minAvailable: 50%", (), False),
        ("replicas: 3", "minAvailable: 0", (), True),
        ("replicas: 3", "maxUnavailable: 100%", (), True),
        ("replicas: 3", "maxUnavailable: 3", (), True),
        ("replicas: 3", "maxUnavailable: 0", (), True),
        ("replicas: 3", "minAvailable: 3", (), True),
        ("replicas: 3", "minAvailable: 100%", (), True),
        ("replicas: 1", "minAvailable: 1", (), False),
        ("", "minAvailable: 2", (SCALED,), True),
        ("", "minAvailable: 1", (SCALED,), False),
    ],
)
def test_a_budget_that_lets_all_go_or_none_is_found(
    replicas: str, says: str, more: tuple[str, ...], found: object, tmp_path: Path
) -> None:
    """Of a single replica another rule speaks; an autoscaler's least number is what counts."""
    web = WEB.format(**PLAIN | {"replicas": replicas})
    told = keys(isolation.RULE, tmp_path, web, BUDGET.format(says=says), *more)
    assert told == ([f"warning spec.{says.partition(':')[0]}"] if found else [])


NEAR = "loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}"
POOL = "connectionPool: {tcp: {maxConnections: 100}}"


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        (f"{NEAR}, {POOL}", "failover"),
        (f"{NEAR}, {POOL}, outlierDetection: {{interval: 5s}}", ""),
        (NEAR, ""),
        (f"{NEAR.replace('failover:', 'enabled: false, failover:')}, {POOL}", "enabled"),
        (f"{NEAR.replace('failover:', 'distribute: [{from: a, to: {a: 100}}], failover:')}, {POOL}", "distribute"),
        (f"{NEAR.replace('failover: [{from: a, to: b}]', 'enabled: false')}, {POOL}", ""),
    ],
)
def test_a_failover_that_cannot_happen_is_found(policy: str, found: str, tmp_path: Path) -> None:
    """Without any breaker, that is what is missing first, and another rule says so."""
    told = keys(rerouting.RULE, tmp_path, RULE.format(policy=policy))
    assert [one.rpartition(".")[2] for one in told] == ([found] if found else [])


def test_a_service_that_never_leaves_the_node_is_found_unless_it_is_on_every_node(tmp_path: Path) -> None:
    """A DaemonSet is on every node."""
    local = PLAIN | {"traffic": "internalTrafficPolicy: Local"}
    assert keys(rerouting.RULE, tmp_path, WEB.format(**local)) == ["error spec.internalTrafficPolicy"]
    assert keys(rerouting.RULE, tmp_path, WEB.format(**local | {"kind": "DaemonSet"})) == []
    cluster = PLAIN | {"traffic": "internalTrafficPolicy: Cluster"}
    assert keys(rerouting.RULE, tmp_path, WEB.format(**cluster)) == []


WAIT = "initContainers: [{{name: wait, image: 'busybox:1', command: [sh, -c, \"{command}\"]}}]"


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("until nc -z cart 80; do sleep 1; done", True),
        ("until curl -sf http://cart.shop.svc.cluster.local/readyz; do sleep 1; done", True),
        ("while ! nslookup cart; do sleep 1; done", True),
        ("/wait-for-it.sh cart:80 -t 0", True),
        ("dockerize -wait tcp://cart:80", True),
        ("until nc -z db 5432; do sleep 1; done", False),
        ("until nc -z elsewhere 80; do sleep 1; done", False),
        ("curl -sf http://cart/warm-up", False),
        ("./migrate --cart", False),
    ],
)
def test_a_start_that_waits_for_another_service_is_found(command: str, found: object, tmp_path: Path) -> None:
    """A store is the store's business, and what is not here is not judged."""
    web = WEB.format(**PLAIN | {"init": WAIT.format(command=command)})
    cart = WEB.format(**PLAIN | {"name": "cart"})
    store = WEB.format(**PLAIN | {"name": "db", "image": "postgres:17"})
    told = keys(degraded_modes.RULE, tmp_path, web, cart, store)
    assert told == (["warning spec.template.spec.initContainers[wait].command"] if found else [])
