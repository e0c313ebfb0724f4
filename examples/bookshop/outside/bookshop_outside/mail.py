"""A mail server that delivers nothing: it keeps what it was given, so that one can look."""

import asyncio
from email import message_from_bytes
from email.policy import default

from bookshop_outside.ledger import Effect, Ledger


async def serve(host: str, port: int, ledger: Ledger) -> asyncio.Server:
    """Speak as much SMTP as a client needs to hand over a message."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _converse(reader, writer, ledger)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # who leaves before the end, as a probe does, hands over nothing
        finally:
            writer.close()

    return await asyncio.start_server(talk, host, port)


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ledger: Ledger) -> None:
    async def say(line: str) -> None:
        writer.write(f"{line}\r\n".encode())
        await writer.drain()

    await say("220 mail.bookshop")
    while line := (await reader.readline()).decode().strip():
        word = line.partition(" ")[0].upper()
        if word == "DATA":
            await say("354 go on")
            _keep(ledger, await reader.readuntil(b"\r\n.\r\n"))
        await say("221 bye" if word == "QUIT" else "250 ok")
        if word == "QUIT":
            break


def _keep(ledger: Ledger, document: bytes) -> None:
    message = message_from_bytes(document.removesuffix(b".\r\n"), policy=default)
    body = message.get_body()
    text = body.get_content() if body else ""
    effect = Effect(kind="mail", to=str(message["To"]), subject=str(message["Subject"]), text=text)
    ledger.once(str(message["Message-ID"]), effect)
