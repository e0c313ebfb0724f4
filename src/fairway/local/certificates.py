"""The certificate authority of this machine: short-lived certificates, renewed and replaced while the system runs."""

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fairway.core.errors import FairwayError
from fairway.local.run_folder import replace

LEAF_LIFETIME: Final = dt.timedelta(hours=24)
AUTHORITY_LIFETIME: Final = dt.timedelta(days=30)
BEFORE: Final = dt.timedelta(minutes=5)  # a certificate is valid a little before it is made: clocks differ
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
            self._keep([newest or _new_authority(now, authority_lifetime)])

    @property
    def bundle(self) -> str:
        """Give the authorities that are trusted, in PEM."""
        return "".join(one.certificate for one in self._authorities)

    @property
    def leaves(self) -> dict[str, Leaf]:
        """Give a certificate for each account that is not yet due."""
        now, issuing = _now(), self._authorities[0]
        for account, identity in self.identities.items():
            held = self._leaves.get(account)
            if held is None or held.is_due(now) or held.issuer != issuing.serial:
                self._leaves[account] = issue(issuing, identity, [account, "localhost"], now, self._lifetime)
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
                self._keep([issuing, _new_authority(_now(), self._authority_lifetime)])
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


def issue(authority: Authority, identity: str, names: list[str], now: dt.datetime, lifetime: dt.timedelta) -> Leaf:
    """Issue a certificate to a SPIFFE identity, for both ends of a connection; `names` are for clients that ask DNS."""
    signer = serialization.load_pem_private_key(authority.key.encode(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    key = ec.generate_private_key(ec.SECP256R1())
    ends = min(now + lifetime, authority.ends)
    alternative = [x509.UniformResourceIdentifier(identity), *map(x509.DNSName, names)]
    certificate = (
        _builder(key, x509.Name([]), issuer.subject, now, ends)
        .add_extension(x509.SubjectAlternativeName(alternative), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return Leaf(chain=_pem(certificate), key=_pem_key(key), issued=now, ends=ends, issuer=authority.serial)


def _new_authority(now: dt.datetime, lifetime: dt.timedelta) -> Authority:

    key, ends = ec.generate_private_key(ec.SECP256R1()), now + lifetime
    serial = f"{x509.random_serial_number():x}"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Fairway on this machine {serial[:8]}")])
    certificate = (
        _builder(key, name, name, now, ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate=_pem(certificate), key=_pem_key(key), serial=serial, issued=now, ends=ends)


def _builder(
    key: ec.EllipticCurvePrivateKey, subject: x509.Name, issuer: x509.Name, now: dt.datetime, ends: dt.datetime
) -> x509.CertificateBuilder:

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(ends)
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:

    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:

    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _pem_key(key: ec.EllipticCurvePrivateKey) -> str:

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
