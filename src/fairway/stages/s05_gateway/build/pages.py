"""The runbook of the gateway: what has to be there before it, and how the keys of issuers are changed."""

from typing import Final

from fairway.core.artefact import Page
from fairway.core.cluster import FEDERATION, GATEWAY, GATEWAYS, IDENTITY
from fairway.core.profile import Landscape
from fairway.stages.s05_gateway.decisions import GATEWAYS as PRODUCTS
from fairway.stages.s05_gateway.decisions import federation

RULE: Final = "gateway/public-through-gateway"
INSTALLED: Final = {
    "kong": """\
The Kong Operator (2.0 or newer) makes Kong itself from `GatewayConfiguration`, `GatewayClass` and `Gateway`. It is
installed once a cluster, with the Gateway API's standard kinds.

```
kubectl get gatewayclass {name}
kubectl --namespace {namespace} get gateway {name}
kubectl --namespace {namespace} get pods
```

`PROGRAMMED` is `True` when requests come in.

Kong's free images end with 3.9; later ones take a licence. The image stands in `GatewayConfiguration`.
""",
    "ambassador": """\
Emissary-ingress (4.0 or newer) is installed once a cluster by its chart, as release `{name}` in namespace
`{namespace}`, with `nameOverride` and `fullnameOverride` set to `{name}`: its account and the label
`app.kubernetes.io/name` are `{name}`. It listens at 8080 and 8443; the chart's Service maps 80 and 443 to them.

```
kubectl --namespace {namespace} get deployments
kubectl --namespace {namespace} get hosts.getambassador.io public
```

`STATE` is `Ready` when requests come in.
""",
}
KEYS: Final = {
    "kong": """\
Kong's free plugin for tokens holds one fixed key for each issuer, so a new key is put into the secrets manager by hand,
in the entries of the owner `gateway`: `issuer-<name>-public-key` in PEM form, and `issuer-<name>-algorithm`, which is
RS256 or ES256.

1. Read the issuer's new key from its key set, and write it as PEM.
2. Put it into the secrets manager. It is in the cluster within five minutes:
   `kubectl --namespace {system} get externalsecrets`
3. Let the issuer sign with it. Tokens of the old key are refused from step 2 on; people sign in again.
""",
    "ambassador": """\
The checker holds the key set of each issuer, from the entry `<provider>-key-set` of the owner `gateway` in the secrets
manager. It is the document at the issuer's `jwks_uri`, and may hold the old and the new key at once.

1. Put the key set with both keys into the secrets manager. It is in the cluster within five minutes.
2. Start the checker anew, since it reads the file once:
   `kubectl --namespace {namespace} rollout restart deployment/gateway-tokens`
3. Let the issuer sign with the new key. When the last token of the old one has ended, take the old one out.
""",
}
JOINED: Final = """\
## Identity providers

Dex joins {providers} in namespace `{identity}`. For each of them the secrets manager holds `<provider>-client-id` and
`<provider>-client-secret` of the owner `{federation}`. The provider must allow the address `<domain>/-/dex/callback`.

```
kubectl --namespace {identity} rollout status deployment/{federation}
kubectl --namespace {identity} logs deployment/{federation}
```
"""
KONG_AND_DEX: Final = """
Dex makes its key when it first starts. Until that key is in the secrets manager, every token is refused:

```
kubectl --namespace {identity} port-forward service/{federation} 5556 &
curl --silent http://127.0.0.1:5556/-/dex/keys
```
"""


def runbook(landscape: Landscape) -> Page:
    """Write the page for the gateway that is chosen."""
    gateway = str(landscape.system.platform.gateway)
    words = {
        "name": GATEWAYS[gateway],
        "namespace": GATEWAY,
        "system": landscape.system.system,
        "identity": IDENTITY,
        "federation": FEDERATION,
        "providers": " and ".join(landscape.system.identity_providers),
    }
    parts = [
        f"# The gateway: {PRODUCTS[gateway]}\n",
        "## What must be there first\n",
        INSTALLED[gateway],
    ]
    if landscape.mesh:
        parts.append(
            "In the mesh, the Istio CNI node agent sets up the network of each Pod: Pods themselves may not.\n"
        )
    joined = federation(landscape)
    if joined is None or gateway == "kong":
        parts += ["## A new key of an issuer\n", KEYS[gateway]]
    if joined is not None:
        parts.append(JOINED + (KONG_AND_DEX if gateway == "kong" else ""))
    return Page(path="runbooks/gateway.md", text="\n".join(parts).format(**words), rule=RULE)
