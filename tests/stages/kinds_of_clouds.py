"""What clouds' own kinds may say, as their definitions and documentation have it; the bundle of schemas has none.

GlobalAccelerator: the CRD of AWS' load balancer controller. Policies of GKE: the CRDs of its Gateway API. Front Door:
the generated types of Azure Service Operator for API 2023-05-01. ServiceExport: the Multi-Cluster Services API.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import jsonschema_rs

Schema = dict[str, Any]
Objects = dict[str, dict[str, Any]]  # of a site, by path

TEXT: Final[Schema] = {"type": "string", "minLength": 1}
PORT: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": 65535}
DOMAIN: Final[Schema] = {
    "type": "string",
    "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
}


def one_of(*words: str) -> Schema:
    """Allow some words."""
    return {"enum": [*words]}


def number(least: int, most: int) -> Schema:
    """Allow whole numbers."""
    return {"type": "integer", "minimum": least, "maximum": most}


def many(schema: Schema) -> Schema:
    """Allow a list of at least one."""
    return {"type": "array", "items": schema, "minItems": 1}


def shape(needed: dict[str, Schema] | None = None, **further: Schema) -> Schema:
    """Allow an object of these keys and no others; *needed* ones must be there."""
    known = {**(needed or {}), **further}
    return {"type": "object", "properties": known, "additionalProperties": False, "required": [*(needed or {})]}


ENABLED: Final = one_of("Enabled", "Disabled")
OWNER: Final = shape({"name": TEXT})
NAMED: Final = {"azureName": TEXT, "owner": OWNER}
REFERENCE: Final = shape({"reference": shape({"group": TEXT, "kind": TEXT, "name": TEXT})})
TARGET: Final = shape({"group": TEXT, "kind": TEXT, "name": TEXT})
OWN_ENDPOINT: Final = shape(
    {"type": one_of("Service", "Ingress", "Gateway"), "name": TEXT}, namespace=TEXT, weight=number(0, 255)
)
ARN: Final = {
    "type": "string",
    "pattern": "^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:",
    "maxLength": 255,
}
ENDPOINT: Final = {
    "oneOf": [OWN_ENDPOINT, shape({"type": one_of("EndpointID"), "endpointID": ARN}, weight=number(0, 255))]
}
GROUP: Final = shape({"region": TEXT, "endpoints": many(ENDPOINT)}, trafficDialPercentage=number(0, 100))
LISTENER: Final = shape(
    {
        "protocol": one_of("TCP", "UDP"),
        "portRanges": many(shape({"fromPort": PORT, "toPort": PORT})),
        "endpointGroups": many(GROUP),
    },
    clientAffinity=one_of("NONE", "SOURCE_IP"),
)
BY_HTTPS: Final = shape(
    host=DOMAIN,
    requestPath={"type": "string", "pattern": "^/"},
    portSpecification=one_of("USE_SERVING_PORT"),
    response=TEXT,
)
CHECK: Final = shape(
    {"config": shape({"type": one_of("HTTPS"), "httpsHealthCheck": BY_HTTPS})},
    checkIntervalSec=number(1, 300),
    timeoutSec=number(1, 300),
    healthyThreshold=number(1, 10),
    unhealthyThreshold=number(1, 10),
)
PROBE: Final = shape(
    {"probeIntervalInSeconds": number(1, 255), "probePath": {"type": "string", "pattern": "^/"}},
    probeProtocol=one_of("Http", "Https"),
    probeRequestType=one_of("GET", "HEAD"),
)
COUNTED: Final = shape(
    {
        "sampleSize": number(1, 255),
        "successfulSamplesRequired": number(1, 255),
        "additionalLatencyInMilliseconds": number(0, 1000),
    }
)
SPECS: Final[dict[str, Schema | None]] = {  # by API version and kind; None: the kind has no spec
    "aga.k8s.aws/v1beta1/GlobalAccelerator": shape(
        {"listeners": many(LISTENER)},
        name={"type": "string", "maxLength": 64, "pattern": "^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$"},
        ipAddressType=one_of("IPV4", "DUAL_STACK"),
    ),
    "cdn.azure.com/v1api20230501/AfdCustomDomain": shape(
        {
            **NAMED,
            "hostName": DOMAIN,
            "tlsSettings": shape(
                {"certificateType": one_of("ManagedCertificate"), "minimumTlsVersion": one_of("TLS12")}
            ),
        }
    ),
    "cdn.azure.com/v1api20230501/AfdEndpoint": shape({**NAMED, "location": one_of("Global")}, enabledState=ENABLED),
    "cdn.azure.com/v1api20230501/AfdOrigin": shape(
        {**NAMED, "hostName": DOMAIN},
        originHostHeader=DOMAIN,
        httpPort=PORT,
        httpsPort=PORT,
        enabledState=ENABLED,
        enforceCertificateNameCheck={"type": "boolean"},
        priority=number(1, 5),
        weight=number(1, 1000),
    ),
    "cdn.azure.com/v1api20230501/AfdOriginGroup": shape(
        {**NAMED, "loadBalancingSettings": COUNTED}, healthProbeSettings=PROBE, sessionAffinityState=ENABLED
    ),
    "cdn.azure.com/v1api20230501/Profile": shape(
        {
            **NAMED,
            "location": one_of("Global"),
            "sku": shape({"name": one_of("Standard_AzureFrontDoor", "Premium_AzureFrontDoor")}),
        }
    ),
    "cdn.azure.com/v1api20230501/Route": shape(
        {**NAMED, "originGroup": REFERENCE},
        customDomains=many(REFERENCE),
        patternsToMatch=many({"type": "string", "pattern": "^/"}),
        supportedProtocols=many(one_of("Http", "Https")),
        httpsRedirect=ENABLED,
        forwardingProtocol=one_of("HttpOnly", "HttpsOnly", "MatchRequest"),
        linkToDefaultDomain=ENABLED,
        enabledState=ENABLED,
    ),
    "multicluster.x-k8s.io/v1alpha1/ServiceExport": None,
    "net.gke.io/v1/ServiceExport": None,
    "networking.gke.io/v1/GCPBackendPolicy": shape(
        {"targetRef": TARGET, "default": shape({"backendPreference": one_of("DEFAULT", "PREFERRED")})}
    ),
    "networking.gke.io/v1/HealthCheckPolicy": shape({"targetRef": TARGET, "default": CHECK}),
    "resources.azure.com/v1api20200601/ResourceGroup": shape({"azureName": TEXT, "location": TEXT}),
}
OWNERS: Final = {
    "AfdCustomDomain": "Profile",
    "AfdEndpoint": "Profile",
    "AfdOrigin": "AfdOriginGroup",
    "AfdOriginGroup": "Profile",
    "Profile": "ResourceGroup",
    "Route": "AfdEndpoint",
}


def kind_of(obj: dict[str, Any]) -> str:
    """Name the kind with its group and version."""
    return f"{obj['apiVersion']}/{obj['kind']}"


def faults(objects: Objects) -> Iterator[str]:
    """Find what is wrong with the clouds' kinds of a site: fields, values, and references to what is not there."""
    there = {(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in named(objects)}
    for path, obj in objects.items():
        if (kind := kind_of(obj)) not in SPECS:
            continue
        schema = SPECS[kind]
        whole = {key: obj[key] for key in obj if key not in {"apiVersion", "kind", "metadata"}}
        expected = shape() if schema is None else shape({"spec": schema})
        for found in jsonschema_rs.Draft202012Validator(expected).iter_errors(whole):
            yield f"{path}: {'.'.join(map(str, found.instance_path))}: {found.message}"
        for wanted in REFERS.get(obj["kind"], _nothing)(obj):
            if wanted not in there:
                yield f"{path}: refers to {'/'.join(wanted)}, which is not there"


def named(objects: Objects) -> Iterator[dict[str, Any]]:
    """Give the objects that are in a namespace."""
    yield from (obj for obj in objects.values() if obj["metadata"].get("namespace"))


Wanted = tuple[str, str, str]  # kind, namespace and name


def _nothing(_obj: dict[str, Any]) -> Iterator[Wanted]:
    yield from ()


def _owner(obj: dict[str, Any]) -> Iterator[Wanted]:
    namespace = obj["metadata"]["namespace"]
    yield OWNERS[obj["kind"]], namespace, obj["spec"]["owner"]["name"]
    for one in (*obj["spec"].get("customDomains", ()), obj["spec"].get("originGroup")):
        if one is not None:
            yield one["reference"]["kind"], namespace, one["reference"]["name"]


def _endpoints(obj: dict[str, Any]) -> Iterator[Wanted]:
    for listener in obj["spec"]["listeners"]:
        for group in listener["endpointGroups"]:
            for endpoint in group["endpoints"]:
                if endpoint["type"] != "EndpointID":
                    yield endpoint["type"], endpoint["namespace"], endpoint["name"]


def _target(obj: dict[str, Any]) -> Iterator[Wanted]:
    """Take an import as there where somebody exports under its name."""
    target = obj["spec"]["targetRef"]
    kind = {"ServiceImport": "ServiceExport"}.get(target["kind"], target["kind"])
    yield kind, obj["metadata"]["namespace"], target["name"]


REFERS: Final[dict[str, Callable[[dict[str, Any]], Iterator[Wanted]]]] = {
    **dict.fromkeys(OWNERS, _owner),
    "GlobalAccelerator": _endpoints,
    "GCPBackendPolicy": _target,
    "HealthCheckPolicy": _target,
}
