"""What Prometheus holds to be wrong, and what Alertmanager sends on: read into the same records."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from fairway.local.telemetry.records import Alert, Line
from fairway.local.telemetry.values import text

PATH: Final = "/api/v1/alerts"
MOST: Final = 500
NAME: Final = "alertmanager"


class _Alert(msgspec.Struct, rename="camel"):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    state: str = "firing"
    active_at: str = ""
    value: str = ""


class _Data(msgspec.Struct):
    alerts: list[_Alert] = []


class _Answer(msgspec.Struct):
    data: _Data = msgspec.field(default_factory=_Data)


class _Sent(msgspec.Struct, rename="camel"):
    status: str = "firing"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Notification(msgspec.Struct):
    alerts: list[_Sent] = []
    receiver: str = ""


def alerts(document: bytes, now: float) -> list[Alert]:
    """Read Prometheus's answer at `PATH`; `msgspec.DecodeError` where it is none."""
    found = msgspec.json.decode(document, type=_Answer).data.alerts
    return [_alert(one, now) for one in found[:MOST]]


def notified(document: bytes, now: float) -> list[Line]:
    """Read what Alertmanager sends, as lines of a log; `msgspec.DecodeError` where it is something else."""
    sent = msgspec.json.decode(document, type=_Notification)
    return [_line(one, sent.receiver, now) for one in sent.alerts[:MOST]]


def _alert(found: _Alert, now: float) -> Alert:
    labels = found.labels
    severity: Literal["page", "ticket"] = "page" if labels.get("severity") in {"page", "critical"} else "ticket"
    return Alert(
        name=text(labels.get("alertname", "?"), 200),
        service=text(labels.get("service", labels.get("job", "")), 200),
        severity=severity,
        state="pending" if found.state == "pending" else "firing",
        since=_time(found.active_at, now),
        says=text(found.annotations.get("description") or found.annotations.get("summary", "")),
        figure=_number(found.value),
        by="prometheus",
    )


def _line(sent: _Sent, receiver: str, now: float) -> Line:
    name, severity = sent.labels.get("alertname", "?"), sent.labels.get("severity", "")
    over = sent.status == "resolved"
    says = sent.annotations.get("summary") or sent.annotations.get("description", "")
    return Line(
        number=0,
        when=now,
        process=NAME,
        service=text(sent.labels.get("service", ""), 200),
        level="info" if over else "error" if severity in {"page", "critical"} else "warning",
        message=text(f"{'over' if over else severity or 'alert'}: {name}: {says}", 4_000),
        fields={"receiver": text(receiver, 200), **{text(key, 200): text(value) for key, value in sent.labels.items()}},
    )


def _time(told: str, otherwise: float) -> float:
    try:
        return datetime.fromisoformat(f"{told[:19]}+00:00").timestamp()
    except ValueError:
        return otherwise


def _number(told: str) -> float | None:
    try:
        return float(told)
    except ValueError:
        return None
