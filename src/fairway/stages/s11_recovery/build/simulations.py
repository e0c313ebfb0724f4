"""When recovery is tried out: a pipeline that keeps to the calendar, an alert that reminds, a page for evidence."""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Page
from fairway.core.cluster import OBSERVABILITY
from fairway.core.facts import seconds
from fairway.core.images import IMAGES
from fairway.core.profile import Landscape
from fairway.core.wording import listed
from fairway.stages.s11_recovery import decisions
from fairway.stages.s11_recovery.build.objects import described
from fairway.stages.s11_recovery.decisions import Simulation
from fairway.yaml.writer import write_document

RULE: Final = "recovery/quarterly-simulations"
TOPIC: Final = "simulations"
CHECKOUT: Final = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"  # v7.0.1
PYTHON: Final = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97"  # v7.0.0
WEEKLY: Final = "0 7 * * 1"
EVIDENCE: Final = "evidence"
PLACES: Final = {"github": "pipelines/recovery-github-actions.yaml", "gitlab": "pipelines/recovery-gitlab-ci.yaml"}
IMAGE: Final = IMAGES["python-slim"]


def page_of(scenario: str) -> str:
    """Name the runbook of a scenario."""
    return f"runbooks/recovery-{scenario}.md"


def manifests(landscape: Landscape) -> Iterator[Manifest]:
    """Remind whoever owns the system on the day; the alert needs nothing but Prometheus's own clock."""
    decided = decisions.simulation(landscape).value
    minute, hour, day, months, _ = decided.schedule.split()
    month = " or ".join(f"month() == {number}" for number in months.split(","))
    owner = next(iter(landscape.system.owners), "")
    labels = {"severity": "ticket", "service": landscape.system.system, **({"owner": owner} if owner else {})}
    rule = {
        "alert": "RecoverySimulationDue",
        "expr": f"({month}) and on () (day_of_month() == {day}) and on () (hour() >= {hour})"
        + (f" and on () (minute() >= {minute})" if minute != "0" else ""),
        "labels": {**labels, "rule": RULE},
        "annotations": {
            "summary": f"recovery of {landscape.system.system} is to be tried out today",
            "description": f"Try {listed(list(decided.scenarios))}, and put the evidence beside the facts.",
            "runbook_url": page_of(decided.scenarios[0]),
            "dashboard_url": f"/d/{landscape.system.system}",
        },
    }
    group = {"name": "recovery", "interval": "5m", "rules": [rule]}
    yield Manifest(
        path="observability/prometheusrule.yaml",
        rule=RULE,
        topic=TOPIC,
        object={
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": described(landscape, f"{landscape.system.system}.recovery", OBSERVABILITY),
            "spec": {"groups": [group]},
        },
    )


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write the pipeline, and what evidence looks like."""
    decided = decisions.simulation(landscape).value
    ci = str(landscape.system.platform.ci)
    made = _github(decided) if ci == "github" else _gitlab(decided)
    yield Page(path=PLACES[ci], text=write_document(made, comment=_said(ci, decided)), rule=RULE)
    yield Page(path="runbooks/recovery-evidence.md", text=_evidence(landscape, decided), rule=RULE)


def _said(ci: str, decided: Simulation) -> str:
    if ci == "github":
        return "Copy it to .github/workflows/recovery.yaml: GitHub reads workflows there only."
    return (
        "Include it in .gitlab-ci.yml (include: local), and add two pipeline schedules with the variable RECOVERY:"
        f" simulation at '{decided.schedule}', evidence at '{WEEKLY}'."
    )


INSTALL: Final = "python -m pip install tools/fairway-*.whl wheels/*.whl"  # as in the pipeline of every change
EXISTING: Final = ("fairway build --check", "fairway check deploy/")


def _fresh(decided: Simulation) -> str:
    """Fail where a scenario has no evidence, or none that still counts; a file's name starts with its day."""
    days = round(seconds(decided.fresh) / 86400)
    return f"""\
oldest=$(date --utc --date='{days} days ago' +%F)
missing=0
for scenario in {" ".join(decided.scenarios)}; do
  last=$(find {EVIDENCE} -name "????-??-??-$scenario.md" -printf '%f\\n' 2>/dev/null | sort | tail -n 1 | cut -c 1-10)
  if [ -z "$last" ] || [ "$(printf '%s\\n' "$oldest" "$last" | sort | head -n 1)" = "$last" ]; then
    echo "recovery/quarterly-simulations: $scenario was last tried on ${{last:-no day}}; {days} days is the longest."
    missing=1
  fi
done
exit $missing
"""


