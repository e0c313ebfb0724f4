"""The calling service and the tenant: from our own proxy and the gateway, whatever else a request says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sdk.tests.identity.conftest import Refused, Verifying

from fairway_sdk import ANONYMOUS, contract
from fairway_sdk.contract import metrics
from fairway_sdk.identity.headers import from_asgi
from fairway_sdk.identity.mesh import last_hop
from fairway_sdk.testing.tokens import TokenIssuer

GATEWAY = "spiffe://cluster.local/ns/kong/sa/kong"
ORDERS = "spiffe://cluster.local/ns/shop/sa/orders"
EVIL = "spiffe://cluster.local/ns/shop/sa/evil"


def hop(uri: str, subject: str = "") -> str:
    """Write what a proxy of the mesh says of a connection."""
    return f'By=spiffe://cluster.local/ns/shop/sa/payments;Hash=5f4d;Subject="{subject}";URI={uri}'


def account(header: str) -> str | None:
    """Tell whom a header names."""
    found = last_hop(header)
    return found.account if found else None


@pytest.mark.parametrize(
    ("header", "named"),
    [
        (hop(ORDERS), "orders"),
        (f"{hop(EVIL)},{hop(ORDERS)}", "orders"),
        (f"{hop(EVIL)}, {hop(ORDERS)}", "orders"),
        (hop(ORDERS, "CN=a,O=b;c"), "orders"),
        (hop(ORDERS, f'\\",URI={EVIL}'), "orders"),
        (hop(ORDERS, f"x;URI={EVIL},y"), "orders"),
        (f'Subject="{hop(ORDERS)}', None),
        (f'URI="{ORDERS}"', "orders"),
        (f"uri={ORDERS}", "orders"),
        (f"URI={ORDERS};URI={EVIL}", None),
        (f"By={ORDERS}", None),
        (f"{hop(ORDERS)},By=x;Hash=y", None),
        ("URI=spiffe://cluster.local/ns/shop/sa/orders/more", None),
        ("URI=https://orders.test", None),
        (f"URI={ORDERS} ", None),
        ("", None),
        (",", None),
        (hop(ORDERS) + "x" * 40000, None),
    ],
)
def test_only_the_last_element_says_who_calls(header: str, named: str | None) -> None:
    """It is the one that our own proxy added; two identities in it are none."""
    assert account(header) == named


@given(st.text(alphabet='",;=\\ URIspfe:/ab', max_size=60))
def test_no_forged_beginning_changes_who_calls(forged: str) -> None:
    """Whatever a client sends, our proxy writes its own element after it."""
    assert account(f"{forged},{hop(ORDERS)}") == "orders"
    assert account(f"{forged},{hop(ORDERS, 'CN=a,O=b')}") == "orders"


async def test_without_a_proxy_of_the_mesh_its_header_is_nothing(verifying: Verifying) -> None:
    """Anybody can send it."""
    async with verifying(tenants=("north",), gateway=GATEWAY, callers=("orders",)) as asked:
        assert await asked.of(mesh=hop(ORDERS), tenant="north") == ANONYMOUS


async def test_a_service_is_named_as_in_the_facts_and_a_foreign_one_with_its_namespace(verifying: Verifying) -> None:
    """A service of another system never has a name of ours."""
    async with verifying(proxied=True) as asked:
        assert (await asked.of(mesh=hop(ORDERS))).service == "orders"
        assert (await asked.of(mesh=hop("spiffe://cluster.local/ns/other/sa/orders"))).service == "other/orders"
        assert (await asked.of(mesh=hop("spiffe://evil.test/ns/shop/sa/orders"))).service == ""
        assert (await asked.of()).service == ""


@pytest.mark.parametrize(
    "mesh",
    [
        hop(EVIL),
        hop("spiffe://cluster.local/ns/other/sa/orders"),
        hop("spiffe://evil.test/ns/shop/sa/orders"),
        f"{hop(ORDERS)},{hop(EVIL)}",
        f"{hop(ORDERS)},By=x",
        "nonsense",
        "",
    ],
)
async def test_a_caller_that_is_not_declared_is_refused(mesh: str, verifying: Verifying, refused: Refused) -> None:
    """One without any identity as well: it came around the mesh."""
    async with verifying(proxied=True, callers=("orders",)) as asked:
        assert await refused(asked.of(mesh=mesh)) == (403, "service")


async def test_declared_callers_and_the_gateway_may_call(verifying: Verifying) -> None:
    """The gateway need not be in the list of services."""
    async with verifying(proxied=True, callers=("orders",), gateway=GATEWAY) as asked:
        assert (await asked.of(mesh=hop(ORDERS))).service == "orders"
        assert (await asked.of(mesh=hop(GATEWAY))).service == "kong/kong"


async def test_a_certificate_that_comes_twice_is_read_to_its_end(verifying: Verifying, refused: Refused) -> None:
    """Two headers of one name are one list."""
    name = contract.CLIENT_CERTIFICATE_HEADER.encode()
    async with verifying(proxied=True, callers=("orders",)) as asked:
        forged_first = from_asgi([(name, hop(EVIL).encode()), (name, hop(ORDERS).encode())])
        assert (await asked.verifier.of(forged_first)).service == "orders"
        forged_last = from_asgi([(name, hop(ORDERS).encode()), (name, hop(EVIL).encode())])
        assert await refused(asked.verifier.of(forged_last)) == (403, "service")


async def test_the_tenant_is_the_tokens(issuer: TokenIssuer, verifying: Verifying, refused: Refused) -> None:
    """Whether or not a header agrees is asked too; one that the system does not have is refused."""
    async with verifying(issuer.bound(), tenants=("north", "south")) as asked:
        north = issuer.token(asked.now, tenant="north")
        assert (await asked.of(north)).tenant == "north"
        assert (await asked.of(north, tenant="north")).tenant == "north"
        assert await refused(asked.of(north, tenant="south")) == (403, "tenant")
        assert await refused(asked.of(issuer.token(asked.now, tenant="west"))) == (403, "tenant")


async def test_a_tenants_header_is_believed_from_the_gateway_and_declared_callers_only(
    verifying: Verifying, refused: Refused
) -> None:
    """From anybody else it is as if it were not there."""
    bound: dict[str, object] = {"proxied": True, "gateway": GATEWAY, "tenants": ("north", "south")}
    async with verifying(**bound) as asked:
        assert (await asked.of(mesh=hop(GATEWAY), tenant="north")).tenant == "north"
        assert await refused(asked.of(mesh=hop(GATEWAY), tenant="west")) == (403, "tenant")
        assert await refused(asked.of(mesh=hop(GATEWAY), tenant="north,south")) == (403, "tenant")
        assert (await asked.of(mesh=hop(ORDERS), tenant="north")).tenant == ""
        assert (await asked.of(mesh=f"{hop(GATEWAY)},{hop(EVIL)}", tenant="north")).tenant == ""
        assert (await asked.of(tenant="north")).tenant == ""
    async with verifying(**bound, callers=("orders",)) as asked:
        assert (await asked.of(mesh=hop(ORDERS), tenant="north")).tenant == "north"


async def test_a_header_from_the_gateway_cannot_move_a_token_to_another_tenant(
    issuer: TokenIssuer, verifying: Verifying, refused: Refused
) -> None:
    """A person of one tenant on the address of another."""
    async with verifying(issuer.bound(), proxied=True, gateway=GATEWAY, tenants=("north", "south")) as asked:
        north = issuer.token(asked.now, tenant="north")
        assert await refused(asked.of(north, mesh=hop(GATEWAY), tenant="south")) == (403, "tenant")
        assert (await asked.of(issuer.token(asked.now), mesh=hop(GATEWAY), tenant="south")).tenant == "south"


async def test_a_system_without_tenants_takes_none_from_a_header(verifying: Verifying) -> None:
    """Its gateway does not keep that header clean."""
    async with verifying(proxied=True, gateway=GATEWAY) as asked:
        assert (await asked.of(mesh=hop(GATEWAY), tenant="north")).tenant == ""


async def test_an_issuer_speaks_for_its_own_tenants_only(
    issuer: TokenIssuer, another: TokenIssuer, verifying: Verifying, refused: Refused
) -> None:
    """The provider of one tenant cannot make itself another's, in the token or with the gateway's header."""
    issuers = issuer.bound(tenants=("north",)), another.bound(tenants=("south", "west"))
    async with verifying(*issuers, proxied=True, gateway=GATEWAY, tenants=("north", "south", "west")) as asked:
        assert (await asked.of(issuer.token(asked.now))).tenant == "north"
        assert await refused(asked.of(issuer.token(asked.now, tenant="south"))) == (403, "tenant")
        assert (await asked.of(another.token(asked.now, tenant="west"))).tenant == "west"
        assert (await asked.of(another.token(asked.now))).tenant == ""
        mesh = hop(GATEWAY)
        assert (await asked.of(another.token(asked.now), mesh=mesh, tenant="south")).tenant == "south"
        assert await refused(asked.of(another.token(asked.now), mesh=mesh, tenant="north")) == (403, "tenant")


async def test_refusals_are_counted_by_their_kind(issuer: TokenIssuer, verifying: Verifying, refused: Refused) -> None:
    """An operator sees forgeries apart from clocks that run out."""

    def count() -> float:
        return REGISTRY.get_sample_value(metrics.CALLERS_REFUSED, {"reason": "expired"}) or 0.0

    async with verifying(issuer.bound()) as asked:
        before = count()
        await refused(asked.of(issuer.token(asked.now, exp=asked.now - 100)))
        assert count() == before + 1
