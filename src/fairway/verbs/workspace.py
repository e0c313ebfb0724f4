"""Open a system for a command: its facts, what follows from them, and the rooms."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from fairway import stages
from fairway.core.errors import FairwayError, did_you_mean
from fairway.core.profile import Landscape, survey
from fairway.core.registry import Builder, Room, builders, rooms, rule_by_id
from fairway.core.rule import Rule
from fairway.declaration.load import Loaded, load
from fairway.verbs.plan import Plan, plan


def standard() -> tuple[Room, ...]:
    """Load all rooms and rules."""
    return rooms(stages)


class Workspace:
    """One system, opened for one command. Each part is worked out when it is first asked for."""

    def __init__(self, loaded: Loaded, found: tuple[Room, ...]) -> None:
        """Take the facts and the rooms."""
        self.loaded = loaded
        self.rooms = found

    @property
    def root(self) -> Path:
        """The file that the facts begin with."""
        return self.loaded.root

    @cached_property
    def rules(self) -> Mapping[str, Rule]:
        """All rules by id."""
        return rule_by_id(self.rooms)

    @cached_property
    def builders(self) -> tuple[Builder, ...]:
        """What the rooms build and tell."""
        return builders(self.rooms)

    @cached_property
    def landscape(self) -> Landscape:
        """Everything that follows from the facts."""
        return survey(self.loaded.system)

    @cached_property
    def today_plan(self) -> Plan:
        """The plan as of today."""
        return plan(self.rooms, self.landscape, datetime.now(UTC).date())

    def place(self, *path: str) -> tuple[str, int]:
        """Tell the file and line where something is declared."""
        return self.loaded.sources.place(path)

    def declared_in(self, service: str) -> str:
        """Name the file that declares a service, or the root for the system's own, seen from the root's folder.

        Without a line: a built file must not change because a line was added above its service.
        """
        root = self.loaded.sources.root  # as it is shown, like the names of all other files
        file = self.place("services", service)[0] if service else root
        return Path(os.path.relpath(file, Path(root).parent)).as_posix()

    def require_service(self, name: str) -> None:
        """Refuse a service that is not declared."""
        services = self.loaded.system.services
        if name not in services:
            raise FairwayError(f"There is no service '{name}'. {did_you_mean(name, services)}")


def open_system(path: Path) -> Workspace:
    """Read and check the facts at *path*; raise with every problem at once."""
    found = standard()
    return Workspace(load(path, rule_ids=frozenset(rule_by_id(found))), found)
