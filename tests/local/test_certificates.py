"""Certificates of this machine are short-lived, private, and replaced before they end."""

import datetime as dt
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID

from fairway.core.errors import FairwayError
from fairway.local import certificates
from fairway.local.certificates import Certificates, Leaf

SHOP = "spiffe://cluster.local/ns/demo/sa/shop"
HOUR = dt.timedelta(hours=1)


class Clock:
    """A time that a test moves on."""

    def __init__(self) -> None:
        self.now = dt.datetime.now(dt.UTC)

    def __call__(self) -> dt.datetime:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the clock that certificates are made by."""
    made = Clock()
    monkeypatch.setattr(certificates, "_now", made)
    return made


def parsed(chain: str) -> x509.Certificate:
    """Read a certificate."""
    return x509.load_pem_x509_certificate(chain.encode())


def test_a_leaf_names_its_identity_and_lasts_a_day(tmp_path: Path, clock: Clock) -> None:
    """The identity is what proxies look at, the names what clients of databases do."""
    leaf = Certificates(tmp_path, {"shop": SHOP}).leaves["shop"]
    made = parsed(leaf.chain)
    names = made.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    assert names.critical
    assert isinstance(names.value, x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.UniformResourceIdentifier) == [SHOP]
    assert names.value.get_values_for_type(x509.DNSName) == ["shop", "localhost"]
    assert made.not_valid_after_utc - clock.now <= 24 * HOUR
    key = serialization.load_pem_private_key(leaf.key.encode(), None)
    assert key.public_key() == made.public_key()


def test_the_authority_signs_leaves_and_is_kept_privately(tmp_path: Path) -> None:
    """A second start trusts what the first one issued; nobody else reads the key."""
    first = Certificates(tmp_path, {"shop": SHOP})
    authority = parsed(first.bundle)
    parsed(first.leaves["shop"].chain).verify_directly_issued_by(authority)
    assert Certificates(tmp_path, {"shop": SHOP}).bundle == first.bundle
    [file] = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_leaf_is_renewed_before_it_ends_and_not_earlier(tmp_path: Path, clock: Clock) -> None:
    """A third of its time is left to notice that something is wrong."""
    made = Certificates(tmp_path, {"shop": SHOP}, lifetime=3 * HOUR)
    first = made.leaves["shop"]
    clock.now += 1.9 * HOUR
    assert not renewed(made)
    assert made.leaves["shop"] == first
    clock.now += 0.2 * HOUR
    assert renewed(made)
    assert made.leaves["shop"] != first
    assert not renewed(made)


def test_an_authority_is_replaced_in_steps_that_never_part_the_two_sides(tmp_path: Path, clock: Clock) -> None:
    """Whoever has the leaf of one step accepts the leaves of the step before and after."""
    made = Certificates(tmp_path, {"shop": SHOP}, authority_lifetime=30 * HOUR)
    old, leaf = made.bundle, made.leaves["shop"]
    clock.now += 21 * HOUR
    bundles, leaves = [old], [leaf]
    while renewed(made):
        bundles.append(made.bundle)
        leaves.append(made.leaves["shop"])
    assert old not in made.bundle
    for step, bundle in enumerate(bundles):
        trusted = {x509.load_pem_x509_certificate(one).subject for one in split(bundle)}
        near = leaves[max(0, step - 1) : step + 2]
        assert {parsed(one.chain).issuer for one in near} <= trusted, f"step {step}"
    assert len(bundles) == 4


def test_what_nobody_takes_is_as_it_was_before(tmp_path: Path, clock: Clock) -> None:
    """Files that cannot be written leave everybody with the old certificates, also after a restart."""
    made = Certificates(tmp_path, {"shop": SHOP}, lifetime=3 * HOUR, authority_lifetime=30 * HOUR)
    bundle, leaf = made.bundle, made.leaves["shop"]
    kept = (tmp_path / "authority.json").read_bytes()
    for later in (2.5, 0, 21):  # the second time is another try
        clock.now += later * HOUR
        with pytest.raises(OSError, match="full"):
            fail(made, (bundle, leaf))
        assert made.bundle == bundle
        assert (tmp_path / "authority.json").read_bytes() == kept
    assert renewed(made)
    assert bundle in made.bundle


def fail(made: Certificates, before: tuple[str, Leaf]) -> None:
    """Take one step, and fail to write the files."""
    with made.renewing() as changed:
        assert changed
        assert (made.bundle, made.leaves["shop"]) != before
        raise OSError("the disk is full")


def renewed(made: Certificates) -> bool:
    """Take one step, and tell whether it changed anything."""
    with made.renewing() as changed:
        return changed


def split(bundle: str) -> list[bytes]:
    """Part a bundle into its certificates."""
    end = "-----END CERTIFICATE-----\n"
    return [(one + end).encode() for one in bundle.split(end) if one]


def test_a_start_after_a_broken_off_replacement_has_one_authority(tmp_path: Path) -> None:
    """Nobody holds leaves then, so that no step is owed."""
    made = Certificates(tmp_path, {"shop": SHOP})
    old = made.bundle
    made.replace_authority()
    made.replace_authority()
    again = Certificates(tmp_path, {"shop": SHOP})
    assert len(split(again.bundle)) == 1
    assert again.bundle != old


def test_no_leaf_outlives_its_authority(tmp_path: Path, clock: Clock) -> None:
    """It would be worth nothing."""
    made = Certificates(tmp_path, {"shop": SHOP}, lifetime=48 * HOUR, authority_lifetime=30 * HOUR)
    assert made.leaves["shop"].ends - clock.now == 30 * HOUR


def test_a_file_that_is_no_authority_is_told(tmp_path: Path) -> None:
    """It is the reader's to remove."""
    (tmp_path / "authority.json").write_text("[1]")
    with pytest.raises(FairwayError, match="Remove it"):
        Certificates(tmp_path, {"shop": SHOP})
