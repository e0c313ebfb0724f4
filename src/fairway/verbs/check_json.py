"""The report of an audit as JSON."""

from msgspec.structs import asdict

from fairway.verbs.check import Report
from fairway.verbs.output import json_text


def check_json(report: Report) -> str:
    """Write the whole report. A finding's fingerprint stays the same while lines move."""
    rules = report.rules
    return json_text(
        {
            "exit": int(report.exit),
            "findings": [
                {**asdict(finding), "fingerprint": fingerprint}
                for finding, fingerprint in zip(report.findings, report.fingerprints, strict=True)
            ],
            "accepted": [
                {
                    **asdict(one.finding),
                    "fingerprint": one.fingerprint,
                    "reason": one.reason,
                    "until": one.until.isoformat(),
                }
                for one in report.accepted
            ],
            "problems": report.problems,
            "remarks": report.remarks,
            "unknown": report.unknown,
            "notes": report.notes,
            "compositions": report.compositions,
            "counts": {
                **asdict(report.counts),
                "objects": report.objects,
                "workloads": report.workloads,
                "errors": report.errors,
                "warnings": len(report.findings) - report.errors,
                "unknown": len(report.unknown),
                "problems": len(report.problems),
                "accepted": len(report.accepted),
                "in_baseline": report.known,
            },
            "rules": {
                "total": len(rules),
                "checked": [rule.id for rule in rules if rule.checked],
                "not_checked": [rule.id for rule in rules if not rule.checked],
            },
        }
    )
