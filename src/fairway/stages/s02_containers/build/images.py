"""Dockerfiles: dependencies in one stage, the service in another without tools; what enters is listed."""

import json
from collections.abc import Iterator
from typing import Final

from fairway import __version__
from fairway.core.artefact import Page
from fairway.core.conditions import MESSAGING
from fairway.core.images import IMAGES
from fairway.core.profile import Landscape, Profile
from fairway.stages.s02_containers import decisions
from fairway_sdk.contract import ADMIN_PORT, GRPC_PORT, REST_PORT

RULE: Final = "containers/docker"
APP: Final = "/opt/app"
CONTINUED: Final = "\\\n        "  # to the next line of a command
PYTHONS: Final = frozenset({"python", "python3"})
# What a running process needs of the base image, by the folder it goes to; its package list tells scanners about it.
KEPT: Final = {
    ".": "/etc /lib* /tmp",
    "usr": "/usr/lib* /usr/local",
    "usr/share": "/usr/share/zoneinfo",
    "var/lib/dpkg": "/var/lib/dpkg/status",
}
TOOLS: Final = (
    "usr/lib/apt",
    "usr/lib/dpkg",
    "usr/lib/*/perl*",
    "usr/local/bin/pip*",
    "usr/local/include",
    "usr/local/lib/python3*/ensurepip",
    "usr/local/lib/python3*/site-packages/pip*",
)


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write the recipe of each image, what may enter it, and how wheels and locks come about."""
    for profile in landscape.services.values():
        if not in_python(profile):
            continue
        folder = f"containers/{profile.name}"
        yield _page(profile, f"{folder}/Dockerfile", RULE, dockerfile(profile))
        ignored = "containers/no-secrets-or-config"
        yield _page(profile, f"{folder}/Dockerfile.dockerignore", ignored, dockerignore(profile))
        if profile.facts.run is None:
            yield _page(profile, f"{folder}/requirements.in", RULE, requirements(profile))
    yield Page(path="containers/README.md", rule=RULE, text=readme(landscape))


def in_python(profile: Profile) -> bool:
    """Tell whether the service is Python, as far as the facts say; any other brings its own Dockerfile."""
    return profile.facts.run is None or profile.facts.run.command[0] in PYTHONS


def dockerfile(profile: Profile) -> str:
    """Write the recipe of a service's image."""
    named, made = decisions.image(profile).value, decisions.build(profile).value
    python, user = IMAGES["python-slim"], f"{made.user}:{made.group}"
    account = (
        f"groupadd --gid {made.group} app \\\n"
        f" && useradd --no-log-init --uid {made.user} --gid {made.group} --no-create-home --home-dir /tmp"
        " --shell /usr/sbin/nologin app"
    )
    if made.runtime == "distroless":
        kept = "".join(f" && cp --archive {what} {folder} \\\n" for folder, what in KEPT.items())
        runtime = f"""# Python and its libraries alone: no shell, no package manager, nothing to build with.
FROM {python} AS runtime
WORKDIR /image
RUN {account} \\
 && mkdir -p {" ".join(folder for folder in KEPT if folder != ".")} \\
{kept} && rm -rf {f" {CONTINUED}".join(TOOLS)}

FROM scratch
COPY --from=runtime /image /"""
    else:
        runtime = f"FROM {python}\nRUN {account}"
    entry, words = _started(profile)
    own = f"""RUN --mount=type=bind,source=wheels,target=/wheels \\
    pip --python {APP}/bin/python install --no-deps --no-index --no-cache-dir /wheels/*.whl \\
 && pip --python {APP}/bin/python check
"""
    return f"""# The image of {profile.name}. Built in the folder that fairway.yaml is in:
#   docker build --file deploy/containers/{profile.name}/Dockerfile --tag {named.repository}:{named.tag} .
# README.md, one folder up, says where wheels/ and requirements.txt come from.

FROM {python} AS dependencies
RUN python -m venv --without-pip {APP}
WORKDIR {APP}/code
COPY {named.folder}/requirements.txt /build/
RUN --mount=type=cache,target=/root/.cache/pip \\
    --mount=type=secret,id=pip,target=/etc/pip.conf \\
    pip --python {APP}/bin/python install --no-deps --require-hashes --requirement /build/requirements.txt
{own if profile.facts.run is None else ""}COPY {named.folder}/ ./
RUN python -m compileall -q {APP}

{runtime}
COPY --from=dependencies {APP} {APP}
ENV PATH={APP}/bin:/usr/local/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR {APP}/code
USER {user}
EXPOSE {" ".join(map(str, _ports(profile)))}
ENTRYPOINT {json.dumps(entry)}
CMD {json.dumps(words)}
"""