def _github(decided: Simulation) -> dict[str, Any]:
    titles = [
        f'gh issue create --title "Recovery simulation: {scenario}" --body-file deploy/{page_of(scenario)}'
        for scenario in decided.scenarios
    ]
    checkout = {"uses": CHECKOUT, "with": {"persist-credentials": False}}
    quarterly = f"github.event_name == 'workflow_dispatch' || github.event.schedule == '{decided.schedule}'"
    return {
        "name": "Recovery",
        "on": {"schedule": [{"cron": decided.schedule}, {"cron": WEEKLY}], "workflow_dispatch": {}},
        "permissions": {"contents": "read"},
        "concurrency": {"group": "recovery", "cancel-in-progress": False},
        "jobs": {
            "evidence": {
                "name": "Evidence is not older than a quarter",
                "runs-on": "ubuntu-24.04",
                "timeout-minutes": 5,
                "steps": [checkout, {"name": "Look for evidence", "run": _fresh(decided)}],
            },
            "simulation": {
                "name": "What recovery starts from is complete, and people are asked to try it",
                "if": quarterly,
                "runs-on": "ubuntu-24.04",
                "timeout-minutes": 15,
                "permissions": {"contents": "read", "issues": "write"},
                "steps": [
                    checkout,
                    {"uses": PYTHON, "with": {"python-version": "3.13"}},
                    {"name": "Install Fairway", "run": INSTALL},
                    *({"name": f"Run {command}", "run": command} for command in EXISTING),
                    {
                        "name": "Ask for each scenario",
                        "env": {"GH_TOKEN": "${{ github.token }}"},
                        "run": "\n".join(titles) + "\n",
                    },
                ],
            },
        },
    }


def _gitlab(decided: Simulation) -> dict[str, Any]:
    listed_pages = [f"cat deploy/{page_of(scenario)}" for scenario in decided.scenarios]

    def on(variable: str) -> list[dict[str, str]]:
        return [{"if": f'$CI_PIPELINE_SOURCE == "schedule" && $RECOVERY == "{variable}"'}]

    return {
        "recovery-evidence": {
            "stage": "test",
            "image": IMAGE,
            "timeout": "5 minutes",
            "rules": on("evidence"),
            "script": [_fresh(decided)],
        },
        "recovery-simulation": {
            "stage": "test",
            "image": IMAGE,
            "timeout": "15 minutes",
            "rules": on("simulation"),
            "script": [INSTALL, *EXISTING, *listed_pages],
        },
    }


def _evidence(landscape: Landscape, decided: Simulation) -> str:
    scenarios = "\n".join(
        f"- `{EVIDENCE}/<day>-{scenario}.md`, from [{scenario}](recovery-{scenario}.md)"
        for scenario in decided.scenarios
    )
    return f"""# Evidence of recovery

Every quarter each scenario is tried, and one file for each goes into the repository, beside fairway.yaml:

{scenarios}

`<day>` is the day it was tried, as 2026-10-15. The pipeline looks once a week and fails where the newest file of a
scenario is older than {decided.fresh}. Files are kept for {decided.kept}. The commit that brings a file in is signed
(`git commit -S`), by whoever did it, and reviewed by somebody else: the signature is what makes it evidence.

## What a file says

    # <scenario> of {landscape.system.system}, <day>
    Environment and regions:
    Done by, watched by:
    Version (git rev-parse HEAD):
    Began, noticed, served again, whole again:
    Newest data before the failure, newest data after it:
    Requests that failed, of how many:
    What was not as the runbook says:
    What is mended until when, and by whom:

The objectives to compare with stand in `fairway plan --full`, under recovery and data.
"""
