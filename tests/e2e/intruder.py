"""Somebody on this machine who has certificates of his own making, or another's, and tries every door of a system."""

import datetime as dt
import json
import socket
import ssl
import subprocess
from pathlib import Path
from secrets import token_hex

import msgspec

from fairway.local.certificates import FILE, Authority, Certificates, Leaf
from fairway.local.issuing import issue
from fairway.local.run_folder import RunFolder, private_folder

HOURS = dt.timedelta(hours=1)
STARTUP = b"\x00\x03\x00\x00user\x00nobody\x00database\x00nothing\x00\x00"  # what PostgreSQL's clients say first
HELLO = (len(STARTUP) + 4).to_bytes(4, "big") + STARTUP


class Intruder:
    """Makes certificates, and connects with them."""

    def __init__(self, system: Path, name: str, folder: Path) -> None:
        """Take the folder of a system that runs, its name, and a folder for what is made."""
        self._run = RunFolder(system)
        self._system = name
        self._folder = private_folder(folder)

    @property
    def ports(self) -> dict[str, int]:
        """The ports of the system by what listens there."""
        found: dict[str, int] = json.loads((self._run.state / "ports.json").read_bytes())
        return found

    @property
    def authority(self) -> Authority:
        """The authority of the system, with its key."""
        [found] = msgspec.json.decode((self._run.state / "certificates" / FILE).read_bytes(), type=list[Authority])
        return found

    def leaf(
        self,
        account: str,
        *,
        authority: Authority | None = None,
        system: str = "",
        issued: dt.datetime | None = None,
        trust_domain: str = "cluster.local",
    ) -> Path:
        """Make a certificate and its key, in one file; all that is not said is as it must be."""
        identity = f"spiffe://{trust_domain}/ns/{system or self._system}/sa/{account}"
        now = issued or dt.datetime.now(dt.UTC)
        return self._file(issue(authority or self.authority, identity, [account, "localhost"], now, HOURS))

    def foreign_authority(self) -> Authority:
        """Make an authority that nobody trusts, and that says it is the system's."""
        folder = private_folder(self._folder / token_hex(4))
        Certificates(folder, {})
        [made] = msgspec.json.decode((folder / FILE).read_bytes(), type=list[Authority])
        return made

    def _file(self, leaf: Leaf) -> Path:
        file = self._folder / f"{token_hex(8)}.pem"
        file.write_text(leaf.chain + leaf.key)
        return file

    def calls(self, port: int, leaf: Path | None, *further: str, path: str = "/any") -> str:
        """Send a request over mutual TLS and HTTP/2; give the status, or `refused`."""
        trusted = self._folder / "trusted.pem"
        trusted.write_text(self.authority.certificate)
        shown = ("--cert", str(leaf)) if leaf else ()
        words = ["curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "--http2", "--cacert", str(trusted)]
        done = subprocess.run(
            [*words, *shown, *further, f"https://localhost:{port}{path}"], capture_output=True, text=True, check=False
        )
        return "refused" if done.returncode else done.stdout

    def enters(self, port: int, leaf: Path | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bool:
        """Tell whether PostgreSQL, behind mutual TLS, answers at all."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.authority.certificate)
        context.maximum_version = version
        if leaf:
            context.load_cert_chain(leaf)
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as line,
            ):
                line.sendall(HELLO)
                return bool(line.recv(1))
        except (ssl.SSLError, ConnectionError):
            return False


def says(port: int, content: bytes) -> bytes:
    """Send bytes without any TLS; give the first that come back, if any."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            line.sendall(content)
            return line.recv(64)
    except ConnectionError:
        return b""
