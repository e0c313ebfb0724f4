"""A console that serves a small system."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from console_scene import Scene
from console_scene import scene as play


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """Serve it."""
    async with play(tmp_path) as made:
        yield made
