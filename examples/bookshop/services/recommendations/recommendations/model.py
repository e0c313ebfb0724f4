"""The model on the service's own disk: what sells best, as long as nothing is known of a book."""

import json
from pathlib import Path

BESTSELLERS = ("9780141439518", "9780141439471", "9780141439846", "9780142437247", "9780140449136", "9780143039433")


def load(folder: Path) -> tuple[str, ...]:
    """Read the model, and write the first one where there is none."""
    file = folder / "bestsellers.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(BESTSELLERS))
        draft.rename(file)
    return tuple(json.loads(file.read_text()))
