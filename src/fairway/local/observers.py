"""Prometheus and Alertmanager, where they are installed: they watch the local system by the rules of a real one.

Replicas listen on sockets, where Prometheus cannot ask: the console's collector hands it their metrics.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from fairway.local.processes import ProcessSpec, answers
from fairway.local.run_folder import RunFolder, replace
from fairway.local.state import Ports
from fairway.local.telemetry.collector_paths import ALERTS_PATH, SCRAPE_PATH
from fairway.local.telemetry.settings import Scraped

PROMETHEUS: Final = "prometheus"
ALERTMANAGER: Final = "alertmanager"
PROGRAMS: Final = {PROMETHEUS: (PROMETHEUS,), ALERTMANAGER: (ALERTMANAGER, "prometheus-alertmanager")}
ASKED_EVERY: Final = "5s"
KEPT: Final = ("2d", "256MB")  # whichever is less
TOLD_AFTER: Final = "2s"  # alerts of one service that begin together are told together
TOLD_AGAIN: Final = "4h"


class Observers:
    """Those that are installed; an address is empty where one is not."""

    def __init__(self, run: RunFolder, port_of: Ports) -> None:
        """Look for their programs on the PATH, and choose their ports."""
        self._run = run
        self._programs = {name: path for name in PROGRAMS if (path := program(name))}
        if PROMETHEUS not in self._programs:
            self._programs.clear()  # nobody would tell Alertmanager anything
        self._addresses = {name: f"127.0.0.1:{port_of(name)}" for name in self._programs}

    @property
    def prometheus(self) -> str:
        """Give Prometheus's address."""
        return self._addresses.get(PROMETHEUS, "")

    @property
    def alertmanager(self) -> str:
        """Give Alertmanager's address."""
        return self._addresses.get(ALERTMANAGER, "")

    @property
    def notes(self) -> list[str]:
        """Say what a reader of `fairway status` must know of them."""
        names = " and ".join(name.capitalize() for name in self._programs)
        return [f"{names} ask for no key: any program of this machine can read them."] if names else []

    def specs(
        self, scraped: Iterable[Scraped], proxies: Iterable[str], rules: Sequence[Mapping[str, Any]], collector: str
    ) -> Iterator[ProcessSpec]:
        """Write their settings, and say how they run; *rules* are groups as in Prometheus's rule files."""
        if self.prometheus:
            config = self._written("prometheus.json", self._asking(scraped, proxies, rules, collector))
            yield self._spec(
                PROMETHEUS,
                f"--config.file={config}",
                f"--storage.tsdb.path={self._run.data(PROMETHEUS)}",
                f"--storage.tsdb.retention.time={KEPT[0]}",
                f"--storage.tsdb.retention.size={KEPT[1]}",
            )
        if self.alertmanager:
            config = self._written("alertmanager.json", telling(f"http://{collector}{ALERTS_PATH}"))
            yield self._spec(
                ALERTMANAGER,
                f"--config.file={config}",
                f"--storage.path={self._run.data(ALERTMANAGER)}",
                "--cluster.listen-address=",  # there is one only
            )

    def _asking(
        self, scraped: Iterable[Scraped], proxies: Iterable[str], rules: Sequence[Mapping[str, Any]], collector: str
    ) -> dict[str, Any]:
        file = self._written("prometheus.rules.json", {"groups": list(rules)})
        return asking(scraped, proxies, collector, [file] if rules else [], self.alertmanager)

    def _written(self, name: str, content: dict[str, Any]) -> str:
        file = self._run.config(name)
        replace(file, msgspec.json.encode(content))  # JSON is YAML, too
        return str(file)

    def _spec(self, name: str, *words: str) -> ProcessSpec:
        address = self._addresses[name]
        return ProcessSpec(
            name=name,
            part="telemetry",
            command=(self._programs[name], *words, f"--web.listen-address={address}", "--log.level=warn"),
            cwd=self._run.data(name),
            env={"PATH": os.environ.get("PATH", ""), "GOMEMLIMIT": "128MiB", "GOGC": "40"},
            log=self._run.log(name),
            address=address,
            ready=answers(address, "/-/ready"),
            live=answers(address, "/-/healthy"),
        )


def asking(
    scraped: Iterable[Scraped], proxies: Iterable[str], collector: str, rule_files: Sequence[str], alertmanager: str
) -> dict[str, Any]:
    """Write Prometheus's configuration: every series carries `service` and `replica`, as the rules want."""
    replicas = [_target(collector, one.replica, service=one.service, replica=one.replica) for one in scraped]
    return {
        "global": {"scrape_interval": ASKED_EVERY, "evaluation_interval": ASKED_EVERY},
        "scrape_configs": [
            {"job_name": "services", "static_configs": replicas},
            {"job_name": "proxies", "static_configs": [_target(collector, name, proxy=name) for name in proxies]},
        ],
        "rule_files": list(rule_files),
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}] if alertmanager else []},
    }


def telling(url: str) -> dict[str, Any]:
    """Write Alertmanager's configuration: everything is sent to one place, which shows it."""
    route = {"receiver": "console", "group_by": ["service", "alertname"], "group_wait": TOLD_AFTER}
    return {
        "route": {**route, "group_interval": ASKED_EVERY, "repeat_interval": TOLD_AGAIN},
        "receivers": [{"name": "console", "webhook_configs": [{"url": url, "send_resolved": True}]}],
    }


def program(name: str) -> str:
    """Find a program on the PATH by any of its names; empty where it is not there."""
    return next(filter(None, map(shutil.which, PROGRAMS[name])), "")


def _target(collector: str, name: str, **labels: str) -> dict[str, Any]:
    return {"targets": [collector], "labels": {"__metrics_path__": SCRAPE_PATH + name, "instance": name, **labels}}
