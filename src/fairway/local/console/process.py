"""The process of telemetry and console: what it is told, and how it is started."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from fairway.core.traffic import Traffic
from fairway.local import services
from fairway.local.credentials import Credentials
from fairway.local.processes import ProcessSpec, listens
from fairway.local.run_folder import RunFolder, replace
from fairway.local.state import Ports, is_free, kept_secret
from fairway.local.telemetry.settings import Operated, Scraped, Settings, Shown, links, nodes
from fairway_sdk.contract import CONFIGURATION_VARIABLE, METRICS_PATH, SECRETS_VARIABLE

NAME: Final = "console"
FIRST_PORT: Final = 8090
KEY: Final = "console-key"
TRACES_PATH: Final = "/v1/traces"


class Console:
    """Where the page and the collector are, before anything of them runs."""

    def __init__(self, run: RunFolder, port_of: Ports) -> None:
        """Choose their ports; the page has a key, since whoever sees it sees all and may act."""
        self._run = run
        self._port_of = port_of
        self._page = f"127.0.0.1:{port_of.first_from(FIRST_PORT)}"
        self._collector = f"127.0.0.1:{port_of('collector')}"
        self._key = run.secret(KEY)
        self.notes: list[str] = []
        self.traces = f"http://{self._collector}{TRACES_PATH}"
        self.collector = self._collector

    @property
    def url(self) -> str:
        """Give where the page is now, with its key."""
        return f"http://{self._page}/?key={kept_secret(self._key)}"

    def spec(  # noqa: PLR0913 - all that it shows
        self,
        *,
        system: str,
        traffic: Mapping[str, Traffic],
        placed: Iterable[services.Replica],
        outside: Iterable[str],
        proxies: Mapping[str, Path],
        shown: Shown,
        prometheus: str = "",
        alertmanager: str = "",
    ) -> ProcessSpec:
        """Write its settings, and say how it runs; *proxies* are sockets of administration by proxy."""
        run, known = self._run, list(placed)
        bindings = {one.program.name: one.binding for one in known}
        regions = {one.name: one.binding.region for one in known}
        told = Settings(
            system=system,
            folder=str(run.system_folder),
            listen=self._page,
            collector=self._collector,
            key=str(self._key),
            logs=str(run.log(NAME).parent),
            proxies={name: str(path) for name, path in proxies.items()},
            access_log=str(run.log("access")) if proxies else "",
            nodes=tuple(nodes(traffic, bindings, outside, gateway=bool(proxies))),
            links=tuple(links(traffic, bindings, gateway=bool(proxies))),
            scraped=tuple(scraped(known)),
            regions=regions if len(set(regions.values())) > 1 else {},
            operated=dict(_operated(run, known)),
            shown=msgspec.structs.replace(
                shown, objectives={name: one for name, one in shown.objectives.items() if name in bindings}
            ),
            prometheus=prometheus,
            alertmanager=alertmanager,
        )
        file = run.config("console.json")

        async def prepare() -> None:
            port = int(self._page.rpartition(":")[2])
            if not is_free(port):
                self._page = f"127.0.0.1:{self._port_of.first_from(port + 1)}"
                self.notes = [f"The console is at {self._page}: another program has taken {port}."]
            replace(file, msgspec.json.encode(msgspec.structs.replace(told, listen=self._page)))

        async def ready() -> str | None:
            return await listens(self._page)()

        return ProcessSpec(
            name=NAME,
            part="telemetry",
            command=(sys.executable, "-m", "fairway.local.console", str(file)),
            cwd=run.state,
            env=dict(os.environ),
            log=run.log(NAME),
            address=self._page,
            prepare=prepare,
            ready=ready,
        )


def scraped(known: Iterable[services.Replica]) -> Iterator[Scraped]:
    """Say where each replica tells its metrics."""
    for one in known:
        if one.listen.admin and one.program.uses_sdk:
            yield Scraped(replica=one.name, service=one.program.name, address=one.listen.admin, path=METRICS_PATH)


def _operated(run: RunFolder, known: Iterable[services.Replica]) -> Iterator[tuple[str, Operated]]:
    """Say how commands are run in the place of each service's first replica."""
    for one in known:
        if one.number == 0 and one.program.uses_sdk:
            variables = {
                CONFIGURATION_VARIABLE: str(run.config(one.name)),
                SECRETS_VARIABLE: str(Credentials(run).folder(one.program.name)),
            }
            yield (
                one.program.name,
                Operated(
                    command=services.python(one.program, ()),
                    module=f"{one.program.module}.service:service",
                    cwd=str(one.program.code),
                    variables=variables,
                ),
            )
