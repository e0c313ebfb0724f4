"""Scans of images in pipelines, and whether what one finds can stop its pipeline."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from fairway.estate.pipelines import Pipeline
from fairway.estate.steps import Step, steps

OTHERS: Final = re.compile(  # scanners of images that fail by themselves, or whose own service decides
    r"snyk/actions/(?!setup)|snyk container test|docker scan\b|\bclair|klar\b|anchorectl|anchore-cli|wiz-?cli|twistcli|"
    r"prisma-?cloud|sysdig|lacework|lw-scanner|aqua-?scanner|scannercli|describe-image-scan-findings|amazon-inspector|"
    r"container-?scan(?!ning)|image-?scan|scan-?image|scan-?container|jf docker scan|jfrog|xray|neuvector|qualys|"
    r"veracode|blackduck|synopsys|\bmend (?:image|sca)\b|whitesource|osv-scanner[^\n]*(?:docker|image)|"
    r"kubescape[^\n]*image|docker images scan|crowdstrike|falcon|orca-?cli|tenable|nexus-?iq|"
    r"checkov[^\n]*--docker-image|\b(?:make|just|task|mage|run)\s+[^\n]*(?:scan|trivy|grype)|"
    r"(?:scan|trivy|grype)[\w-]*\.(?:sh|py|ps1)\b",
    re.IGNORECASE,
)
UNSEEN: Final = re.compile(r"trivy|grype|snyk|scan|secur|vuln|cve", re.IGNORECASE)  # names of what is not here
TEMPLATE: Final = re.compile(r"container[-_]scanning", re.IGNORECASE)  # GitLab's own, which may always fail
TRIVY_OF_IMAGES: Final = frozenset({"image", "i", "rootfs", "sbom"})
TRIVY_OF_OTHERS: Final = frozenset(
    "fs filesystem config conf repo repository k8s kubernetes vm aws server client plugin version clean convert "  # noqa: SIM905 - words read better without quotes
    "registry module vex --version -v --help -h --download-db-only --reset --clear-cache".split()
)
LISTS: Final = frozenset({"cyclonedx", "spdx", "spdx-json", "github"})  # formats that list contents, and judge nothing
SEVERE: Final = frozenset({"HIGH", "CRITICAL"})
REPORT: Final = re.compile(r"(?:--output|--output-file|--file|-o)[ =]+([\w./$-]+\.\w+)|>\s*([\w./$-]+\.\w+)")
LENIENT: Final = re.compile(r"\s*(?:true|:|exit 0|/bin/true|echo\b)")
PUSHES: Final = re.compile(
    r"\b(?:docker|podman|buildah|nerdctl|crane|img)(?: image| manifest| compose)? push\b|--push\b|--publish\b|"
    r"\bko (?:build|publish|apply|resolve)\b|\bjib:build\b|\bgradlew?\b[^\n]*\bjib\b|\bskaffold (?:run|build)\b|"
    r"kaniko/executor(?![^\n]*--no-push)|gcloud builds submit|spring-boot:build-image[^\n]*publish",
    re.IGNORECASE,
)
PUSHING: Final = re.compile(r"push-to-registry$|publish-docker-github-action$", re.IGNORECASE)
BUILDERS: Final = re.compile(r"/(?:build-push|bake)-action$")

_SEGMENT = re.compile(r"([^;&|\n]+)(\|\||&&|\||;|\n|&|$)")
_IMAGE = re.compile(r"(?:^|/)(trivy|grype|docker-scout|scout-cli)(?:[:@]\S*)?$")
_ASSIGNED = re.compile(r"\w+=\S*$")
_HANDLED: Final = frozenset({"if", "elif", "while", "until", "!"})
_BEFORE: Final = frozenset({"then", "do", "else", "time", "sudo", "exec", "command", "env", "(", "{", "-"})


class Scan(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A step that looks for known faults in an image."""

    step: Step
    line: int
    harmless: str  # why nothing that it finds stops the pipeline; empty where something may


