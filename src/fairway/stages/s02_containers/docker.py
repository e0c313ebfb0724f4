"""Every service runs from a container image with a fixed version and without root.

An image is the one thing that is built once and runs the same on every machine. A tag that moves, such as latest,
means that nobody can say what runs or go back to what ran. A process that is root inside its container is one
kernel fault away from being root outside.
"""

from collections.abc import Iterator

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.container import Container
from fairway.estate.dockerfile import SCRATCH, Dockerfile
from fairway.estate.finding import found, found_in
from fairway.estate.images import image_name
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.workload import Workload

ROOT_BASES = frozenset(
    "almalinux alpine amazoncorretto busybox centos debian eclipse-temurin "  # noqa: SIM905 - words read better
    "fedora golang gradle httpd maven nginx node openjdk php python rockylinux ruby rust scratch static ubuntu".split()
)
"""Images that are known to run as root unless told otherwise; of others nobody can tell."""
RESTRICTED = "pod-security.kubernetes.io/enforce"


def check(estate: Estate) -> Iterator[Finding]:
    """Find images without a fixed version, and what runs as root."""
    refusing = {
        resource.name for resource in estate.of_kind("Namespace", "") if resource.labels.get(RESTRICTED) == "restricted"
    }
    for workload in estate.workloads:
        for container in workload.every_container:
            yield from _floating(container)
        if workload.kind != "DaemonSet":  # agents of a node are often root there, which is their work
            yield from _root(workload, refused=workload.namespace in refusing)
    for recipe in estate.dockerfiles:
        yield from _bases(recipe)
        yield from _user(recipe)


def _floating(container: Container) -> Iterator[Finding]:
    if container.image and (why := image_name(container.image).floating):
        says = f"image {container.image} of container '{container.name}' {why}: nobody can say what runs."
        yield found(RULE.id, container.node, "image", says, "Name a version, or better a digest.")


def _root(workload: Workload, *, refused: bool) -> Iterator[Finding]:
    pod = workload.pod.mapping("securityContext")
    unsaid: list[str] = []
    for container in workload.every_container:
        own = container.node.mapping("securityContext")
        user = _said(own, pod, "runAsUser")
        if user is not None and user.number("runAsUser") == 0:
            says = f"container '{container.name}' runs as root."
            yield found(RULE.id, user, "runAsUser", says, "Give it another user, and runAsNonRoot: true.")
        elif user is None and not refused:
            other = _said(own, pod, "runAsNonRoot")
            if other is None or not other.flag("runAsNonRoot"):
                unsaid.append(container.name)
    if unsaid:
        says = f"nothing keeps container '{unsaid[0]}'"
        says += f" and {len(unsaid) - 1} more" if len(unsaid) > 1 else ""
        fix = "Set securityContext.runAsNonRoot: true on the Pod, and a user in the image."
        yield found(RULE.id, workload.pod, "securityContext", f"{says} from running as root.", fix, warning=True)


def _said(own: Node, pod: Node, key: str) -> Node | None:
    return own if own.has(key) else pod if pod.has(key) else None


def _bases(recipe: Dockerfile) -> Iterator[Finding]:
    last = recipe.final[0] if recipe.final else None
    for stage in recipe.stages:
        if stage.parent is None and stage.base not in {"", SCRATCH} and (why := image_name(stage.base).floating):
            says = f"the image starts from {stage.base}, which {why}: two builds of one version may differ."
            yield found_in(
                RULE.id,
                recipe.file,
                stage.line,
                "FROM",
                says,
                "Name a version, or better a digest.",
                warning=stage is not last,
            )


def _user(recipe: Dockerfile) -> Iterator[Finding]:
    users = [one for stage in recipe.final for one in stage.instructions if one.word == "USER"]
    if users:
        name = users[-1].value.partition(":")[0]
        if name in {"root", "0"}:
            says = "the image runs as root: this is the last USER."
            yield found_in(RULE.id, recipe.file, users[-1].line, "USER", says, "End with another user, by number.")
        return
    base = image_name(recipe.image)
    if base.name in ROOT_BASES and "nonroot" not in base.tag:
        says = f"no USER is named, and {recipe.image} leaves the image as root."
        line = recipe.stages[-1].line
        yield found_in(RULE.id, recipe.file, line, "USER", says, "Add a USER, by number.", warning=True)


RULE = Rule(
    id="containers/docker",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="its image builds and starts",
    places=(Place.LOCAL, Place.CLUSTER),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/deployment.yaml",
            old="image: registry.bookshop.example.com/bookshop/orders:1.0.0",
            new="image: registry.bookshop.example.com/bookshop/orders:latest",
        ),
        Edit(path="containers/orders/Dockerfile", old="USER 65532:65532\n", new="USER root\n"),
    ),
)
