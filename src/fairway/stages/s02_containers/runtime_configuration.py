"""A service that is configured at run time uses one image everywhere, and its routes are settled first.

An image that must be rebuilt for each environment was never tested in the form in which it is released. What such a
service reads when it starts includes where others are found, so routing is settled before it is set up. A schema
refuses a wrong value at the start, where it is cheap.
"""

import re
from collections.abc import Iterator

from fairway.core.conditions import CONFIGURED_AT_RUN_TIME
from fairway.core.rule import Edit, Finding, Proof, Rule
from fairway.estate.dockerfile import Dockerfile
from fairway.estate.finding import found, found_in
from fairway.estate.images import image_name
from fairway.estate.index import Estate
from fairway.estate.settings import ENVIRONMENTS

CHOOSES = frozenset({"ENV", "ENVIRONMENT", "STAGE", "PROFILE", "DEPLOY_ENV", "APP_ENV", "BUILD_ENV", "TARGET_ENV"})
"""Build arguments that say for which environment an image is."""
WORDS = ENVIRONMENTS - {"test", "testing", "development", "dev", "integration", "live"}  # those also name products
_WORD = re.compile(r"[a-z]+(?:-prod)?")


def check(estate: Estate) -> Iterator[Finding]:
    """Find images that are built for one environment."""
    for recipe in estate.dockerfiles:
        yield from _chosen(recipe)
    for workload in estate.workloads:
        for container in workload.containers:
            image = image_name(container.image)
            ends = (
                image.name.rpartition("-")[2],
                image.tag.lower().partition("-")[0],
                image.tag.lower().rpartition("-")[2],
            )
            if word := next((end for end in ends if end in WORDS), ""):
                says = f"image {container.image} is one for '{word}': what was tested is another image."
                fix = "Run one image everywhere, and give it its settings when it starts."
                yield found(RULE.id, container.node, "image", says, fix, warning=True)


def _chosen(recipe: Dockerfile) -> Iterator[Finding]:
    kept = [one for stage in recipe.final for one in stage.instructions]
    for instruction in kept:
        for name, _ in instruction.pairs if instruction.word == "ARG" else ():
            uses = re.compile(rf"\$(?:{name}\b|\{{{name}[}}:])")
            used = next((one for one in kept if one.word in {"COPY", "ADD", "ENV"} and uses.search(one.value)), None)
            if name.upper() in CHOOSES and used is not None:
                says = (
                    f"ARG {name} chooses what {used.word} on line {used.line} puts into the image: one image for each"
                )
                fix = "Take it when the container starts, from a ConfigMap."
                yield found_in(RULE.id, recipe.file, instruction.line, "ARG", f"{says} environment.", fix)


RULE = Rule(
    id="containers/runtime-configuration",
    applies=CONFIGURED_AT_RUN_TIME,
    proof=Proof.STATIC,
    check=check,
    breaks=(
        Edit(
            path="containers/storefront/Dockerfile",
            old="USER 65532:65532\n",
            new="ARG STAGE\nCOPY services/storefront/settings.$STAGE.yaml settings.yaml\nUSER 65532:65532\n",
        ),
    ),
)