def dockerignore(profile: Profile) -> str:
    """List what the build may see: the service's folder and wheels, and of these nothing that is kept out."""
    folder = decisions.image(profile).value.folder
    kept_out = [name if name.startswith("**/") else f"**/{name}" for name in decisions.contents().value]
    return "\n".join(["*", "!wheels/*.whl", f"!{folder}", *kept_out]) + "\n"


def requirements(profile: Profile) -> str:
    """Name the SDK with what the service's stores, broker and flags ask of it, by the path of its wheel."""
    extras = ["service", *sorted({str(store.facts.engine) for store in profile.stores})]
    if "personal" in profile.data and "postgresql" not in extras:
        extras.append("postgresql")  # the keys of persons are kept there
    if MESSAGING(profile).holds:
        extras.append(str(profile.system.platform.broker))
    if profile.facts.flags:
        extras.append("flags")
    wheel = f"./wheels/fairway_sdk-{__version__}-py3-none-any.whl"
    return (
        f"# What {profile.name} needs of the SDK; its own needs stand below, one a line.\n{wheel}[{','.join(extras)}]\n"
    )


def readme(landscape: Landscape) -> str:
    """Tell how images are built, and what must be there before."""
    services = [profile for profile in landscape.services.values() if in_python(profile)]
    others = [name for name, profile in landscape.services.items() if profile not in services]
    python = decisions.PYTHON
    commands = "\n".join(
        f"    uv pip compile --generate-hashes --python-version {python} --no-emit-package fairway-sdk \\\n"
        f"      deploy/containers/{profile.name}/requirements.in --output-file "
        f"{decisions.image(profile).value.folder}/requirements.txt"
        for profile in services
        if profile.facts.run is None
    )
    builds = "\n".join(
        f"    docker build --file deploy/containers/{profile.name}/Dockerfile "
        f"--tag {decisions.image(profile).value.repository}:{decisions.image(profile).value.tag} ."
        for profile in services
    )
    beside = f"\n{', '.join(others)}: not in Python; each brings its own Dockerfile in its folder.\n" if others else ""
    return f"""# Images

Everything here runs in the folder that fairway.yaml is in, with this tree in deploy/.
{beside}
## 1. Wheels

wheels/ holds what no public index has: the SDK and the system's own libraries. Never install fairway or fairway-sdk
by name: on the public index these names are other people's.

    pip wheel --no-deps --wheel-dir wheels PATH-OF-FAIRWAY/sdk PATH-OF-EACH-LIBRARY

## 2. Locks

Each service's requirements.txt has every package of others with one version and its hashes. Write it anew when a
dependency changes, and commit it. Own libraries are left out of it: add `--no-emit-package NAME` for each.

{commands}

## 3. Images

    export DOCKER_BUILDKIT=1
{builds}

A private index goes into a file, never into the image: `--secret id=pip,src=pip.conf`.
"""


def _page(profile: Profile, path: str, rule: str, text: str) -> Page:
    return Page(path=path, rule=rule, service=profile.name, text=text)


def _started(profile: Profile) -> tuple[list[str], list[str]]:
    """Give the words that start the service, and those that another command puts in their place."""
    if profile.facts.run is None:
        module = profile.name.replace("-", "_")
        return ["python", "-m", "fairway_sdk"], ["run", f"{module}.service:service"]
    placed = {"{address}": f"0.0.0.0:{REST_PORT}", "{port}": str(REST_PORT), "{data}": "/tmp"}  # noqa: S108 - the Pod's own
    words = list(profile.facts.run.command[1:])
    for sign, value in placed.items():
        words = [word.replace(sign, value) for word in words]
    return ["python"], words


def _ports(profile: Profile) -> list[int]:
    spoken = ((REST_PORT, profile.rest), (GRPC_PORT, profile.grpc), (ADMIN_PORT, profile.facts.run is None))
    return [port for port, open_ in spoken if open_] or [REST_PORT]
