"""The revisions that the code brings along, read without running them: a start must not wait for Alembic's import."""

import ast
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from fairway_sdk.errors import SetupError
from fairway_sdk.stores.opened import SQL

if TYPE_CHECKING:
    from fairway_sdk.service import Service

SDK_FOLDER: Final = Path(__file__).parent / "versions"
SDK_VERSION: Final = "fairway_version"  # the table that holds the revision of the SDK's tables
OWN_VERSION: Final = "alembic_version"  # Alembic's own name, so that its command line works on the same store


class Revision(Struct, frozen=True, kw_only=True):
    """One step of a schema: its id, what it follows, and the first line of its file's docstring."""

    id: str
    follows: tuple[str, ...]
    summary: str
    file: Path


class Tree(Struct, frozen=True, kw_only=True):
    """The revisions of one owner, from the first to the last."""

    owner: str
    folder: Path
    version_table: str
    revisions: tuple[Revision, ...]

    def pending(self, current: Collection[str]) -> tuple[Revision, ...]:
        """Give what a store at these revisions still lacks; nothing where it is ahead of this code."""
        known = {revision.id: revision for revision in self.revisions}
        if any(one not in known for one in current):
            return ()
        there: set[str] = set()
        waiting = list(current)
        while waiting:
            one = waiting.pop()
            if one not in there:
                there.add(one)
                waiting += known[one].follows
        return tuple(revision for revision in self.revisions if revision.id not in there)


def trees(service: "Service", store: str) -> list[Tree]:
    """Give the trees of a store: the SDK's first, then the service's own where it has one.

    Its own is beside its code in `migrations/versions`, or with several SQL stores in `migrations/STORE/versions`;
    a store that it shares with other services gets the SDK's alone.
    """
    found = [read_tree("the SDK", SDK_FOLDER, SDK_VERSION)]
    folder = own_folder(service, store)
    shared = store in service.binding.stores and service.binding.stores[store].shared
    if folder.is_dir() and not shared:
        found.append(read_tree(service.name, folder, OWN_VERSION))
    return found


def own_folder(service: "Service", store: str) -> Path:
    """Tell where a service keeps its revisions for a store."""
    above = service.folder / "migrations"
    several = sum(bound.kind in SQL for bound in service.binding.own_stores.values()) > 1
    own = bool(store) and (several or (above / store).is_dir())
    return above / store / "versions" if own else above / "versions"


def read_tree(owner: str, folder: Path, version_table: str) -> Tree:
    """Read the revisions of a folder in their order; a `SetupError` names each that cannot stand as it is."""
    read = [revision for file in sorted(folder.glob("*.py")) if (revision := read_revision(file)) is not None]
    _refuse_faults(folder, read)
    return Tree(owner=owner, folder=folder, version_table=version_table, revisions=tuple(_in_order(read)))


def read_revision(file: Path) -> Revision | None:
    """Read one file's head; none where it names no revision."""
    try:
        module = ast.parse(file.read_bytes(), str(file))
    except SyntaxError as error:
        raise SetupError(f"{file}:{error.lineno}: {error.msg}. Mend the revision.") from error
    given: dict[str, object] = {}
    for node in module.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Name) and target.id in {"revision", "down_revision"}:
            try:
                given[target.id] = ast.literal_eval(node.value)
            except ValueError as error:
                raise SetupError(f"{file}:{node.lineno}: {target.id} is computed. Write it as plain text.") from error
    if "revision" not in given:
        return None
    below = given.get("down_revision") or ()
    summary = (ast.get_docstring(module) or file.stem).splitlines()[0].rstrip(".")
    follows = (below,) if isinstance(below, str) else tuple(str(one) for one in below)  # type: ignore[attr-defined]  # a tuple
    return Revision(id=str(given["revision"]), follows=follows, summary=summary, file=file)


def _refuse_faults(folder: Path, read: list[Revision]) -> None:
    faults: list[str] = []
    by_id: dict[str, Revision] = {}
    for revision in read:
        if revision.id in by_id:
            faults.append(
                f"{revision.file}: revision '{revision.id}' is also in {by_id[revision.id].file.name}."
                " Give the later of the two another id, and let it follow the earlier."
            )
        by_id[revision.id] = revision
    for revision in read:
        faults += [
            f"{revision.file}: follows revision '{below}', which is not in its folder. Name one that is there."
            for below in revision.follows
            if below not in by_id
        ]
    heads = [revision for revision in read if not any(revision.id in other.follows for other in read)]
    if read and len(heads) != 1 and not faults:
        names = ", ".join(revision.file.name for revision in heads) or "none"
        faults.append(
            f"{folder}: the last revision must be one, and it is: {names}. Let each revision follow the one before it."
        )
    if faults:
        raise SetupError("\n".join(faults))


def _in_order(read: Iterable[Revision]) -> list[Revision]:
    waiting, ordered, done = list(read), [], set[str]()
    while waiting:
        ready = [revision for revision in waiting if done.issuperset(revision.follows)]
        if not ready:  # a ring, which leaves no head and was refused, unless it hangs beside a sound tree
            names = ", ".join(revision.file.name for revision in waiting)
            raise SetupError(f"{waiting[0].file.parent}: these revisions follow each other in a ring: {names}.")
        ordered += ready
        done.update(revision.id for revision in ready)
        waiting = [revision for revision in waiting if revision.id not in done]
    return ordered
