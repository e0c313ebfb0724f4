"""Public routes of strangers that come before what protects them, as far as files tell the order."""

from pathlib import Path

import pytest

from fairway.core.rule import Finding
from fairway.estate.read import read
from fairway.stages.s05_gateway import secure_before_exposure

WAVE = "argocd.argoproj.io/sync-wave"
APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "example/web:1", ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: web, namespace: shop, annotations: {{{notes}}}}}
spec:
  parentRefs: [{{name: public}}]
  rules: [{{backendRefs: [{{name: web, port: 80}}]}}]
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web, namespace: shop, annotations: {{{notes}}}}}
spec: {{rules: [{{http: {{paths: [{{path: /, backend: {{service: {{name: web, port: {{number: 80}}}}}}}}]}}}}]}}
"""
POLICIES = {
    "a NetworkPolicy": (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        "metadata: {{name: p, namespace: {namespace}, annotations: {{{notes}}}}}\n"
        "spec: {{podSelector: {{matchLabels: {{app: web}}}}}}\n"
    ),
    "a default deny": (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        "metadata: {{name: p, namespace: {namespace}, annotations: {{{notes}}}}}\nspec: {{podSelector: {{}}}}\n"
    ),
    "an AuthorizationPolicy": (
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
        "metadata: {{name: p, namespace: {namespace}, annotations: {{{notes}}}}}\n"
        "spec: {{selector: {{matchLabels: {{app: web}}}}}}\n"
    ),
    "mutual TLS": (
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\n"
        "metadata: {{name: p, namespace: {namespace}, annotations: {{{notes}}}}}\nspec: {{mtls: {{mode: STRICT}}}}\n"
    ),
    "a policy of the gateway": (
        "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: SecurityPolicy\n"
        "metadata: {{name: p, namespace: {namespace}, annotations: {{{notes}}}}}\n"
        "spec: {{targetRefs: [{{group: gateway.networking.k8s.io, kind: HTTPRoute, name: web}}]}}\n"
    ),
}


def judge(folder: Path, *texts: str) -> list[Finding]:
    """Let the rule judge some manifests."""
    (folder / "system.yaml").write_text("---\n".join(texts))
    return list(secure_before_exposure.check(read([folder])))


def wave(number: int) -> str:
    """Write a wave."""
    return f'{WAVE}: "{number}"'


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_route_that_comes_before_its_policy_is_found(policy: str, tmp_path: Path) -> None:
    """At the route's wave, with the policy named; in the same wave or later it is right."""
    route, late = ROUTE.format(notes=wave(1)), policy.format(namespace="shop", notes=wave(2))
    (one,) = judge(tmp_path, APP, route, late)
    assert (one.severity, one.key) == ("error", f"metadata.annotations[{WAVE}]")
    assert f"/shop/p ({WAVE}: 2)" in one.says
    assert judge(tmp_path, APP, ROUTE.format(notes=wave(2)), late) == []
    assert judge(tmp_path, APP, ROUTE.format(notes=wave(3)), late) == []


@pytest.mark.parametrize("policy", [POLICIES["a NetworkPolicy"], POLICIES["mutual TLS"]])
def test_a_policy_of_something_else_may_come_later(policy: str, tmp_path: Path) -> None:
    """It protects another namespace."""
    assert judge(tmp_path, APP, ROUTE.format(notes=wave(1)), policy.format(namespace="bank", notes=wave(2))) == []


ORDERS = {
    "nothing is said": ("", "", False),
    "the policy alone has a wave": ("", wave(1), True),
    "the route alone has an early wave": (wave(-1), "", True),
    "the policy goes first": ("", wave(-1), False),
    "the policy after everything": ("", "argocd.argoproj.io/hook: PostSync", True),
    "the route after everything": ("argocd.argoproj.io/hook: PostSync", wave(5), False),
    "the policy by a hook of Helm": ("", '"helm.sh/hook": "post-install,post-upgrade"', True),
    "both by hooks of Helm": (
        'helm.sh/hook: post-install, helm.sh/hook-weight: "1"',
        'helm.sh/hook: post-install, helm.sh/hook-weight: "5"',
        True,
    ),
    "a hook that is no part of it": ("", "helm.sh/hook: test", False),
    "a wave that is none": (wave(1), f"{WAVE}: last", False),
}


@pytest.mark.parametrize(("route", "policy", "found"), ORDERS.values(), ids=ORDERS)
def test_the_order_is_told_by_waves_and_hooks(route: str, policy: str, found: object, tmp_path: Path) -> None:
    """What says nothing is in the middle; what cannot be ordered is left alone."""
    texts = INGRESS.format(notes=route), POLICIES["a NetworkPolicy"].format(namespace="shop", notes=policy)
    assert len(judge(tmp_path, APP, *texts)) == int(bool(found))


def test_a_plugin_of_kong_counts_where_the_route_names_it(tmp_path: Path) -> None:
    """Several that come later are one finding."""
    plugin = (
        "apiVersion: configuration.konghq.com/v1\nkind: KongPlugin\nplugin: jwt\n"
        'metadata: {name: tokens, namespace: shop, annotations: {argocd.argoproj.io/sync-wave: "4"}}\n'
    )
    named = ROUTE.format(notes=f"konghq.com/plugins: 'other,tokens', {wave(3)}")
    late = POLICIES["mutual TLS"].format(namespace="shop", notes=wave(5))
    (one,) = judge(tmp_path, APP, named, plugin, late)
    assert "KongPlugin/shop/tokens" in one.says
    assert "PeerAuthentication/shop/p" in one.says
    assert judge(tmp_path, APP, ROUTE.format(notes=wave(3)), plugin) == []


def test_a_route_inside_the_mesh_is_no_public_one(tmp_path: Path) -> None:
    """Its parent is a Service."""
    inside = ROUTE.format(notes=wave(1)).replace("{name: public}", "{kind: Service, name: web}")
    late = POLICIES["a default deny"].format(namespace="shop", notes=wave(2))
    assert judge(tmp_path, APP, inside, late) == []