def pushes(step: Step) -> bool:
    """Tell whether a step brings an image to a registry, at least sometimes."""
    if step.uses.startswith("docker/"):  # which build, and push only where they are told to
        outputs = step.given.get("outputs", "")
        asked = step.given.get("push", "false").lower() != "false" or "push=true" in outputs or "registry" in outputs
        return asked and BUILDERS.search(step.uses) is not None
    return PUSHING.search(step.uses) is not None or bool(PUSHES.search(_joined(step.text)))


def image_scans(pipelines: Iterable[Pipeline]) -> Iterator[Scan]:
    """Give every scan of an image. Where its outcome is looked at in a way that is not followed, it may stop."""
    every = tuple(pipelines)
    told = any(not _off(one.root.get(key)) for one in every for key in ("exit-code", "fail-on-severity"))
    for one in every:
        listed = tuple(steps(one))
        texts = "\n".join(f"{step.text}\n{step.given.get('script', '')}" for step in listed)
        for step in listed:
            for line, why in _found(step):
                harmless = f"'{step.ignored}' lets the pipeline go on" if step.ignored else "" if told else why
                yield Scan(step=step, line=line, harmless="" if _looked_at(step, texts) else harmless)


def _looked_at(step: Step, texts: str) -> bool:
    """Tell whether a script reads the report of a scan, or another step asks how it ended."""
    written = [step.given.get("output", ""), step.given.get("output-file", "")]
    written += [name for found in REPORT.findall(step.text) for name in found]
    once = 1 if step.text else 0  # where it is written
    if any(texts.count(name) > once for name in written if name):
        return True
    return bool(step.name) and f"steps.{step.name}.out" in str(step.pipeline.root)


def _found(step: Step) -> Iterator[tuple[int, str]]:
    """Give each scan of a step by its line, and why it stops nothing."""
    if step.uses:
        why = _action(step)
        if why is not None:
            yield step.line, why
        return
    for text, line in step.script:
        found = [why for words, after in _segments(text) if (why := _command(step, words, after)) is not None]
        yield from ((line, why) for why in found)
        if not found and OTHERS.search(text):
            yield line, ""


def _action(step: Step) -> str | None:
    """Say why a scan by an action stops nothing; empty where it may, None where it is no scan of an image."""
    name = step.uses.lower()
    for ending, ask in ACTIONS.items():
        if name.endswith(ending):
            return ask(step)
    if TEMPLATE.search(name):
        own = step.pipeline.root.get("container_scanning")
        stops = isinstance(own, dict) and own.get("allow_failure") is False and "script" in own
        return "" if stops else "GitLab's template lets the pipeline go on whatever it finds"
    unseen = name.startswith(("./", "docker:")) or "/workflows/" in name
    return "" if OTHERS.search(name) or (unseen and UNSEEN.search(name)) else None


def _trivy_action(step: Step) -> str | None:
    given = step.given
    if given.get("scan-type", "image") not in TRIVY_OF_IMAGES or given.get("format") in LISTS:
        return None
    if "scanners" in given and "vuln" not in given["scanners"]:
        return None
    code = given.get("exit-code") or step.variables.get("TRIVY_EXIT_CODE")
    severities = given.get("severity") or step.variables.get("TRIVY_SEVERITY", "")
    return "" if "trivy-config" in given else _trivy(code, severities)


def _anchore_action(step: Step) -> str | None:
    if "path" in step.given:
        return None
    return "'fail-build' is false" if step.given.get("fail-build", "").lower() == "false" else ""


def _scout_action(step: Step) -> str | None:
    if not re.search(r"cves|compare", step.given.get("command", "")):
        return None
    ends_well = step.given.get("exit-code", "").lower() in {"", "false"} and "exit-on" not in step.given
    return "Docker Scout ends well whatever it finds, unless 'exit-code' is true" if ends_well else ""


ACTIONS: Final = {
    "/trivy-action": _trivy_action,
    "anchore/scan-action": _anchore_action,
    "/scout-action": _scout_action,
}


