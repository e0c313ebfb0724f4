"""The certificate authority of this machine: short-lived certificates, renewed and replaced while the system runs."""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from fairway.core.errors import FairwayError
from fairway.local.aside import aside
from fairway.local.run_folder import replace

LEAF_LIFETIME: Final = dt.timedelta(hours=24)
AUTHORITY_LIFETIME: Final = dt.timedelta(days=30)
RENEWED_AFTER: Final = 2 / 3  # of its lifetime
FILE: Final = "authority.json"


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate of one identity, and its key, in PEM."""

    chain: str
    key: str
    issued: dt.datetime
    ends: dt.datetime
    issuer: str  # the authority's serial number

    def is_due(self, now: dt.datetime) -> bool:
        """Tell whether it is time for another."""
        return now >= self.issued + (self.ends - self.issued) * RENEWED_AFTER


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """One self-signed authority, and its key, in PEM."""

    certificate: str
    key: str
    serial: str
    issued: dt.datetime
    ends: dt.datetime

    def is_due(self, now: dt.datetime) -> bool:
        """Tell whether it is time for another."""
        return now >= self.issued + (self.ends - self.issued) * RENEWED_AFTER


class Certificates:
    """All certificates of a local system. What was issued is remembered until it is due; keys of leaves are not kept.

    An authority is replaced in steps, one `renewing` each, with the files written in between: first both are trusted,
    then the new one issues, then the old one is trusted no more. So at no time does one side show what the other
    does not accept.
    """

    def __init__(
        self,
        folder: Path,
        identities: Mapping[str, str],
        *,
        lifetime: dt.timedelta = LEAF_LIFETIME,
        authority_lifetime: dt.timedelta = AUTHORITY_LIFETIME,
    ) -> None:
        """Take a private folder for the authority, and the SPIFFE URI of each account."""
        self._file = folder / FILE
        self._lifetime, self._authority_lifetime = lifetime, authority_lifetime
        self._leaves: dict[str, Leaf] = {}
        self.identities = dict(identities)
        now = _now()
        # The first issues, and all are trusted. What is due at the start needs no steps: nobody holds its leaves.
        self._authorities = [one for one in self._kept() if not one.is_due(now)]
        if len(self._authorities) != 1:
            newest = max(self._authorities, key=lambda one: one.issued, default=None)
            self._keep([newest or aside(partial(_new_authority, now, authority_lifetime))])

    @property
    def bundle(self) -> str:
        """Give the authorities that are trusted, in PEM."""
        return "".join(one.certificate for one in self._authorities)

    @property
    def leaves(self) -> dict[str, Leaf]:
        """Give a certificate for each account that is not yet due."""
        now, issuing = _now(), self._authorities[0]
        due = {
            account: identity
            for account, identity in self.identities.items()
            if (held := self._leaves.get(account)) is None or held.is_due(now) or held.issuer != issuing.serial
        }
        if due:
            self._leaves |= aside(partial(_issued, issuing, due, now, self._lifetime))
        return {account: self._leaves[account] for account in self.identities}

    @contextmanager
    def renewing(self) -> Iterator[bool]:
        """Take one step of what time asks for, and tell whether anything changed, so that files must be written.

        They are written in the body. Where that fails all is as it was before: nobody shows what nobody has taken.
        """
        authorities, held = self._authorities, dict(self._leaves)
        try:
            if len(self._authorities) > 1 or self._authorities[0].is_due(_now()):
                self.replace_authority()
            yield self.leaves != held or self._authorities != authorities
        except BaseException:
            self._leaves = held
            if self._authorities != authorities:
                self._keep(authorities)
            raise

    def replace_authority(self) -> bool:
        """Take the next step towards another authority, and tell whether it was the last."""
        issuing, *others = self._authorities
        match others:
            case []:
                self._keep([issuing, aside(partial(_new_authority, _now(), self._authority_lifetime))])
            case [new] if new.issued >= issuing.issued:
                self._keep([new, issuing])
            case _:
                self._keep([issuing])
        return len(self._authorities) == 1

    def _kept(self) -> list[Authority]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=list[Authority])
        except FileNotFoundError:
            return []
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise FairwayError(
                f"{self._file}: is no authority of ours: {error}. Remove it; another is made."
            ) from error

    def _keep(self, authorities: list[Authority]) -> None:
        self._authorities = authorities
        replace(self._file, msgspec.json.encode(authorities))


# What issues is loaded aside: it would stay for weeks, and is used once a day.
def _issued(
    authority: Authority, identities: Mapping[str, str], now: dt.datetime, lifetime: dt.timedelta
) -> dict[str, Leaf]:
    from fairway.local.issuing import issue  # noqa: PLC0415 - see above

    return {
        account: issue(authority, identity, [account, "localhost"], now, lifetime)
        for account, identity in identities.items()
    }


def _new_authority(now: dt.datetime, lifetime: dt.timedelta) -> Authority:
    from fairway.local.issuing import new_authority  # noqa: PLC0415 - see above

    return new_authority(now, lifetime)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
