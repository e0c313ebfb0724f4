"""The code that Kong runs first, on a real Lua: what it takes off, whom it lets on, and where to."""

import base64
import json
from typing import Any

import msgspec
import pytest

from fairway.core.traffic import Issuer, Limit, Public
from fairway.targets.kubernetes.kong_door import door
from fairway.targets.kubernetes.public_route import Route

LIMIT = Limit(per_second=1, burst=2)
GOOD: dict[str, Any] = {"iss": "https://id.example", "sub": "ada", "aud": "shop"}


class Request(msgspec.Struct):
    """What Kong knows of a request, and what the code did with it."""

    path: str
    headers: dict[str, str]
    cleared: set[str] = msgspec.field(default_factory=set)
    sent: dict[str, str] = msgspec.field(default_factory=dict)
    to: str = ""
    refused: int = 0


def route(issuer: str = "https://id.example", **further: Any) -> Route:  # noqa: ANN401 - fields of Public
    """Write a public service."""
    issuers = (Issuer(issuer=issuer, audience="shop"), Issuer(issuer=issuer, audience='odd"name\\'))
    public = Public(prefix="/front", issuers=issuers, route=LIMIT, consumer=LIMIT, unknown=LIMIT, **further)
    return Route(
        system="shop", service="front", domain="shop.example", public=public, deadline=1, mesh=True, reasons={}
    )


def bearer(claims: dict[str, Any]) -> dict[str, str]:
    """Write a token whose signature nobody looks at here."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, claims)]
    return {"authorization": f"Bearer {'.'.join(parts)}.c2lnbmVk"}


def run(code: str, path: str, headers: dict[str, str]) -> Request:
    """Run the code with the few functions of Kong that it calls."""
    lupa = pytest.importorskip(
        "lupa", reason="NOT CHECKED on a real Lua: the package lupa is not installed (make install-all)"
    )
    lua = lupa.LuaRuntime()
    asked = Request(path=path, headers=headers)

    def table(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict):
            return lua.table_from({key: table(inner) for key, inner in value.items()})
        return lua.table_from([table(inner) for inner in value]) if isinstance(value, list) else value

    def decode(text: str) -> Any:  # noqa: ANN401 - any JSON
        try:
            return table(json.loads(text))
        except ValueError:
            return None

    def decode_base64(text: str) -> str | None:
        try:
            return base64.b64decode(text, validate=True).decode("latin-1")
        except ValueError:
            return None

    def refuse(status: int, *_: object) -> None:
        asked.refused = status

    upstream = {
        "set_header": asked.sent.__setitem__,
        "clear_header": asked.cleared.add,
        "set_path": lambda to: setattr(asked, "to", to),
    }
    own = {"get_headers": lambda _: table(headers), "get_header": headers.get, "get_path": lambda: path}
    known = lua.globals()
    known.kong = table({"request": own, "service": {"request": upstream}, "response": {"exit": refuse}})
    known.ngx = table({"decode_base64": decode_base64, "escape_uri": lambda text: text.replace("\n", "%0A")})
    known.require = lambda name: table({"decode": decode}) if name == "cjson.safe" else None
    lua.execute(code)
    return asked


def test_a_good_token_names_its_consumer_and_the_prefix_is_cut_off() -> None:
    """The audience may be one of several."""
    code = door(route(), closed=True)
    done = run(code, "/front/books/7", bearer({**GOOD, "aud": ["other", "shop"]}))
    assert (done.refused, done.to, done.sent) == (0, "/books/7", {"x-fairway-consumer": "https://id.example ada"})
    assert run(code, "/front", bearer({**GOOD, "aud": 'odd"name\\'})).to == "/"


def test_what_nobody_outside_may_say_is_taken_off() -> None:
    """In any spelling: Kong takes '_' for '-'."""
    said = {
        "X-Tenant": "a",
        "x_fairway_consumer": "b",
        "X-Envoy-Foo": "c",
        "X-Forwarded-Client-Cert": "d",
        "Accept": "e",
    }
    done = run(door(route(), closed=False), "/front", said)
    assert done.cleared == {"X-Tenant", "x_fairway_consumer", "X-Envoy-Foo", "X-Forwarded-Client-Cert"}
    many = {f"h{number}": "" for number in range(1000)}
    assert run(door(route(), closed=False), "/front", many).refused == 431


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer a.b.c"}, 401),
        ({"authorization": f"Basic x {bearer(GOOD)['authorization']}"}, 401),
        (bearer({**GOOD, "aud": "other"}), 401),
        (bearer({**GOOD, "aud": None}), 401),
        (bearer({**GOOD, "sub": None}), 401),
        (bearer({**GOOD, "iss": 7}), 401),
    ],
)
def test_a_token_that_is_not_for_this_system_is_refused(headers: dict[str, str], status: int) -> None:
    """Before its signature is looked at."""
    done = run(door(route(), closed=True), "/front/orders", headers)
    assert (done.refused, done.to, done.sent) == (status, "", {})


def test_a_path_that_only_begins_alike_is_not_the_services() -> None:
    """The router may match less than the door does."""
    assert run(door(route(), closed=False), "/frontier", {}).refused == 404


def test_the_tenant_of_the_header_is_the_tokens_own() -> None:
    """One that is not known is refused, and none is none."""
    code = door(route(tenants=("north", "south"), tenant_by="header"), closed=True)
    told = run(code, "/front", {**bearer({**GOOD, "tenant": "north"}), "x-tenant": "south"})
    assert (told.sent["x-tenant"], told.cleared) == ("north", {"x-tenant"})
    assert run(code, "/front", bearer({**GOOD, "tenant": "east"})).refused == 403
    assert "x-tenant" not in run(code, "/front", bearer(GOOD)).sent


def test_the_tenant_of_the_path_is_the_tokens_own() -> None:
    """Another one's path is refused; where no token is needed, the path alone counts."""
    apart = route(tenants=("north", "south"), tenant_by="path")
    closed, opened = door(apart, closed=True), door(apart, closed=False)
    told = run(closed, "/front/north/books", bearer({**GOOD, "tenant": "north"}))
    assert (told.refused, told.to, told.sent["x-tenant"]) == (0, "/books", "north")
    assert run(closed, "/front/north/books", bearer({**GOOD, "tenant": "south"})).refused == 403
    assert run(closed, "/front/north/books", bearer(GOOD)).refused == 403
    assert run(closed, "/front/east/books", bearer({**GOOD, "tenant": "east"})).refused == 404
    assert run(opened, "/front/south", {}).sent == {"x-tenant": "south"}


def test_a_federation_puts_the_tenant_among_the_groups_and_nobody_else_may() -> None:
    """Of a provider itself, a group is no tenant."""
    groups = bearer({**GOOD, "groups": ["staff", "tenant:north"]})
    further: dict[str, Any] = {"tenants": ("north",), "tenant_by": "header"}
    joined = door(route("https://shop.example/-/dex", **further), closed=True)
    assert run(joined, "/front", groups).sent["x-tenant"] == "north"
    assert "x-tenant" not in run(door(route(**further), closed=True), "/front", groups).sent
