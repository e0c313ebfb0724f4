"""Build tools stay out of the image that runs.

Compilers, package managers and their caches are of no use to a running service, but of much use to an intruder.
They also make up most of an image's size and most of what a scanner finds in it. A second stage that copies only
the results leaves all of that behind.
"""

import re
from collections.abc import Iterator

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.dockerfile import Dockerfile, Instruction
from fairway.estate.finding import found_in
from fairway.estate.images import ImageName, image_name
from fairway.estate.index import Estate

BUILDERS = frozenset(
    "buildpack-deps cargo clang composer gcc golang gradle haskell kaniko "  # noqa: SIM905 - words read better
    "maven rust sbt sdk swift".split()
)
"""Images that are there to build with."""
WITH_COMPILERS = frozenset({"elixir", "erlang", "node", "perl", "php", "python", "ruby"})
"""Images that hold compilers, but not in their small variants."""
SMALL = ("slim", "alpine", "distroless")
KITS = frozenset({"amazoncorretto", "eclipse-temurin", "ibm-semeru-runtimes", "openjdk", "sapmachine", "zulu-openjdk"})
PACKAGES = frozenset(
    "build-base build-essential cargo clang cmake g++ gcc go golang gradle make maven rust rustc".split()  # noqa: SIM905
)
_BUILDS = re.compile(
    r"\b(go (?:build|install)|mvn(?:w)?|gradlew?|cargo (?:build|install)|dotnet (?:build|publish)|make(?= |$|;|&)|"
    r"cmake|g\+\+|gcc|(?:npm|yarn|pnpm)(?: run)? build|webpack)(?=\s|$|;|&)"
)
_FETCHES = re.compile(
    r"\b((?:pip3?|python3? -m pip|uv pip) install|uv sync|poetry install|pipenv install|(?:npm|pnpm) (?:ci|install|i)|"
    r"yarn(?: install)?(?=\s*(?:$|&|;|--))|bundle install|composer install)\b"
)
_ADDS = re.compile(r"\b(?:apt-get|apt|apk|yum|dnf|microdnf|zypper)\b[^;&|]*?\b(?:install|add)\b([^;&|]*)")
_REMOVES = re.compile(r"\b(?:apk del|(?:apt-get|apt|yum|dnf|microdnf|zypper)\b[^;&|]*?\b(?:purge|remove|autoremove))\b")


def check(estate: Estate) -> Iterator[Finding]:
    """Find images whose last stage builds, or holds what builds; one finding an image."""
    for recipe in estate.dockerfiles:
        for line, word, what in _tools(recipe):
            several = len(recipe.final) < len(recipe.stages)
            says = f"{what}: build tools{'' if several else ', in the only stage,'} end up in the image that runs."
            fix = "Build in a stage of its own, and copy from it only what runs (COPY --from)."
            yield found_in(RULE.id, recipe.file, line, word, says, fix)
            break


def _tools(recipe: Dockerfile) -> Iterator[tuple[int, str, str]]:
    if recipe.final and (what := _brought(image_name(recipe.image))):
        yield recipe.final[0].line, "FROM", f"{recipe.image} {what}"
    for stage in recipe.final:
        for instruction in stage.instructions:
            if instruction.word == "RUN":
                words = " ".join((instruction.value, *instruction.heredocs))
                for what in _done(words, alone=len(recipe.final) == len(recipe.stages)):
                    yield instruction.line, "RUN", what
                if (left := _left(instruction, words, recipe)) is not None:
                    yield instruction.line, "RUN", left


def _brought(image: ImageName) -> str:
    """Say what an image brings to build with."""
    tag = image.tag.lower()
    if image.name in BUILDERS:
        return "is made to build with"
    if image.name in WITH_COMPILERS and not any(small in tag or small in image.name for small in SMALL):
        return "holds compilers; only its small variants do not"
    if image.name in KITS and not any(word in tag for word in ("jre", "headless", "-al2023-headless")):
        return "is a development kit"
    return ""


def _done(words: str, *, alone: bool) -> Iterator[str]:
    if match := _BUILDS.search(words):
        yield f"'{match[1]}' builds here"
    added = [word for match in _ADDS.finditer(words) for word in match[1].split() if not word.startswith("-")]
    tools = [word for word in added if word.partition("=")[0] in PACKAGES or word.endswith(("-dev", "-devel"))]
    if tools and not _REMOVES.search(words):
        yield f"{listed(tools)} {'is' if len(tools) == 1 else 'are'} installed and stay{'s' if len(tools) == 1 else ''}"
    if alone and (match := _FETCHES.search(words)):
        yield f"'{match[1]}' runs here"


def _left(instruction: Instruction, words: str, recipe: Dockerfile) -> str | None:
    """Say that pip leaves its cache, where it does."""
    if not re.search(r"\bpip3? install\b", words) or "--no-cache-dir" in words or "/.cache" in words:
        return None
    if any(key == "mount" and "type=cache" in value for key, value in instruction.flags):
        return None
    every = (one for stage in recipe.final for one in stage.instructions if one.word == "ENV")
    if any(name == "PIP_NO_CACHE_DIR" for one in every for name, _ in one.pairs):
        return None
    return "'pip install' leaves its cache"


RULE = Rule(
    id="containers/multi-stage",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="the built image holds no compiler and no package cache",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="containers/orders/Dockerfile",
            old="FROM scratch\nCOPY --from=runtime /image /\n",
            new="FROM python:3.13.11-slim-trixie\nRUN apt-get update && apt-get install -y gcc libpq-dev\n",
        ),
    ),
)
