"""Print a real token of the local system that runs."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from fairway.core.errors import Exit, FairwayError
from fairway.local.identity.asking import ADMIN_SOCKET, Asked, NotRunningError, ask_token
from fairway.local.run_folder import RunFolder
from fairway.verbs.output import json_text


def token_command(facts: Path, asked: Asked, format_: str) -> Exit:
    """Print the token and nothing else, or all about it as JSON; *facts* is fairway.yaml or its folder."""
    file = facts / "fairway.yaml" if facts.is_dir() else facts
    if not file.is_file():
        raise FairwayError(f"{file}: is not there. Name fairway.yaml or its folder.")
    down = FairwayError(f"{file}: the system does not run here. Start it with 'fairway up', then ask again.")
    folder = file.resolve().parent
    if not (folder / ".fairway").is_dir():
        raise down
    try:
        given = ask_token(RunFolder(folder).socket(ADMIN_SOCKET), asked)
    except NotRunningError:
        raise down from None
    if format_ == "json":
        expires = datetime.fromtimestamp(given.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        about = {name: getattr(given, name) for name in ("issuer", "audience", "subject", "tenant", "scope")}
        sys.stdout.write(json_text({"token": given.token, "expires": expires, **about}))
    else:
        sys.stdout.write(f"{given.token}\n")
    return Exit.CLEAN
