"""An image holds neither secrets nor the configuration of an environment.

Layers are never really deleted: a key that was copied in and removed again is still in the image, and in every copy
of it. A value that belongs to one environment makes the tested image a different one from the released image. Both
come from outside, when the container starts.
"""

import re
from collections.abc import Iterator

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.dockerfile import Dockerfile, Instruction
from fairway.estate.finding import found_in
from fairway.estate.index import Estate
from fairway.estate.secret_values import literal_secret
from fairway.estate.settings import varies

SECRET_FILE = re.compile(
    r"(?:^|/)(?:\.env(?:\.(?!example|sample|template|dist)[\w.-]+)?|\.npmrc|\.pypirc|\.netrc|\.git-credentials|"
    r"\.dockercfg|id_(?:rsa|dsa|ecdsa|ed25519)|[\w.-]+\.(?:p12|pfx|jks|keystore)|[\w.-]*private[\w.-]*\.(?:pem|key)|"
    r"[\w.-]+\.key|credentials(?:\.json)?|service-?account[\w.-]*\.json|\.aws|\.ssh)/?$",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(r"(?<![\w-])([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|[^\s;&|\"']+)")
SAMPLE = "x"  # stands for whatever a build argument will be given


def check(estate: Estate) -> Iterator[Finding]:
    """Find secrets, and values of one environment, that a Dockerfile puts into its image. No value is shown."""
    for recipe in estate.dockerfiles:
        for instruction in recipe.arguments:
            yield from _given(estate, recipe, instruction, kept=False)
        for instruction, kept in recipe.instructions():
            match instruction.word:
                case "ENV" | "ARG":
                    yield from _given(estate, recipe, instruction, kept=kept)
                case "COPY" | "ADD":
                    yield from _copied(recipe, instruction, kept=kept)
                case "RUN":
                    yield from _run(recipe, instruction)


def _given(estate: Estate, recipe: Dockerfile, instruction: Instruction, *, kept: bool) -> Iterator[Finding]:
    for name, value in instruction.pairs:
        if "$" in value:
            continue
        what = f"{instruction.word} {name}"
        if why := literal_secret(name, value):
            says = f"{what} puts a secret into the image, and {why}. It stays in its history."
            fix = "Remove it, mount it when the container starts, and change it: it is known."
            yield found_in(RULE.id, recipe.file, instruction.line, instruction.word, says, fix)
        elif instruction.word == "ARG" and not value and (why := literal_secret(name, SAMPLE)):
            says = f"{what} takes a secret as a build argument, and {why}: it stays in the image's history."
            fix = "Use RUN --mount=type=secret, which leaves nothing behind."
            yield found_in(RULE.id, recipe.file, instruction.line, instruction.word, says, fix, warning=not kept)
        elif kept and instruction.word == "ENV" and (why := varies(estate, "", name, value)):
            says = f"{what} is fixed in the image, and {why}."
            fix = "Take it from a ConfigMap when the container starts."
            yield found_in(RULE.id, recipe.file, instruction.line, instruction.word, says, fix)


def _copied(recipe: Dockerfile, instruction: Instruction, *, kept: bool) -> Iterator[Finding]:
    if instruction.flag("from"):
        return
    for path in instruction.paths[:-1]:
        if SECRET_FILE.search(path):
            says = (
                f"{instruction.word} takes {path} into {'the image' if kept else 'a stage'}, which looks like a secret."
            )
            fix = "Name it in .dockerignore; mount it when the container starts, or with RUN --mount=type=secret."
            yield found_in(RULE.id, recipe.file, instruction.line, instruction.word, says, fix, warning=not kept)


def _run(recipe: Dockerfile, instruction: Instruction) -> Iterator[Finding]:
    text = "\n".join((instruction.value, *instruction.heredocs))
    for name, value in _ASSIGNED.findall(text):
        plain = value.strip("\"'")
        if "$" not in plain and (why := literal_secret(name, plain)):
            says = f"RUN sets {name}, and {why}. It stays in the image's history."
            fix = "Use RUN --mount=type=secret, and change it: it is known."
            yield found_in(RULE.id, recipe.file, instruction.line, "RUN", says, fix)
            return
    for word in text.split():
        if "://" in word and (why := literal_secret("", word.strip("\"'"))):
            says = f"RUN names an address, and {why}. It stays in the image's history."
            fix = "Use RUN --mount=type=secret, and change it: it is known."
            yield found_in(RULE.id, recipe.file, instruction.line, "RUN", says, fix)
            return


RULE = Rule(
    id="containers/no-secrets-or-config",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="all layers and the environment of the image are searched for planted values",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="containers/orders/Dockerfile",
            old="USER 65532:65532\n",
            new="ENV LEDGER_PASSWORD=open-sesame\nUSER 65532:65532\n",
        ),
        Edit(
            path="containers/orders/Dockerfile",
            old="USER 65532:65532\n",
            new="COPY services/orders/.env ./\nUSER 65532:65532\n",
        ),
    ),
)
