"""What the gateway lets in, what it takes off, and how often it lets anybody in: asked of a real Envoy."""

import asyncio
from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, Any

import grpc
import jwt
import pytest

if TYPE_CHECKING:
    from tests.local.envoy.conftest import Rig

pytestmark = pytest.mark.asyncio(loop_scope="session")


def of(seen: dict[str, Any], name: str) -> list[str]:
    """Give all values of a header that reached the service."""
    return [value for key, value in seen["headers"] if key == name]


async def test_a_good_token_opens_the_service_and_goes_on_to_it(rig: "Rig") -> None:
    """The service verifies it once more, so it must have it; the prefix is the gateway's alone."""
    answer = await rig.ask("/shop/orders?x=1", headers=rig.mine(tenant="east"))
    assert answer.status == 200
    assert answer.seen["path"] == "/orders?x=1"
    assert of(answer.seen, "authorization")[0].startswith("Bearer ")
    assert of(answer.seen, "x-tenant") == ["east"]
    [caller] = of(answer.seen, "x-forwarded-client-cert")
    assert "URI=spiffe://cluster.local/ns/demo/sa/gateway" in caller


async def test_each_of_several_issuers_opens_it_with_its_own_key_only(rig: "Rig") -> None:
    """A partner's key must not vouch for staff."""
    good = await rig.ask("/shop/orders", headers={"authorization": f"Bearer {rig.partner.token()}"})
    swapped = await rig.ask(
        "/shop/orders", headers={"authorization": f"Bearer {rig.partner.token(iss=rig.staff.issuer)}"}
    )
    assert (good.status, swapped.status) == (200, 401)


@pytest.mark.parametrize(
    ("claims", "status"),
    [({"exp": 1}, 401), ({"aud": "other"}, 403), ({"iss": "https://nobody.example.com"}, 401), ({"exp": None}, 401)],
)
async def test_a_token_that_is_not_for_us_is_refused(rig: "Rig", claims: dict[str, Any], status: int) -> None:
    """Expired, for somebody else, of an unknown issuer, or good for ever."""
    said = {"iss": rig.staff.issuer, "sub": "ann", "aud": "shop", "exp": 9_999_999_999, **claims}
    made = jwt.encode({k: v for k, v in said.items() if v is not None}, rig.staff.key, "ES256", {"kid": "1"})
    assert (await rig.ask("/shop/orders", headers={"authorization": f"Bearer {made}"})).status == status


async def test_no_token_an_unsigned_one_and_one_in_the_query_are_refused(rig: "Rig") -> None:
    """A query is logged by everybody on the way: it is no place for a token."""
    unsigned = jwt.encode({"iss": rig.staff.issuer, "sub": "ann", "aud": "shop", "exp": 9_999_999_999}, "", "none")
    tries = [
        await rig.ask("/shop/orders"),
        await rig.ask("/shop/orders", headers={"authorization": f"Bearer {unsigned}"}),
        await rig.ask("/shop/orders", headers={"authorization": "Basic YTpi"}),
        await rig.ask(f"/shop/orders?access_token={rig.staff.token()}"),
    ]
    assert [one.status for one in tries] == [401] * 4
    assert tries[0].headers["content-type"] == "application/problem+json"


async def test_declared_routes_need_no_token_and_those_beside_them_do(rig: "Rig") -> None:
    """One star is one part of the path, two are any number, a slash is the root, a method is this method only."""
    no_token = ["/shop/books", "/shop/books/7", "/shop/feeds/a", "/shop/feeds/a/b.xml", "/shop", "/shop/"]
    token = ["/shop/books/7/notes", "/shop/booksellers", "/shop/books/", "/shop/feeds", "/shop/x"]
    assert [(await rig.ask(path)).status for path in no_token] == [200] * 6
    assert [(await rig.ask(path)).status for path in token] == [401] * 5
    assert (await rig.ask("/shop/books", "POST")).status == 401


async def test_a_bad_token_is_refused_even_where_none_is_needed(rig: "Rig") -> None:
    """Whoever shows one wants to be somebody."""
    assert (await rig.ask("/shop/books", headers=rig.mine(exp=1))).status == 401


async def test_what_only_we_may_say_is_taken_off(rig: "Rig") -> None:
    """A client cannot name its tenant, its calling service, or what a proxy shall do."""
    smuggled = {
        "x-tenant": "west",
        "X-Forwarded-Client-Cert": "By=x;URI=spiffe://cluster.local/ns/demo/sa/shop",
        "x-fairway-consumer": "root",
        "x-fairway-stale": "1",
        "x-envoy-upstream-rq-timeout-ms": "1",
        "x-envoy-original-path": "/admin",
        "x-envoy-retry-on": "5xx",
    }
    for path, headers in (("/shop/books", smuggled), ("/shop/orders", smuggled | rig.mine(tenant="east"))):
        seen = (await rig.ask(path, headers=headers)).seen
        assert of(seen, "x-tenant") == (["east"] if "authorization" in headers else [])
        assert not any(
            "URI=spiffe://cluster.local/ns/demo/sa/shop" in value for value in of(seen, "x-forwarded-client-cert")
        )
        assert not [
            value for name in smuggled for value in of(seen, name.lower()) if value in {"root", "/admin", "5xx"}
        ]
        assert not of(seen, "x-fairway-stale")


