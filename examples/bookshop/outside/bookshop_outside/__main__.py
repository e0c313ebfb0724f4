"""Run one of them: `python -m bookshop_outside card-network 127.0.0.1:7001 ledger.jsonl`."""

import asyncio
import sys
from pathlib import Path

import uvicorn

from bookshop_outside import card_network, carrier, mail
from bookshop_outside.ledger import Ledger

APPLICATIONS = {"card-network": card_network.application, "carrier": carrier.application}


def main() -> None:
    """Serve until told to end."""
    name, address, file = sys.argv[1:]
    host, _, port = address.rpartition(":")
    ledger = Ledger(Path(file))
    if name == "mail":
        asyncio.run(_mail(host, int(port), ledger))
    else:
        uvicorn.run(APPLICATIONS[name](ledger), host=host, port=int(port), log_level="warning")


async def _mail(host: str, port: int, ledger: Ledger) -> None:
    server = await mail.serve(host, port, ledger)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    main()
