"""Begin a new system: write its first fairway.yaml."""

import re
from pathlib import Path
from shlex import quote
from typing import TextIO

from fairway.core.errors import FairwayError
from fairway.core.facts import NAME_PATTERN

FIRST_FACTS = """\
# The facts about {name}. 'fairway plan' shows what follows from them, 'fairway schema' every word there is.
system: {name}
owners:
  team: team@example.com            # who answers, and where they are reached
environments:
  production:
    domain: {name}.example.com      # the host of the public routes
platform:
  registry: registry.example.com/{name}
identity-providers:
  people:
    issuer: https://id.example.com  # who vouches for callers from outside

services:
  first:
    capability: The one thing that this service is for
    exposure: external
    stores: [first-db]

stores:
  first-db:
    workload: transactional         # or write-heavy, or cache
"""


def init(folder: Path) -> str:
    """Write fairway.yaml into *folder*, made where it is not there; never over another. Say what to do next."""
    file = folder / "fairway.yaml"
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-0123456789")[:40].strip("-")
    text = FIRST_FACTS.format(name=name if re.fullmatch(NAME_PATTERN, name) else "my-system")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as fresh:
            _fill(fresh, text)
    except FileExistsError:
        taken = file if file.exists() else folder
        raise FairwayError(f"{taken}: is there already. Name another folder, or go on with 'fairway plan'.") from None
    except OSError as error:
        raise FairwayError(f"{error.filename}: {error.strerror}. Name a folder that can be written.") from error
    return f"{file}: written. Now: fairway plan {quote(str(folder))}\n"


def _fill(file: TextIO, text: str) -> None:
    """Write all of *text*, or take the file away: the next try would take half a one for the user's own."""
    try:
        file.write(text)
        file.flush()
    except OSError:
        Path(file.name).unlink()
        raise
