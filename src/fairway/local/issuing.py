"""Makes authorities and certificates: X.509 itself."""

import datetime as dt
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fairway.local.certificates import Authority, Leaf

BEFORE: Final = dt.timedelta(minutes=5)  # a certificate is valid a little before it is made: clocks differ


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


def new_authority(now: dt.datetime, lifetime: dt.timedelta) -> Authority:
    """Make an authority that only signs certificates of ends."""
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
