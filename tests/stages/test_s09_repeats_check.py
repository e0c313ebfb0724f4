"""What repeats a thing that acts, in strangers' gateways, meshes and producers."""

from pathlib import Path

import pytest

from fairway.estate.read import read
from fairway.stages.s09_resilience import idempotent_retries


def keys(folder: Path, *texts: str) -> list[str]:
    """Let the rule judge some manifests, and say each finding in a word with its key."""
    (folder / "system.yaml").write_text("---\n".join(texts))
    return [f"{one.severity} {one.key}" for one in idempotent_retries.check(read([folder]))]


ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: web}}
spec:
  rules:
  - matches: [{{path: {{value: /web}}{method}}}]
    retry: {{attempts: {attempts}, codes: [{codes}]}}
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations: {{nginx.ingress.kubernetes.io/proxy-next-upstream: "{says}"}}
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: nginx}}\ndata: {{{says}}}\n"
POLICY = """\
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {{name: web}}
spec:
  targetRefs: [{{group: gateway.networking.k8s.io, kind: {kind}, name: web}}]
  retry: {{numRetries: 2, retryOn: {{triggers: [{says}]}}}}
"""
MAPPING = """\
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {{name: web}}
spec: {{prefix: /web/, service: web, {method}retry_policy: {{retry_on: "{says}", num_retries: 2}}}}
"""
PROXY = """\
apiVersion: projectcontour.io/v1
kind: HTTPProxy
metadata: {{name: web}}
spec: {{routes: [{{services: [{{name: web, port: 80}}], retryPolicy: {{count: {count}}}}}]}}
"""
PROFILE = """\
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {{name: web.shop.svc.cluster.local}}
spec: {{routes: [{{name: all, condition: {{method: {method}{path}}}, isRetryable: true}}]}}
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {{name: web, annotations: {{retry.linkerd.io/http: {says}}}}}\n"

SURELY = {
    "POST of an HTTPRoute": ROUTE.format(method=", method: POST", attempts=2, codes="500"),
    "NGINX by annotation": INGRESS.format(says="error timeout http_502 non_idempotent"),
    "NGINX everywhere": CONFIG.format(says="proxy-next-upstream: error non_idempotent"),
    "NGINX by its old word": CONFIG.format(says="retry-non-idempotent: 'true'"),
    "POST of a Mapping": MAPPING.format(method="method: POST, ", says="5xx"),
    "POST of Linkerd": PROFILE.format(method="POST", path=", pathRegex: '/orders/[^/]*'"),
}
PERHAPS = {
    "every method of an HTTPRoute": ROUTE.format(method="", attempts=2, codes="502, 503"),
    "a policy of Envoy Gateway": POLICY.format(kind="HTTPRoute", says="connect-failure, 5xx"),
    "every method of a Mapping": MAPPING.format(method="", says="gateway-error"),
    "an HTTPProxy by default": PROXY.format(count=3),
    "a Service of Linkerd": SERVICE.format(says="5xx"),
}
NEVER = {
    "GET": ROUTE.format(method=", method: GET", attempts=2, codes="500"),
    "no attempt": ROUTE.format(method=", method: POST", attempts=0, codes="500"),
    "refused before it acts": ROUTE.format(method=", method: POST", attempts=2, codes="429"),
    "NGINX by default": INGRESS.format(says="error timeout http_502"),
    "NGINX, off": CONFIG.format(says="retry-non-idempotent: 'false'"),
    "before it was sent": POLICY.format(kind="HTTPRoute", says="connect-failure, refused-stream"),
    "gRPC": POLICY.format(kind="GRPCRoute", says="reset"),
    "GET of a Mapping": MAPPING.format(method="method: GET, ", says="5xx"),
    "a Mapping that connects": MAPPING.format(method="", says="connect-failure"),
    "an HTTPProxy without": PROXY.format(count=-1),
    "GET of Linkerd": PROFILE.format(method="GET", path=""),
    "gRPC of Linkerd": PROFILE.format(method="POST", path=r", pathRegex: '/shop\.v1\.Voting/Vote'"),
    "a Service of Linkerd": SERVICE.format(says="gateway-timeout"),
}


@pytest.mark.parametrize("text", SURELY.values(), ids=SURELY)
def test_a_repeated_post_is_found(text: str, tmp_path: Path) -> None:
    """It may have acted before it failed."""
    assert [one.partition(" ")[0] for one in keys(tmp_path, text)] == ["error"]


@pytest.mark.parametrize("text", PERHAPS.values(), ids=PERHAPS)
def test_a_retry_of_every_method_after_an_answer_is_a_remark(text: str, tmp_path: Path) -> None:
    """There may be nothing but GET behind it."""
    assert [one.partition(" ")[0] for one in keys(tmp_path, text)] == ["warning"]


@pytest.mark.parametrize("text", NEVER.values(), ids=NEVER)
def test_a_retry_that_repeats_no_effect_is_left_alone(text: str, tmp_path: Path) -> None:
    """What never reached the callee, and what only reads."""
    assert keys(tmp_path, text) == []


PRODUCER = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: main, image: "example/web:1", env: [{{name: {name}, value: "{value}"}}]}}]}}
"""


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("KAFKA_ENABLE_IDEMPOTENCE", "false", True),
        ("SPRING_KAFKA_PRODUCER_PROPERTIES_ENABLE_IDEMPOTENCE", "FALSE", True),
        ("KAFKA_ENABLE_IDEMPOTENCE", "true", False),
        ("ENABLE_IDEMPOTENCE_KEYS_UI", "false", False),
    ],
)
def test_a_producer_that_tells_the_broker_not_to_notice_is_found(
    name: str, value: str, found: object, tmp_path: Path
) -> None:
    """Kafka drops what a producer repeats, unless it is told not to."""
    told = keys(tmp_path, PRODUCER.format(name=name, value=value))
    assert told == (["warning spec.template.spec.containers[main].env[" + name + "].value"] if found else [])


def test_a_file_of_settings_is_read_as_well(tmp_path: Path) -> None:
    """A line that is a comment says nothing."""
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n"
        "data:\n  producer.properties: |\n    acks=all\n    LINE\n"
    )
    assert keys(tmp_path, text.replace("LINE", "enable.idempotence=false")) == ["warning data[producer.properties]"]
    assert keys(tmp_path, text.replace("LINE", "spring.kafka.producer.properties.enable.idempotence: false"))
    assert keys(tmp_path, text.replace("LINE", "# enable.idempotence=false")) == []
    assert keys(tmp_path, text.replace("LINE", "enable.idempotence=true")) == []
