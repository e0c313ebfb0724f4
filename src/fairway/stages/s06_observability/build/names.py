"""Where people find what is built for a service: its dashboard and the pages of its alerts."""

import re
from hashlib import sha256
from typing import Final

LONGEST_UID: Final = 40  # characters that Grafana takes


def dashboard_uid(system: str, service: str = "") -> str:
    """Name a dashboard in Grafana: the system's own, or a service's."""
    whole = f"{system}-{service}" if service else system
    return whole if len(whole) <= LONGEST_UID else f"{whole[:31]}-{sha256(whole.encode()).hexdigest()[:8]}"


def dashboard_path(system: str, service: str = "") -> str:
    """Give the path of a dashboard below Grafana's address."""
    return f"/d/{dashboard_uid(system, service)}"


def runbook_path(service: str, alert: str) -> str:
    """Give the path of an alert's page below the built tree."""
    return f"runbooks/alert-{service}-{re.sub('(?<!^)(?=[A-Z])', '-', alert).lower()}.md"
