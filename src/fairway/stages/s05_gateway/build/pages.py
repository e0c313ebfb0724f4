"""The runbook of the gateway: what has to be there before it, and how the keys of issuers are changed."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Page
from fairway.core.cluster import CERTIFICATES, FEDERATION, GATEWAY, GATEWAYS, IDENTITY, UNMESHED_IN
from fairway.core.profile import Landscape
from fairway.stages.s05_gateway.build.objects import HARDENED, NAME
from fairway.stages.s05_gateway.decisions import GATEWAYS as PRODUCTS
from fairway.stages.s05_gateway.decisions import certificates, federation
from fairway.yaml.writer import write_document

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
Emissary-ingress (4.0 or newer) is installed once a cluster by its chart, with the values beside this tree: policies and
routes know it by the name they give it, and its namespace takes only Pods as hardened as they make it.

```
helm upgrade --install {name} CHART --namespace {namespace} --values gateway/ENVIRONMENT.values.yaml
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


BY_RECORD: Final = """\
## The certificate of the domain

In {environments} each region proves the domain by a record in its zone. {role}

```
kubectl --namespace {namespace} get certificate gateway-tls
kubectl --namespace {namespace} get challenges
```
"""
ROLES: Final = {
    "aws": "cert-manager's account `cert-manager` in namespace `{certificates}` needs a role that may find the zone\n"
    "(`route53:ListHostedZonesByName`), change its records (`route53:ChangeResourceRecordSets`) and follow the change\n"
    "(`route53:GetChange`).",
    "gcp": "The zone lies in project `{system}-ENVIRONMENT`; cert-manager's account `cert-manager` in namespace\n"
    "`{certificates}` needs the role `dns.admin` there.",
}


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write the runbook, and the values of a chart where a chart installs the gateway."""
    yield runbook(landscape)
    if landscape.system.platform.gateway == "ambassador":
        for name, environment in landscape.system.environments.items():
            if environment.domain:
                several = len(environment.regions or landscape.system.regions) > 1
                text = write_document(_values(landscape, above=several))
                yield Page(path=f"gateway/{name}.values.yaml", text=text, rule=RULE)


def _values(landscape: Landscape, *, above: bool) -> dict[str, Any]:
    """Write what the chart is told; *above*: the outside comes in by a Service that stands under all regions."""
    name = GATEWAYS["ambassador"]
    hardened = {
        key: value for key, value in HARDENED.items() if key != "readOnlyRootFilesystem"
    }  # it writes to its own
    public = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    busy = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {NAME: name}},
    }
    pod = {"runAsNonRoot": True, "runAsUser": 8888, "fsGroup": 8888, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "nameOverride": name,
        "fullnameOverride": name,
        "module": {"enabled": False},
        "security": {"podSecurityContext": pod, "containerSecurityContext": hardened},
        "service": {"type": "ClusterIP"} if above else public,
        "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"cpu": "2000m", "memory": "1Gi"}},
        "autoscaling": {"enabled": True, "minReplicas": 2, "maxReplicas": 10, "metrics": [busy]},
        "podDisruptionBudget": {"maxUnavailable": 1},
        "topologySpreadConstraints": [spread],
        **({"podAnnotations": UNMESHED_IN} if landscape.mesh else {}),
    }


def _by_record(landscape: Landscape) -> Iterator[str]:
    made = [one for one in certificates(landscape) if one.value.cloud is not None]
    if not made:
        return
    cloud = str(made[0].value.cloud)
    names = " and ".join(one.subject.removeprefix("environment ") for one in made)
    role = ROLES[cloud].format(certificates=CERTIFICATES, system=landscape.system.system)
    yield BY_RECORD.format(environments=names, role=role, namespace=GATEWAY)


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
    parts += _by_record(landscape)
    joined = federation(landscape)
    if joined is None or gateway == "kong":
        parts += ["## A new key of an issuer\n", KEYS[gateway]]
    if joined is not None:
        parts.append(JOINED + (KONG_AND_DEX if gateway == "kong" else ""))
    return Page(path="runbooks/gateway.md", text="\n".join(parts).format(**words), rule=RULE)
