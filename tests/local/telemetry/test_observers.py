"""Prometheus and Alertmanager where they are installed: what they are told."""

import json
from pathlib import Path

import pytest

from fairway.local.observers import Observers
from fairway.local.run_folder import RunFolder
from fairway.local.state import Ports
from fairway.local.telemetry.settings import Scraped

RULES = [{"name": "stock.alerts", "rules": [{"alert": "Down", "expr": "vector(1)"}]}]


def _installed(folder: Path, monkeypatch: pytest.MonkeyPatch, *programs: str) -> Observers:
    (folder / "bin").mkdir()
    for name in programs:
        file = folder / "bin" / name
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder / "bin"))
    run = RunFolder(folder)
    return Observers(run, Ports(run))


def test_nothing_runs_where_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor Alertmanager alone, whom nobody would tell anything."""
    observers = _installed(tmp_path, monkeypatch, "alertmanager")
    assert not list(observers.specs([], [], RULES, "127.0.0.1:1"))
    assert (observers.prometheus, observers.alertmanager, observers.notes) == ("", "", [])


def test_prometheus_asks_the_collector_for_each_replica_and_tells_alertmanager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the labels that the rules want; Debian gives Alertmanager another name."""
    observers = _installed(tmp_path, monkeypatch, "prometheus", "prometheus-alertmanager")
    scraped = [Scraped(replica="stock-0", service="stock", address="unix:/x")]
    assert observers.notes == ["Prometheus and Alertmanager ask for no key: any program of this machine can read them."]
    asks, tells = observers.specs(scraped, ["mesh"], RULES, "127.0.0.1:1")
    config = json.loads(RunFolder(tmp_path).config("prometheus.json").read_text())
    replicas, proxies = (job["static_configs"] for job in config["scrape_configs"])
    assert replicas == [
        {
            "targets": ["127.0.0.1:1"],
            "labels": {
                "__metrics_path__": "/scrape/stock-0",
                "instance": "stock-0",
                "service": "stock",
                "replica": "stock-0",
            },
        }
    ]
    assert [one["labels"]["proxy"] for one in proxies] == ["mesh"]
    [file] = config["rule_files"]
    assert json.loads(Path(file).read_text()) == {"groups": RULES}
    [manager] = config["alerting"]["alertmanagers"]
    assert manager["static_configs"][0]["targets"] == [observers.alertmanager]
    told = json.loads(RunFolder(tmp_path).config("alertmanager.json").read_text())
    assert told["receivers"][0]["webhook_configs"][0]["url"] == "http://127.0.0.1:1/alerts"
    for spec, address in ((asks, observers.prometheus), (tells, observers.alertmanager)):
        assert spec.part == "telemetry"
        assert address.startswith("127.0.0.1:")
        assert f"--web.listen-address={address}" in spec.command