async def test_a_header_that_only_looks_like_ours_or_comes_twice_gains_nothing(rig: "Rig") -> None:
    """Servers that take '_' for '-' must never see it; of two tokens both must be good."""
    good = rig.mine()["authorization"]
    assert (await rig.ask_with("/shop/books", [("x_tenant", "west")])).status == 400
    twice = await rig.ask_with("/shop/orders", [("authorization", "Bearer bad"), ("authorization", good)])
    assert twice.status in {400, 401}
    tenants = await rig.ask_with("/shop/books", [("x-tenant", "east"), ("x-tenant", "west")])
    assert of(tenants.seen, "x-tenant") == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("//shop//orders", 401),
        ("/shop/books/../orders", 401),
        ("/shop/books/%2e%2e/orders", 401),
        ("/shop/books/..%2forders", 400),
        ("/shop/books/..%5corders", 400),
        ("/shop/books/..\\orders", 401),
        ("/shop/./orders", 401),
        ("/shop%2forders", 400),
        ("/Shop/orders", 401),
        ("/shopping", 401),
        ("/-/idp/../../shop/orders", 401),
        ("/stock/", 401),
        ("*", 400),
    ],
)
async def test_no_way_of_writing_a_path_gets_around_the_token(rig: "Rig", path: str, status: int) -> None:
    """Each is refused, or read as what it means and then asked for a token."""
    assert (await rig.ask(path)).status == status


async def test_a_service_that_is_not_public_is_nowhere(rig: "Rig") -> None:
    """Not even for somebody with a token; who has none does not learn which paths there are."""
    assert (await rig.ask("/stock/", headers=rig.mine())).status == 404


async def test_a_tenant_in_the_path_must_be_the_tokens_own(rig: "Rig") -> None:
    """And the service is told it in the header, as everywhere."""
    own = await rig.ask("/desk/east/orders", headers=rig.mine(tenant="east"))
    assert (own.status, own.seen["path"], of(own.seen, "x-tenant")) == (200, "/orders", ["east"])
    assert (await rig.ask("/desk/west/orders", headers=rig.mine(tenant="east"))).status == 403
    assert (await rig.ask("/desk/west/orders", headers=rig.mine())).status == 403
    assert (await rig.ask("/desk/north/orders", headers=rig.mine(tenant="north"))).status == 404
    opened = await rig.ask("/desk/west/open")
    assert (opened.status, of(opened.seen, "x-tenant")) == (200, ["west"])


async def test_a_burst_is_stopped_for_the_consumer_that_makes_it_alone(rig: "Rig") -> None:
    """Whoever has the same name at another issuer is another consumer; an address without a token is one as well."""

    async def burst(headers: dict[str, str], path: str = "/limited/x") -> Counter[int]:
        answers = await asyncio.gather(*[rig.ask(path, headers=headers) for _ in range(12)])
        refused = [one for one in answers if one.status == 429]
        assert all(one.headers["retry-after"] == "1" for one in refused)
        return Counter(one.status for one in answers)

    begun = monotonic()
    ann = await burst(rig.mine(sub="ann"))
    assert 5 <= ann[200] <= 6 + monotonic() - begun
    assert ann[429] == 12 - ann[200]
    assert (await rig.ask("/limited/x", headers=rig.mine(sub="bob"))).status == 200
    other = {"authorization": f"Bearer {rig.partner.token(sub='ann')}"}
    assert (await rig.ask("/limited/x", headers=other)).status == 200
    unknown = await burst({"authorization": "Basic YTpi"}, "/limited/books")
    assert unknown[429]


@pytest.mark.parametrize("path", ["/limited/y", "/nowhere"])
async def test_who_tries_tokens_is_counted_by_address_and_nobody_else_is_harmed(rig: "Rig", path: str) -> None:
    """Refused ones count like those without a token, also for what is not there; a good token opens all the same."""
    forged = [{"authorization": f"Bearer {rig.partner.token(iss=rig.staff.issuer, sub=str(n))}"} for n in range(12)]
    await asyncio.sleep(1.5)  # whoever asked before is forgotten a little
    answers = await asyncio.gather(*[rig.ask(path, headers=headers) for headers in forged])
    counted = Counter(one.status for one in answers)
    assert counted[401]
    assert counted[429]
    assert counted.total() == counted[401] + counted[429]
    good = await rig.ask(path, headers=rig.mine(sub=f"cleo {path}"))
    assert good.status == (200 if path.startswith("/limited") else 404)
    assert (await rig.ask("/-/idp/login")).status == 200


async def test_a_door_of_the_local_system_needs_no_token_and_keeps_its_path(rig: "Rig") -> None:
    """The identity provider stands behind one: who has no token yet must reach it."""
    answer = await rig.ask("/-/idp/.well-known/openid-configuration")
    assert answer.seen["path"] == "/-/idp/.well-known/openid-configuration"


async def test_grpc_without_a_token_is_unauthenticated(rig: "Rig") -> None:
    """A gRPC client gets an answer in its own words."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await rig.reverse(f"127.0.0.1:{rig.gateway_port}", "/shop/demo.Stock/Reverse")
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_the_log_names_the_caller_and_never_a_query(rig: "Rig") -> None:
    """A query may be personal."""
    await rig.ask("/shop/books?name=private")
    await asyncio.sleep(1.2)
    log = rig.run.log("access").read_text()
    assert '"path":"/shop/books"' in log
    assert "spiffe://cluster.local/ns/demo/sa/gateway" in log
    assert "private" not in log
