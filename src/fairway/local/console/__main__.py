"""Runs telemetry and console until told to end: `python -m fairway.local.console SETTINGS.json`."""

import asyncio
import sys
from pathlib import Path

import msgspec

from fairway.core.errors import Exit
from fairway.local.telemetry.settings import Settings


async def _serve(settings: Settings) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    page, collector = settings.listen.rpartition(":"), settings.collector.rpartition(":")
    await asyncio.start_server(answer, collector[0], int(collector[2]))
    server = await asyncio.start_server(answer, page[0], int(page[2]))
    await server.serve_forever()


def main(arguments: list[str]) -> int:
    """Serve what the one argument, a file of settings, says."""
    asyncio.run(_serve(msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Settings)))
    return Exit.CLEAN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
