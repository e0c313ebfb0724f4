"""What weighs most of all that an audit found, on one screen: one line for each rule, the gravest first."""

from collections.abc import Iterator
from typing import Final

from fairway.core.rule import Finding
from fairway.core.wording import many
from fairway.verbs.check import Report

SCREEN: Final = 24  # lines; a report that is no longer needs no overview
SHOWN: Final = 9  # rules; most lines take two of a screen
GRAVEST: Final = (
    # What is known to others, or open to them, today.
    "containers/no-secrets-or-config",
    "orchestration/configmaps-and-secrets",
    "containers/secrets-manager",
    "gateway/public-through-gateway",
    "security/tls-without-mesh",
    "gateway/jwt",
    "security/encryption",
    # What is lost for good when a Pod, a disk or a person fails.
    "orchestration/statefulset",
    "data/reliable-store",
    "data/backups",
    "resilience/dead-letters",
    # What does not work as it is written.
    "routing/kubernetes-dns",
    "routing/virtualservice-destinationrule",
    "orchestration/manual-scaling",
    # What lets one break-in or one fault reach everything.
    "security/rbac",
    "security/network-policies",
    "security/mesh-mtls",
    "security/mtls",
    "containers/docker",
    # What fails under load or with the next release, and what nobody would notice.
    "orchestration/probes",
    "delivery/rolling",
    "gateway/rate-limit",
    "orchestration/deployment",
    "orchestration/autoscale",
    "observability/alerts",
    "observability/prometheus",
    "observability/log-pipeline",
)
"""Rules by how soon it hurts to break them; all others follow, in the order of the standard."""


def overview(report: Report) -> Iterator[str]:
    """Write the first screen: what cannot be read, then of each broken rule one finding and how many are like it."""
    errors, warnings = report.errors, len(report.findings) - report.errors
    yield (
        f"{many(errors, 'error')} and {many(warnings, 'warning')} in {many(report.objects, 'object')}; "
        "what weighs most first, and all of it below."
    )
    if report.problems:
        yield f"{report.problems[0]}{_more(len(report.problems))}"
    ranked = sorted(_by_rule(report).items(), key=lambda entry: _weight(report, entry))
    for rule, findings in ranked[:SHOWN]:
        first = findings[0]
        yield f"{first.file}:{first.line}: {first.severity}: {first.resource}: {first.says}{_more(len(findings), rule)}"
    if len(ranked) > SHOWN:
        yield f"... and what {many(len(ranked) - SHOWN, 'more rule')} found."


def _by_rule(report: Report) -> dict[str, list[Finding]]:
    """Give what each rule found, its errors first."""
    found: dict[str, list[Finding]] = {}
    for finding in sorted(report.findings, key=lambda one: one.severity != "error"):
        found.setdefault(finding.rule, []).append(finding)
    return found


def _weight(report: Report, entry: tuple[str, list[Finding]]) -> tuple[bool, int]:
    rule, findings = entry
    places = {one: place for place, one in enumerate(GRAVEST)}
    standard = [one.id for one in report.rules].index(rule)
    return findings[0].severity != "error", places.get(rule, len(places) + standard)


def _more(number: int, rule: str = "") -> str:
    of = f" of {rule}" if rule else ""
    return f" (and {number - 1} more{of})" if number > 1 else ""
