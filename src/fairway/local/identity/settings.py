"""What the local provider is told: whom it plays, where it listens, and how long its tokens and keys last."""

import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from fairway.core.errors import FairwayError
from fairway.core.facts import System
from fairway.local.identity.asking import ADMIN_SOCKET
from fairway.local.program import read
from fairway.local.run_folder import RunFolder, private_folder

JOINED: Final = "-/dex"  # the joining issuer's path; names of providers begin with a letter
USERS_FILE: Final = "users.yaml"
DAY: Final = 86400.0


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all parts share: a setting that nobody knows is an error."""


class Issuer(Told, frozen=True, kw_only=True):
    """One issuer that is played here."""

    name: str  # as the facts name the provider
    url: str  # as in its tokens
    audiences: tuple[str, ...]  # its tokens name one of them; the first unless another is asked for
    published: str  # the file of its public keys, replaced by a rename
    declared: tuple[str, ...] = ()  # the issuers of the facts in whose place its tokens are good
    joins: tuple[str, ...] = ()  # names of the issuers that know the persons; empty: it knows them itself


class Settings(Told, frozen=True, kw_only=True):
    """All of it. Durations are seconds."""

    system: str
    base: str  # what all issuers' URLs begin with: http://127.0.0.1:8080/-/idp
    listen: str  # `127.0.0.1:PORT` or `unix:/path`
    admin: str  # path of the socket for commands
    folder: str  # where private keys and the clients' secrets are kept
    issuers: tuple[Issuer, ...]
    tenants: tuple[str, ...] = ()
    users: str = ""  # path of the users' file; where it is not there, there are demo users
    clients: tuple[str, ...] = ()  # machines with a secret: the services
    token_lasts: float = 3600.0
    code_lasts: float = 60.0
    login_lasts: float = 600.0
    published_before: float = 10.0  # how long a new key is published before it signs
    rotated_every: float = DAY

    @property
    def base_path(self) -> str:
        """The path that all issuers are below."""
        return urlsplit(self.base).path or "/"

    @property
    def good(self) -> Issuer:
        """The issuer whose tokens open services: the one that joins the others, or the only one."""
        return next((issuer for issuer in self.issuers if issuer.joins), self.issuers[0])

    @property
    def stand_ins(self) -> dict[str, Issuer]:
        """Say which issuer stands in for each declared one; its URL and file of keys go into bindings and gateway."""
        return {declared: issuer for issuer in self.issuers for declared in issuer.declared}

    def issuer(self, name: str) -> Issuer:
        """Give the issuer of a name that is known."""
        return next(issuer for issuer in self.issuers if issuer.name == name)


def settings(system: System, run: RunFolder, *, base: str, listen: str, joining: Iterable[str] = ()) -> Settings | None:
    """Say who is to be played for a system: none where the facts name no provider.

    `joining` are the URLs of the issuer that joins several providers, from the decision on federation. Behind it no
    provider's own token is good, so it stands in for all of them.
    """
    base = base.rstrip("/")
    several = len(system.identity_providers) > 1
    issuers = [
        Issuer(
            name=name,
            url=f"{base}/{name}",
            audiences=(provider.audience or system.system,),
            published=str(run.config(f"identity-{name}.keys.json")),
            declared=() if several else (provider.issuer,),
        )
        for name, provider in system.identity_providers.items()
    ]
    if not issuers:
        return None
    if several:
        joined = Issuer(
            name=JOINED,
            url=f"{base}/{JOINED}",
            audiences=tuple(dict.fromkeys(audience for issuer in issuers for audience in issuer.audiences)),
            published=str(run.config("identity.joined.keys.json")),
            declared=(*joining, *(provider.issuer for provider in system.identity_providers.values())),
            joins=tuple(issuer.name for issuer in issuers),
        )
        issuers.insert(0, joined)
    return Settings(
        system=system.system,
        base=base,
        listen=listen,
        admin=str(run.socket(ADMIN_SOCKET)),
        folder=str(private_folder(run.secret("identity"))),
        issuers=tuple(issuers),
        tenants=system.tenants.names if system.tenants else (),
        users=str(run.system_folder / USERS_FILE),
        clients=tuple(system.services),
    )


def read_settings(file: Path) -> Settings:
    """Read and check a file of settings; a `FairwayError` says what is wrong with it."""
    found = read(file, Settings)
    wrong = []
    parts = urlsplit(found.base)
    if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
        wrong.append(f"the address {found.base} is not this machine's. It gives tokens to all who ask: use 127.0.0.1.")
    if not found.listen.startswith("unix:/") and not is_loopback(found.listen.rpartition(":")[0].strip("[]")):
        wrong.append(f"'{found.listen}' listens to other machines, or nowhere. Use 127.0.0.1:PORT or unix:/path.")
    if not found.issuers:
        wrong.append("there is no issuer. Declare one under identity-providers.")
    names = {issuer.name for issuer in found.issuers}
    for issuer in found.issuers:
        if not issuer.url.startswith(f"{found.base}/") or not issuer.audiences:
            wrong.append(f"the issuer '{issuer.name}' has no audience, or is not below {found.base}. Mend that.")
        wrong += [f"'{issuer.name}' joins '{name}', which is not there." for name in issuer.joins if name not in names]
    if wrong:
        raise FairwayError("\n".join(f"{file}: {says}" for says in wrong))
    return found


def is_loopback(host: str) -> bool:
    """Tell whether a host, without a port, is this machine and no other."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
