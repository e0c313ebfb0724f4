"""What one room builds fits what another builds, in small systems that no example shows."""

import re
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import yaml
from fairway.core.facts import System
from fairway.declaration.load import load
from fairway.estate.read import read
from fairway.verbs.check import check
from fairway.verbs.render import render
from fairway.verbs.workspace import Workspace, standard

ROOT: Final = Path(__file__).parents[2]
TRAFFIC: Final = {"typical": 1, "peak": 2}


def tree(facts: dict[str, Any]) -> dict[str, str]:
    """Build a small system in memory."""
    loaded = msgspec.structs.replace(load(ROOT / "examples" / "hello"), system=msgspec.convert(facts, System))
    return {path: file.text for path, file in render(Workspace(loaded, standard())).items()}


@pytest.mark.parametrize("criticality", ["low", "standard", "mission-critical"])
def test_a_run_is_ended_long_after_somebody_was_told_that_it_takes_too_long(criticality: str) -> None:
    """Where it was ended first, the alert could never fire."""
    tidy = {"runs": "to-completion", "schedule": "0 1 * * *", "criticality": criticality}
    built = tree({"system": "attic", "services": {"tidy": tidy}})
    job = yaml.safe_load(built["production/main/services/tidy/cronjob.yaml"])["spec"]["jobTemplate"]["spec"]
    rules = yaml.safe_load(built["production/main/observability/prometheusrule-tidy.yaml"])["spec"]["groups"]
    [told] = [rule for group in rules for rule in group["rules"] if rule.get("alert") == "RunTooLong"]
    bound = int(re.findall(r"> (\d+)$", told["expr"].strip())[0])
    assert job["activeDeadlineSeconds"] >= 2 * bound


@pytest.mark.parametrize("mesh", ["istio", "none"])
@pytest.mark.parametrize("broker", ["nats", "kafka", "rabbitmq"])
def test_a_system_of_events_alone_passes_our_own_audit(broker: str, mesh: str, tmp_path: Path) -> None:
    """Its broker is scraped, guarded and reached like all else."""
    said, heard = {"publishes": ["said"]}, {"consumes": ["said"]}
    services = {name: {"owner": "us", "traffic": TRAFFIC, **one} for name, one in {"one": said, "two": heard}.items()}
    platform = {"broker": broker, "mesh": mesh}
    facts = {"system": "chat", "owners": {"us": "#us"}, "platform": platform, "channels": {"said": {}}}
    for path, text in tree(facts | {"services": services}).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert list(check(standard(), read([tmp_path])).findings) == []
