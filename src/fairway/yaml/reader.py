"""Read YAML as kubectl does, keep the line of every key and item, and refuse bad input in plain words."""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager

from yaml.error import MarkedYAMLError

from fairway.core.errors import Problem
from fairway.yaml.builder import Builder, RefusedError
from fairway.yaml.text import UnreadableError, decode, explain
from fairway.yaml.values import DEFAULT, Document, Documents, Limits, Line, Mapping, Sequence, Value, file_of

__all__ = ["DEFAULT", "Document", "Documents", "Limits", "Line", "Mapping", "Sequence", "Value"]
__all__ += ["file_of", "read_document", "read_documents"]

_DOCUMENT_START = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)


def read_documents(text: str | bytes, file: str, limits: Limits = DEFAULT) -> Documents:
    """Read every document of *text*; *file* only names it in the problems. Bad input never raises.

    A document is kept where its syntax allows, even when it has problems; after an error of syntax, reading goes on
    at the next ``---``.
    """
    problems: list[Problem] = []
    documents: list[Document] = []

    def report(line: int, says: str, fix: str) -> None:
        problems.append(Problem(file=file, line=line, says=says, fix=fix))
        if len(problems) == limits.problems:
            says = f"has {limits.problems} problems up to here; the rest is not read."
            problems.append(Problem(file=file, line=line, says=says, fix="Mend these first."))
            raise RefusedError(None)

    with _no_garbage_collection():
        try:
            decoded, faults = decode(text, limits.bytes)
            for fault in faults:
                report(*fault)
            _read(decoded, Builder(limits, report), documents)
        except UnreadableError as error:
            line, says, fix = error.args
            problems.append(Problem(file=file, line=line, says=says, fix=fix))
        except RefusedError:
            pass  # the problem is reported
    return Documents(documents=tuple(documents), problems=tuple(sorted(problems)))


def read_document(text: str | bytes, file: str, limits: Limits = DEFAULT) -> tuple[Document, tuple[Problem, ...]]:
    """Read the one document of *text*; its value is None where there is none, a second one is a problem."""
    read = read_documents(text, file, limits)
    problems = read.problems
    if len(read.documents) > 1:
        says = "a second document starts here, where one is expected."
        problems += (Problem(file=file, line=read.documents[1].line, says=says, fix="Move it to a file of its own."),)
    return (read.documents or (Document(value=None, line=1),))[0], problems


def _read(text: str, builder: Builder, documents: list[Document]) -> None:
    """Add the documents of *text*, going on at the next one where a document is broken."""
    start = 0
    while True:
        rest = text[start:]
        first = text.count("\n", 0, start) + 1
        builder.start(rest, first)
        try:
            while document := builder.next_document():
                documents.append(document)
        except MarkedYAMLError as error:
            at, position, says, fix = explain(error, rest)
            builder.report(first + rest.count("\n", 0, at), says, fix)
        except UnicodeDecodeError:  # the one thing that the C parser passes on unchecked
            builder.report(0, "the escapes of a tag are not UTF-8.", "Remove the tag.")
            return
        except RefusedError as refused:
            if refused.position is None:
                raise
            position = refused.position
        else:
            return
        following = _DOCUMENT_START.search(rest, max(position, 1))
        if not following:
            return
        start += following.start()


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Spare the collector the values, which hold no cycles; it would take a third of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            if not gc.get_freeze_count():  # this moves the values to the oldest generation, unvisited
                gc.freeze()
                gc.unfreeze()
            gc.enable()