def _command(step: Step, words: Sequence[str], after: str) -> str | None:
    """Say why a scan by a command stops nothing; empty where it may, None where it is no scan of an image."""
    handled = bool(words) and words[0] in _HANDLED
    tool, rest = _tool(words)
    why: str | None = None
    if tool == "trivy":
        kind = next((word for word in rest if word in TRIVY_OF_IMAGES | TRIVY_OF_OTHERS), "image" if rest else "fs")
        if kind in TRIVY_OF_IMAGES and not LISTS & {_option(rest, "--format"), _option(rest, "-f")}:
            set_here = step.variables.get("TRIVY_EXIT_CODE") or ("1" if "TRIVY_EXIT_CODE=" in step.text else None)
            code = _option(rest, "--exit-code") or set_here
            asked = _option(rest, "--severity") or _option(rest, "-s") or step.variables.get("TRIVY_SEVERITY", "")
            why = "" if _option(rest, "--config") or _option(rest, "-c") else _trivy(code, asked)
    elif tool == "grype" and rest and rest[0] not in {"db", "version", "completion", "config", "explain"}:
        if not any(word.startswith(("dir:", "file:", ".", "--version", "-h", "--help")) for word in rest):
            fails = any(word.startswith(("--fail-on", "-f", "-c", "--config")) for word in rest)
            fails = fails or "GRYPE_FAIL_ON_SEVERITY" in step.variables or "GRYPE_FAIL_ON" in step.text
            why = "" if fails else "grype ends well whatever it finds, unless '--fail-on' names a severity"
    elif tool == "scout" and rest and rest[0] in {"cves", "compare"} and "fs://" not in " ".join(rest):
        asked_for = any(word.startswith(("--exit-code", "-e", "--exit-on", "-x")) for word in rest)
        why = "" if asked_for else "Docker Scout ends well whatever it finds, without '--exit-code'"
    if why is None or handled:
        return why if why is None else ""
    return f"'|| {after}' hides how it ends" if after else why


def _trivy(code: str | None, severities: str) -> str:
    if _off(code):
        given = "Trivy ends well whatever it finds, unless 'exit-code' is above 0"
        return "its exit code is set to 0" if code else given
    wanted = {word.strip().upper() for word in severities.split(",")} - {""}
    if wanted and "$" not in severities and not wanted & SEVERE:
        return f"it only looks for {', '.join(sorted(wanted)).lower()} severity"
    return ""


def _tool(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Name the scanner that a command runs, by itself or in a container, and what it is told."""
    start = 0
    while start < len(words) and (words[start] in _BEFORE | _HANDLED or _ASSIGNED.match(words[start])):
        start += 1
    rest = words[start:]
    if not rest:
        return "", ()
    first = rest[0].rpartition("/")[2]
    if first in {"docker", "podman", "nerdctl"} and len(rest) > 1:
        if rest[1] == "scout":
            return "scout", rest[2:]
        if rest[1] == "run":
            for number, word in enumerate(rest):
                if found := _IMAGE.search(word):
                    return ("scout" if "scout" in found[1] else found[1]), rest[number + 1 :]
        return "", ()
    return ({"docker-scout": "scout"}.get(first, first), rest[1:]) if first else ("", ())


def _segments(text: str) -> Iterator[tuple[list[str], str]]:
    """Give the commands of a script as words, each with what is done instead where it fails."""
    joined = _joined(text)
    for found in _SEGMENT.finditer(joined):
        lenient = LENIENT.match(joined, found.end()) if found[2] == "||" else None
        yield [word.strip("'\"") for word in found[1].split()], lenient[0].strip() if lenient else ""


def _joined(text: str) -> str:
    return re.sub(r"\\\s*\n\s*", " ", text)


def _option(words: Sequence[str], name: str) -> str | None:
    for number, word in enumerate(words):
        if word == name and number + 1 < len(words):
            return words[number + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2].strip("'\"")
    return None


def _off(code: object) -> bool:
    """Tell whether an exit code is none, or 0; one that is computed may be above."""
    return code is None or str(code).strip("'\" ") in {"", "0"}
