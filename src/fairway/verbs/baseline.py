"""Findings that were there when a team began: a file of their fingerprints, so that only new ones stop a pipeline."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from fairway.core.errors import FairwayError
from fairway.core.rule import Finding


class Known(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One finding of then; all but the fingerprint is there for people."""

    fingerprint: str
    rule: str = ""
    resource: str = ""
    file: str = ""


class Baseline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All findings of then."""

    findings: tuple[Known, ...] = ()


def read_baseline(file: Path) -> frozenset[str]:
    """Give the fingerprints of what is known."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Baseline)
    except OSError as error:
        raise FairwayError(
            f"{file}: cannot be read: {error.strerror}. Write it with 'fairway check --write-baseline {file}'."
        ) from None
    except msgspec.DecodeError as error:
        raise FairwayError(
            f"{file}: is no baseline: {error}. Write it anew with 'fairway check --write-baseline {file}'."
        ) from None
    return frozenset(known.fingerprint for known in found.findings)


def baseline_text(findings: Iterable[tuple[Finding, str]]) -> bytes:
    """Write what is found now, in an order that keeps differences small."""
    known = (
        Known(fingerprint=fingerprint, rule=finding.rule, resource=finding.resource, file=finding.file)
        for finding, fingerprint in findings
    )
    ordered = tuple(sorted(known, key=lambda one: (one.rule, one.file, one.resource, one.fingerprint)))
    return msgspec.json.format(msgspec.json.encode(Baseline(findings=ordered))) + b"\n"
