"""How often a public service may be asked: by all together, by one consumer, by one address without a token."""

from fairway.core.traffic import Limit
from fairway.targets.envoy.fields import Resource, typed
from fairway.targets.envoy.places import Picture
from fairway.targets.envoy.tokens import CALLER, CONSUMER_HEADER, FILTER

ROUTE = "fairway.route"
NOWHERE = "-"  # in the place of a service: no name of one
LIMITS = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
REMEMBERED = 10_000  # consumers and addresses; one beyond these makes Envoy forget the one it has not seen for longest
RETRY_AFTER = 1  # second: every bucket gains at least one in that time
ALWAYS = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
UNKNOWN = {"key": "token", "value": "none"}
ADDRESS = {"key": "remote_address"}
UNLIMITED = {"max_tokens": 1 << 30, "tokens_per_fill": 1 << 30, "fill_interval": "1s"}


def limited(service: str) -> Resource:
    """Say on a route whose buckets its requests are taken from."""
    return {"filter_metadata": {ROUTE: {"service": service}}}


def limits(picture: Picture) -> Resource:
    """Write the buckets of all public services; an entry without a value stands for a bucket for each value."""
    buckets: list[Resource] = []
    for service, public in picture.public.items():
        its = {"key": "service", "value": service}
        buckets += [
            _bucket([its], public.route),
            _bucket([its, {"key": "issuer"}, {"key": "consumer"}], public.consumer),
            _bucket([its, UNKNOWN, ADDRESS], public.unknown),
        ]
    strictest = min((one.unknown for one in picture.public.values()), key=_size, default=None)
    if strictest:  # who asks for what is not there may be looking for a token that is good
        buckets.append(_bucket([{"key": "service", "value": NOWHERE}, UNKNOWN, ADDRESS], strictest))
    return typed(
        LIMITS,
        stat_prefix="limits",
        filter_enabled=ALWAYS,
        filter_enforced=ALWAYS,
        token_bucket=UNLIMITED,
        always_consume_default_token_bucket=False,
        rate_limits=_counted(),
        descriptors=buckets,
        max_dynamic_descriptors=REMEMBERED,
        response_headers_to_add=[{"header": {"key": "retry-after", "value": str(RETRY_AFTER)}}],
    )


def _counted() -> list[Resource]:
    """Count each request for its service, and for its consumer or, without a good token, for its address."""
    its = _said("service", ROUTE, ["service"], "ROUTE_ENTRY")
    its["metadata"]["default_value"] = NOWHERE
    known = [_said(key, FILTER, [CALLER, claim], "DYNAMIC") for key, claim in (("issuer", "iss"), ("consumer", "sub"))]
    unknown = {
        "header_value_match": {
            "descriptor_key": UNKNOWN["key"],
            "descriptor_value": UNKNOWN["value"],
            "expect_match": False,
            "headers": [{"name": CONSUMER_HEADER, "present_match": True}],
        }
    }
    return [{"actions": [its]}, {"actions": [its, *known]}, {"actions": [its, unknown, {"remote_address": {}}]}]


def _said(key: str, where: str, path: list[str], source: str) -> Resource:
    place = {"key": where, "path": [{"key": part} for part in path]}
    return {"metadata": {"descriptor_key": key, "metadata_key": place, "source": source}}


def _size(limit: Limit) -> tuple[int, int]:
    return limit.per_second, limit.burst


def _bucket(entries: list[dict[str, str]], limit: Limit) -> Resource:
    fill = {"max_tokens": limit.burst, "tokens_per_fill": limit.per_second, "fill_interval": "1s"}
    return {"entries": entries, "token_bucket": fill}
