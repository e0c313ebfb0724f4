"""Dockerfiles: their stages and instructions, each with its line, as the builder reads them."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property

import msgspec

SCRATCH = "scratch"
HEREDOC_WORDS = frozenset({"RUN", "COPY", "ADD"})

_DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(\S+)\s*")
_HEREDOC = re.compile(r"<<(-?)\s*([\"']?)([A-Za-z_][A-Za-z0-9_.]*)\2")
_FLAG = re.compile(r"--([a-z][a-z0-9-]*)(?:=(\"[^\"]*\"|'[^']*'|\S*))?\s+")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?([-+])([^}]*))?\})")
_PAIR = re.compile(r"([A-Za-z_][\w.-]*)=(\"(?:[^\"\\]|\\.)*\"|'[^']*'|(?:[^\s\\]|\\.)*)")


class Instruction(msgspec.Struct, frozen=True, kw_only=True):
    """One instruction: its word in capitals, its flags, and all that follows on one line."""

    word: str
    flags: tuple[tuple[str, str], ...]
    value: str
    line: int
    heredocs: tuple[str, ...] = ()

    def flag(self, name: str) -> str:
        """Give the value of a flag: --from of a COPY; empty where it is not there."""
        return next((value for key, value in self.flags if key == name), "")

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Give the names and values of an ENV, ARG or LABEL; an ARG without a default has an empty one."""
        found = tuple((name, _unquoted(value)) for name, value in _PAIR.findall(self.value))
        if found or self.word == "ARG":
            bare = [] if found else [(word, "") for word in self.value.split()]
            return (*found, *bare)
        name, _, rest = self.value.partition(" ")  # the old form: ENV NAME all that follows
        return ((name, rest.strip()),) if rest else ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Give what a COPY or ADD takes, the last word being where to."""
        if self.value.startswith("["):
            try:
                words = msgspec.json.decode(self.value, type=list[str])
            except (msgspec.DecodeError, msgspec.ValidationError):
                return ()
            return tuple(words)
        return tuple(_unquoted(word) for word in self.value.split())


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: what it starts from and what it does. `base` is empty where only the builder knows it."""

    name: str  # in lower case; empty where it has none
    base: str  # the image, or the name of an earlier stage
    line: int
    instructions: tuple[Instruction, ...]
    parent: int | None  # the earlier stage that it starts from


class Dockerfile(msgspec.Struct, frozen=True, kw_only=True, dict=True, eq=False):
    """A whole Dockerfile."""

    file: str
    arguments: tuple[Instruction, ...]  # ARGs before the first stage
    stages: tuple[Stage, ...]

    @cached_property
    def final(self) -> tuple[Stage, ...]:
        """Give the stages that make up the image: the last one, and all that it starts from or takes whole."""
        found: list[Stage] = []
        at: int | None = len(self.stages) - 1 if self.stages else None
        while at is not None:
            stage = self.stages[at]
            found.append(stage)
            at = stage.parent if stage.parent is not None else self._taken_whole(stage, at)
        return tuple(reversed(found))

    @property
    def image(self) -> str:
        """Name the image that the final stage rests on."""
        return self.final[0].base if self.final else ""

    def instructions(self) -> Iterator[tuple[Instruction, bool]]:
        """Give every instruction, and whether what it does ends up in the image."""
        lines = {stage.line for stage in self.final}
        for stage in self.stages:
            for instruction in stage.instructions:
                yield instruction, stage.line in lines

    def _taken_whole(self, stage: Stage, at: int) -> int | None:
        if stage.base != SCRATCH:
            return None
        for instruction in stage.instructions:
            if instruction.word == "COPY" and instruction.paths in {("/", "/"), (".", "/")}:
                return _stage_named(instruction.flag("from"), self.stages[:at])
        return None


def is_dockerfile(name: str) -> bool:
    """Tell a Dockerfile by its file's name."""
    lower = name.lower()
    if lower.endswith((".dockerignore", ".md", ".txt", ".sh", ".py", ".yaml", ".yml", ".json")):
        return False
    return lower in {"dockerfile", "containerfile"} or lower.startswith("dockerfile.") or lower.endswith(".dockerfile")


