"""Mail over SMTP. A message has the same id however often it is sent, so that a mail server may know a repetition."""

import asyncio
from email.message import EmailMessage
from smtplib import SMTP

from fairway_sdk import Service


class Mail:
    """The mail server as notifications sees it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._call = service.guarded("mail")

    async def send(self, key: str, to: str, subject: str, text: str) -> None:
        """Hand a message to the mail server; raises where it does not take it."""
        message = EmailMessage()
        message["From"] = "The Bookshop <orders@bookshop.example.com>"
        message["To"], message["Subject"] = to, subject
        message["Message-ID"] = f"<{key}@bookshop.example.com>"
        message.set_content(text)
        await self._call(asyncio.to_thread, self._deliver, message)

    def _deliver(self, message: EmailMessage) -> None:
        host, _, port = self._call.bound.address.rpartition(":")
        with SMTP(host, int(port), timeout=self._call.bound.timeout) as server:
            if server.has_extn("starttls"):
                server.starttls()
            if server.has_extn("auth"):
                server.login("bookshop", self._service.secrets.text("mail-password"))
            server.send_message(message)
