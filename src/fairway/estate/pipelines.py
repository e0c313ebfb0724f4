"""Pipelines of GitHub Actions and GitLab CI: what they run, as far as their files say."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from fairway.yaml.reader import Mapping, Sequence, Value, read_documents

HIDDEN: Final = (
    ".github/workflows/*.yml",
    ".github/workflows/*.yaml",
    ".gitlab-ci.yml",
    ".gitlab-ci.yaml",
    ".grype.yaml",
    ".grype/config.yaml",
)
GITLAB: Final = ("gitlab-ci.yml", "gitlab-ci.yaml")
SCRIPTS: Final = frozenset({"after_script", "before_script", "run", "script"})
NAMED: Final = frozenset({"component", "image", "local", "project", "remote", "template", "uses"})
LARGEST: Final = 1 << 20
SETTINGS: Final = ("trivy.yaml", "trivy.yml", ".grype.yaml", ".grype/config.yaml")
"""Settings of scanners, which count for the pipelines beside them."""
SCANS: Final = re.compile(
    r"trivy|grype|snyk|clair\b|anchore|docker scout|scout-action|osv-scanner|pip-audit|govulncheck|"
    r"(?:npm|yarn|pnpm|cargo) audit|dependency-check|dependency-review|scan|semgrep|bandit|gosec|codeql|checkov|"
    r"kics|gitleaks|trufflehog|sonar|twistlock|prisma|aquasec|wiz-?cli|mend\b|whitesource|blackduck|security/",
    re.IGNORECASE,
)
"""Words of what looks for known faults or secrets, in code or in images."""
INSTALLS: Final = re.compile(  # having a tool is not using it
    r"\b(?:apk|apt(?:-get)?|brew|cargo|composer|gem|go|npm|pip3?|pnpm|poetry|uv|yarn) (?:-\S+ )*"
    r"(?:add|ci|get|install)\b[^\n;&|]*"
)
# What a line starts whose content is in no file that is read here.
_SCRIPT = re.compile(
    r"(?:^|[;&|(]\s*|\b(?:bash|sh|sudo|exec)\s+)(?:\./|\S+/)?[\w./$@{}-]+\.(?:sh|bash|ps1|py|rb|js|ts)\b"
    r"|(?:^|[;&|(]\s*)(?:make|just|task|rake|earthly|bazel|nox|tox|dagger|(?:npm|pnpm|yarn)\s+run)\b",
    re.MULTILINE,
)


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a pipeline does: lines of a script, an action, an image or something included; and its line."""

    key: str
    text: str
    line: int


class Pipeline(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One file of a pipeline, or of the settings of a scanner, which runs nothing by itself."""

    file: str
    line: int  # where its jobs begin
    commands: tuple[Command, ...]
    root: Mapping

    @property
    def unseen(self) -> bool:
        """Tell whether it runs something whose content is elsewhere: scripts, workflows of others, what is included."""
        for command in self.commands:
            if command.key in SCRIPTS and _SCRIPT.search(command.text):
                return True
            if command.key in {"component", "project", "remote", "template"}:
                return True
            if command.key == "uses" and (
                command.text.startswith("./.github/actions") or "/workflows/" in command.text
            ):
                return True
        return False

    def does(self, words: re.Pattern[str]) -> bool:
        """Tell whether one of its commands has these words; what only installs something does nothing."""
        return any(words.search(INSTALLS.sub("", command.text)) for command in self.commands)


def hidden(roots: Iterable[str]) -> Iterator[Path]:
    """Find the pipeline files at their known places below each root, which are hidden."""
    for root in roots:
        for pattern in HIDDEN:
            yield from sorted(path for path in Path(root).glob(pattern) if path.is_file())


def pipeline(data: bytes, path: str, shown: str) -> Pipeline | None:
    """Read a file as a pipeline; None where it is none."""
    gitlab, settings = path.endswith(GITLAB), path.endswith(SETTINGS)
    shaped = b"jobs:" in data and (b"steps:" in data or b"uses:" in data)
    if len(data) > LARGEST or not (gitlab or settings or shaped):
        return None
    for document in read_documents(data, shown).documents:
        value = document.value
        if not isinstance(value, Mapping) or "apiVersion" in value:
            continue
        jobs = value.get("jobs")
        if gitlab or (isinstance(jobs, Mapping) and any(map(_job, jobs.values()))):
            line = value.lines.get("jobs", value.line)
            commands = tuple(_commands(value, int(value.line)))
            return Pipeline(file=shown, line=int(line), commands=commands, root=value)
        if settings:
            return Pipeline(file=shown, line=int(value.line), commands=(), root=value)
    return None


def _job(value: Value) -> bool:
    return isinstance(value, Mapping) and ("steps" in value or "uses" in value)


def _commands(value: Value, line: int, key: str = "") -> Iterator[Command]:
    if isinstance(value, Mapping):
        for inner, found in value.items():
            # What is given to an action says what that does: a scan-type, a path.
            name = key if key in SCRIPTS and inner not in SCRIPTS | NAMED else inner
            yield from _commands(found, int(value.lines[inner]), "uses" if key == "with" else name)
    elif isinstance(value, Sequence):
        for found, at in zip(value, value.lines, strict=True):
            yield from _commands(found, int(at), key)
    elif isinstance(value, str) and (key in SCRIPTS or key in NAMED or key in {"include", "name"}):
        yield Command(key="local" if key == "include" else key, text=value, line=line)
