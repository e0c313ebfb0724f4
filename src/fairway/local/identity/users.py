"""Who may log in: the people of `users.yaml` beside the facts, or demo users where there is no such file."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from fairway.core.errors import FairwayError, Problem, WrongInputError, did_you_mean
from fairway.core.wording import listed
from fairway.yaml.reader import Mapping, Value, read_document

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # without '@' and ':', which stand in subjects of others
SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # as OAuth has it
KEYS: Final = ("name", "tenants", "scopes", "providers")
DEMO: Final = {"ann": "Ann Archer", "ben": "Ben Baker", "cleo": "Cleo Cook"}


class User(msgspec.Struct, frozen=True, kw_only=True):
    """One person."""

    name: str  # what tokens call the person
    shown: str
    tenants: tuple[str, ...] = ()  # one of them stands in a token
    scopes: tuple[str, ...] | None = None  # none: whatever is asked for
    providers: tuple[str, ...] = ()  # who vouches for this person


class Users:
    """The people of now: a changed file counts from the next question on."""

    def __init__(self, file: Path | None, tenants: tuple[str, ...], providers: tuple[str, ...]) -> None:
        """Take the file, which may not be there, and what of the system it may name."""
        self._file, self._tenants, self._providers = file, tenants, providers
        self._read_at: tuple[int, int] | None = None
        self._found: dict[str, User] = demo_users(tenants, providers)

    def all(self) -> dict[str, User]:
        """Give everybody by name; a `WrongInputError` says everything that is wrong with the file."""
        at = _version(self._file)
        if at != self._read_at:
            demo = at is None or self._file is None
            self._found = demo_users(self._tenants, self._providers) if demo else self._read()
            self._read_at = at
        return self._found

    def of(self, provider: str) -> dict[str, User]:
        """Give everybody whom a provider vouches for."""
        return {name: user for name, user in self.all().items() if provider in user.providers}

    def _read(self) -> dict[str, User]:
        assert self._file is not None
        return read_users(self._file, self._tenants, self._providers)


def demo_users(tenants: tuple[str, ...], providers: tuple[str, ...]) -> dict[str, User]:
    """Make people for a system that names none: each of one tenant in turn, and the last of all."""
    *single, everywhere = DEMO
    users = {
        name: User(name=name, shown=DEMO[name], tenants=tenants[place % len(tenants) :][:1], providers=providers)
        if tenants
        else User(name=name, shown=DEMO[name], providers=providers)
        for place, name in enumerate(single)
    }
    return users | {everywhere: User(name=everywhere, shown=DEMO[everywhere], tenants=tenants, providers=providers)}


def read_users(file: Path, tenants: tuple[str, ...], providers: tuple[str, ...]) -> dict[str, User]:
    """Read the people of a file; whoever names no tenants or providers is of all. All faults come at once."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise FairwayError(
            f"{file}: {error.strerror}. Make it readable, or remove it: there are demo users."
        ) from error
    document, problems = read_document(text, file.name)
    found = list(problems)
    users: dict[str, User] = {}
    if not isinstance(document.value, Mapping) or not document.value:
        fix = "Write a name on each line, as 'ann: {}', or remove the file: there are demo users."
        found.append(Problem(file=file.name, line=document.line, says="it names no users.", fix=fix))
        raise WrongInputError(found)
    for name, value in document.value.items():
        line = document.value.lines[name]
        known = {"tenants": tenants, "providers": providers}
        for says, fix in _faults(name, value, known):
            found.append(Problem(file=file.name, line=line, says=f"user '{name}' {says}", fix=fix))
        if not found:
            assert value is None or isinstance(value, Mapping)
            users[name] = _user(name, value or {}, known)
    if found:
        raise WrongInputError(found)
    return users


def _user(name: str, said: dict[str, Value], known: dict[str, tuple[str, ...]]) -> User:
    return User(
        name=name,
        shown=str(said.get("name") or name),
        tenants=_words(said["tenants"]) if "tenants" in said else known["tenants"],
        scopes=_words(said["scopes"]) if "scopes" in said else None,
        providers=_words(said["providers"]) if "providers" in said else known["providers"],
    )


def _faults(name: str, value: Value, known: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    if not NAME.fullmatch(name):
        yield "has no name for a token.", "Use lower-case letters, digits, '.', '_' and '-', 64 at most."
    if value is None:
        return
    if not isinstance(value, Mapping):
        yield "is no map.", f"Write any of {listed(KEYS)} below it, or {{}}."
        return
    for key in value:
        if key not in KEYS:
            yield f"has '{key}', which nobody reads.", did_you_mean(key, KEYS)
    if not isinstance(value.get("name", ""), str):
        yield "has a name that is no text.", "Put it in quotes."
    for key in KEYS[1:]:
        if key in value:
            yield from _faults_of_words(key, value[key], known.get(key))


def _faults_of_words(key: str, words: Value, known: tuple[str, ...] | None) -> Iterator[tuple[str, str]]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        yield f"has {key} that are no list of words.", f"Write {key}: [one, another]."
        return
    for word in map(str, words):
        if known is None and not SCOPE.fullmatch(word):
            yield f"has the scope '{word}', which no token can name.", "Use letters without spaces, quotes or '\\'."
        if known is not None and word not in known:
            yield f"is of the {key[:-1]} '{word}', which is not declared.", did_you_mean(word, known)


def _words(value: Value) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _version(file: Path | None) -> tuple[int, int] | None:
    try:
        found = file.stat() if file else None
    except FileNotFoundError:
        return None
    return (found.st_mtime_ns, found.st_size) if found else None
