"""Measure what it costs to know the caller: a token that is new, one that is remembered, flags and a session.

`python benchmarks/identity_speed.py [--rounds 5]`: the best of several rounds, in microseconds of CPU.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from fairway_sdk import Caller, Service
from fairway_sdk.contract.binding import Identity, Sessions
from fairway_sdk.identity.caller import caller
from fairway_sdk.identity.headers import from_asgi
from fairway_sdk.testing.placing import placed
from fairway_sdk.testing.servers import Valkey
from fairway_sdk.testing.tokens import AUDIENCE, TokenIssuer

MESH = b'By=spiffe://cluster.local/ns/shop/sa/orders;Hash=5f4d;Subject="";URI=spiffe://cluster.local/ns/shop/sa/basket'
NORTH = {"if": [{"==": [{"var": "tenant"}, "north"]}, "on", "off"]}
THIRD = {"fractional": [["on", 30], ["off", 70]]}


class Table:
    """Prints a line for each thing that is measured."""

    def __init__(self, rounds: int) -> None:
        """Take the best of so many rounds."""
        self._rounds = rounds

    async def measure(self, what: str, times: int, act: Callable[[], Awaitable[object]]) -> None:
        """Measure something that is awaited, its own task's share included."""
        best = float("inf")
        for _ in range(self._rounds):
            begun = time.process_time()
            for _ in range(times):
                await act()
            best = min(best, (time.process_time() - begun) / times)
        print(f"{what:<64}{best * 1e6:>10.2f} us")


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder with a short name: it has sockets in it."""
    with tempfile.TemporaryDirectory(prefix="fw-") as name:
        yield Path(name)


async def tokens(table: Table, place: Path) -> None:
    """Measure tokens, against PyJWT alone."""
    for algorithm in ("RS256", "ES256"):
        issuer = TokenIssuer(place, f"https://{algorithm.lower()}.test")
        issuer.add("first", algorithm, rsa.generate_private_key(65537, 2048) if algorithm == "RS256" else None)
        issuer.publish()
        identity = Identity(issuers=(issuer.bound(),), proxied=True, callers=("basket",), tenants=("north",))
        verifier = placed(Service("orders"), place, system="shop", identity=identity).identity
        await verifier.start()
        token = issuer.token(sub="ada", tenant="north", scope="orders:read orders:write")
        headers = [(b"host", b"shop.test"), (b"accept", b"*/*"), (b"user-agent", b"x"), (b"traceparent", b"y")]
        headers += [(b"authorization", f"Bearer {token}".encode()), (b"x-forwarded-client-cert", MESH)]
        get = from_asgi(headers)

        async def anew(verifier: object = verifier, get: object = get) -> object:
            verifier._verified.clear()  # type: ignore[attr-defined]  # noqa: SLF001 - as if it came for the first time
            return await verifier.of(get)  # type: ignore[attr-defined]

        key = issuer.keys["first"][1].public_key()

        async def peer(token: str = token, key: object = key, algorithm: str = algorithm) -> object:
            return jwt.decode(token, key, [algorithm], audience=AUDIENCE)  # type: ignore[arg-type]

        await verifier.of(get)
        await table.measure(f"{algorithm}: a token of {len(token)} letters, verified by PyJWT alone", 2000, peer)
        await table.measure(f"{algorithm}: who calls, the token seen for the first time", 2000, anew)
        await table.measure(f"{algorithm}: who calls, the token remembered", 50_000, lambda: verifier.of(get))  # noqa: B023
        await table.measure(
            f"{algorithm}: the same, headers picked included",
            50_000,
            lambda: verifier.of(from_asgi(headers)),  # noqa: B023
        )
        await verifier.stop()


async def flags(table: Table, place: Path) -> None:
    """Measure flags."""
    on_off = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
    found = {"fixed": on_off, "tenant": on_off | {"targeting": NORTH}, "share": on_off | {"targeting": THIRD}}
    file = place / "flags.json"
    file.write_text(json.dumps({"flags": found}))
    service = placed(Service("orders"), place, flags=dict.fromkeys(found, False), flags_file=str(file))
    await service.flags.start()
    caller.set(Caller(person="ada", issuer="https://issuer.test", tenant="north"))

    for name in found:

        async def read(name: str = name) -> object:
            return service.flag(name)

        await table.measure(f"a flag: {name}", 5000, read)

    async def through_openfeature() -> object:
        return service.flags.client.get_boolean_value("fixed", default_value=False)

    await table.measure("a flag: fixed, through OpenFeature's client", 2000, through_openfeature)
    await service.flags.stop()


async def sessions(table: Table, place: Path) -> None:
    """Measure a session of three values, against one bare HGETALL of the same hash."""
    with Valkey(place / "valkey") as valkey:
        stores = {"sessions": valkey.store()}
        service = placed(Service("orders"), place, stores=stores, sessions=Sessions(store="sessions"))
        for part in service.stores.open():
            await part.start()
        await service.sessions.start()
        client = service.stores.redis("sessions")
        first = await service.sessions.load(None, Caller())
        for name in ("basket", "language", "seen"):
            first[name] = ["emma", "ulysses"]
        await first.save()
        key = (await client.keys("fairway:*"))[0]

        async def save() -> None:
            session = await service.sessions.load(first.cookie, Caller())
            session["seen"] = time.process_time()
            await session.save()

        await table.measure("a session: HGETALL alone", 2000, lambda: client.hgetall(key))
        await table.measure("a session: loaded", 2000, lambda: service.sessions.load(first.cookie, Caller()))
        await table.measure("a session: loaded, changed and saved", 2000, save)
        for name in service.binding.stores:
            await service.stores.redis(name).aclose()


async def measure(rounds: int) -> None:
    """Measure everything."""
    table = Table(rounds)
    with folder() as place:
        await tokens(table, place)
        await flags(table, place)
        await sessions(table, place)


def main() -> None:
    """Print a line for each thing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    asyncio.run(measure(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