def parse(text: str, file: str) -> Dockerfile | None:
    """Read a Dockerfile; None where it holds no stage, as a file that only has the name."""
    before: list[Instruction] = []
    stages: list[Stage] = []
    within: list[Instruction] = []
    known: dict[str, str] = {}
    head: Instruction | None = None
    for instruction in _instructions(text):
        if instruction.word == "FROM":
            if head is not None:
                stages.append(_stage(head, within, stages, known))
            head, within = instruction, []
        elif head is None:
            before.append(instruction)
            known.update(instruction.pairs if instruction.word == "ARG" else ())
        else:
            within.append(instruction)
    if head is None:
        return None
    stages.append(_stage(head, within, stages, known))
    return Dockerfile(file=file, arguments=tuple(before), stages=tuple(stages))


def substitute(text: str, known: Mapping[str, str]) -> str:
    """Put values in the place of variables; empty where one of them is not known."""
    missing = False

    def one(match: re.Match[str]) -> str:
        nonlocal missing
        value, sign, other = known.get(match[1] or match[2], ""), match[3], match[4] or ""
        if sign == "+":
            return other if value else ""
        if not value and sign == "-":
            return other
        missing = missing or not value
        return value

    found = _VARIABLE.sub(one, text)
    return "" if missing else found


def _stage(head: Instruction, within: list[Instruction], before: list[Stage], known: Mapping[str, str]) -> Stage:
    words = head.value.split()
    base = substitute(words[0], known) if words else ""
    name = words[2].lower() if len(words) > 2 and words[1].lower() == "as" else ""  # noqa: PLR2004 - FROM x AS y
    parent = _stage_named(base, before)
    return Stage(name=name, base=base, line=head.line, instructions=tuple(within), parent=parent)


def _stage_named(name: str, stages: "list[Stage] | tuple[Stage, ...]") -> int | None:
    """Find a stage by name, the last of several, or by number."""
    for number in range(len(stages) - 1, -1, -1):
        if name and stages[number].name == name.lower():
            return number
    return int(name) if name.isascii() and name.isdigit() and int(name) < len(stages) else None


def _instructions(text: str) -> Iterator[Instruction]:
    lines = text.lstrip("\ufeff").splitlines()
    escape = _escape(lines)
    at = 0
    while at < len(lines):
        start = at
        whole, at = _joined(lines, at, escape)
        if not whole:
            continue
        word, _, rest = whole.partition(" ") if " " in whole else whole.partition("\t")
        word, rest = word.upper(), rest.strip()
        heredocs: list[str] = []
        if word in HEREDOC_WORDS:
            for begun in _HEREDOC.finditer(rest):
                body, at = _heredoc(lines, at, begun[3], indented=bool(begun[1]))
                heredocs.append(body)
        flags: list[tuple[str, str]] = []
        while (given := _FLAG.match(rest)) is not None:
            flags.append((given[1], _unquoted(given[2] or "")))
            rest = rest[given.end() :]
        yield Instruction(word=word, flags=tuple(flags), value=rest, line=start + 1, heredocs=tuple(heredocs))


def _escape(lines: list[str]) -> str:
    """Read the parser directives at the top; all but the escape character are for the builder alone."""
    for line in lines:
        found = _DIRECTIVE.fullmatch(line.strip())
        if found is None:
            break
        if found[1].lower() == "escape" and found[2] in {"`", "\\"}:
            return found[2]
    return "\\"


def _joined(lines: list[str], at: int, escape: str) -> tuple[str, int]:
    """Join the lines of one instruction; comments and empty lines between them are skipped."""
    parts: list[str] = []
    while at < len(lines):
        line = lines[at].strip()
        at += 1
        if line.startswith("#") or (not line and parts):
            continue
        if not line.endswith(escape):
            parts.append(line)
            break
        parts.append(line[:-1].rstrip())
    return " ".join(filter(None, parts)), at


def _heredoc(lines: list[str], at: int, end: str, *, indented: bool) -> tuple[str, int]:
    body: list[str] = []
    while at < len(lines):
        line = lines[at].lstrip("\t") if indented else lines[at]
        at += 1
        if line == end:
            break
        body.append(line)
    return "\n".join(body), at


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
