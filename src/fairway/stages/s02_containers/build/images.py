"""Dockerfiles: dependencies in one stage, the service in another without tools; what enters is listed."""

import json
from collections.abc import Iterator
from typing import Final

from fairway import __version__
from fairway.core import programs
from fairway.core.artefact import Page
from fairway.core.conditions import MESSAGING
from fairway.core.facts import Run
from fairway.core.images import IMAGES
from fairway.core.profile import Landscape, Profile
from fairway.stages.s02_containers import decisions
from fairway.stages.s02_containers.build import runtime
from fairway_sdk.contract import ADMIN_PORT, GRPC_PORT, REST_PORT

RULE: Final = "containers/docker"
APP: Final = "/opt/app"
PYTHONS: Final = frozenset({"python", "python3"})
NODES: Final = frozenset({"node"})  # npm and its like stay in the stage before


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write the recipe of each image, what may enter it, and how wheels and locks come about."""
    for profile in landscape.services.values():
        folder = f"containers/{profile.name}"
        if not (in_python(profile) or in_node(profile)):
            yield _page(profile, f"{folder}/README.md", RULE, asked_of_image(profile))
            continue
        yield _page(profile, f"{folder}/Dockerfile", RULE, dockerfile(profile) if in_python(profile) else node(profile))
        ignored = "containers/no-secrets-or-config"
        yield _page(profile, f"{folder}/Dockerfile.dockerignore", ignored, dockerignore(profile))
        if profile.facts.run is None:
            yield _page(profile, f"{folder}/requirements.in", RULE, requirements(profile))
    yield Page(path="containers/README.md", rule=RULE, text=readme(landscape))


def in_python(profile: Profile) -> bool:
    """Tell whether the service is Python, as far as the facts say."""
    return profile.facts.run is None or profile.facts.run.command[0] in PYTHONS


def in_node(profile: Profile) -> bool:
    """Tell whether the service is run by Node, as far as the facts say; all further languages bring a Dockerfile."""
    return profile.facts.run is not None and profile.facts.run.command[0] in NODES


def dockerfile(profile: Profile) -> str:
    """Write the recipe of a service's image."""
    named, made = decisions.image(profile).value, decisions.build(profile).value
    python, user = IMAGES["python-slim"], f"{made.user}:{made.group}"
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

{runtime.stage(made, python, "Python", runtime.PYTHON_TOOLS, runtime.PYTHON_KEPT)}
COPY --from=dependencies {APP} {APP}
ENV PATH={APP}/bin:/usr/local/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR {_folder(profile)}
USER {user}
EXPOSE {" ".join(map(str, _ports(profile)))}
ENTRYPOINT {json.dumps(entry)}
CMD {json.dumps(words)}
"""


def node(profile: Profile) -> str:
    """Write the recipe of the image of a program for Node; where nothing is locked, it needs no package."""
    run, named, made = profile.facts.run, decisions.image(profile).value, decisions.build(profile).value
    assert run is not None
    base = IMAGES["node-slim"]
    return f"""# The image of {profile.name}. Built in the folder that fairway.yaml is in:
#   docker build --file deploy/containers/{profile.name}/Dockerfile --tag {named.repository}:{named.tag} .

FROM {base} AS dependencies
WORKDIR {APP}/code
COPY {named.folder}/ ./
RUN --mount=type=cache,target=/root/.npm \\
    --mount=type=secret,id=npm,target=/root/.npmrc \\
    if [ -f package-lock.json ]; then npm ci && npm run build --if-present && npm prune --omit=dev; fi

{runtime.stage(made, base, "Node", runtime.NODE_TOOLS, runtime.NODE_KEPT)}
COPY --from=dependencies {APP} {APP}
ENV PATH=/usr/local/bin NODE_ENV=production
WORKDIR {_folder(profile)}
USER {made.user}:{made.group}
EXPOSE {" ".join(map(str, _ports(profile)))}
CMD {json.dumps(_words(run))}
"""


def asked_of_image(profile: Profile) -> str:
    """Say what the image of a program must hold whose language we do not know how to build."""
    run, named, made = profile.facts.run, decisions.image(profile).value, decisions.build(profile).value
    assert run is not None
    words = [f"`{' '.join(run.command)}`", *([f"`{' '.join(run.migrate)}`"] if run.migrate else [])]
    listens = "- It listens at `HOST` and `PORT`, as its variables say; nobody reaches another port.\n"
    return f"""# The image of {profile.name}

Its command is `{run.command[0]}`, which tells too little to write a Dockerfile: keep one in {named.folder}.

    docker build --tag {named.repository}:{named.tag} {named.folder}

The cluster runs it like this, so the image has to allow for it:

- It is started by {" and ".join(words)}, whatever its entry point says. `{run.command[0]}` is on its `PATH`, and its
  `WORKDIR` is where {"this works" if run.folder is None else f"the folder {run.folder} of the code is"}.
- It runs as user {made.user}:{made.group}, without any capability, and cannot become another one.
- Its file system cannot be written to. `/tmp` can: 64 MiB, gone with the Pod.
{listens if programs.listens(profile) else ""}- It ends at SIGTERM, after what is in flight.
- It reads nothing of an environment from its own files: neither settings nor secrets are in the image.

Build it in two stages, and leave compilers, package managers and shells in the first:

    FROM <the language's image, with a version> AS build
    ...
    FROM build AS test
    RUN <what runs its tests; the pipeline builds this stage, and fails with it>
    FROM <what runs it, with a version>
    COPY --from=build ...
    USER {made.user}:{made.group}
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
    services = [profile for profile in landscape.services.values() if in_python(profile) or in_node(profile)]
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
    beside = (
        f"\n{', '.join(others)}: each brings its own Dockerfile; a page in its folder here says what it must hold.\n"
    )
    beside = beside if others else ""
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
    return ["python"], _words(profile.facts.run)[1:]


def _words(run: Run) -> list[str]:
    """Give the words that start a program by itself; a Pod gives it its own."""
    return list(programs.filled(run.command, host="0.0.0.0", port=str(REST_PORT), data="/tmp"))  # noqa: S104, S108 - a container's own


def _folder(profile: Profile) -> str:
    """Name the folder in the image that the service starts in."""
    inside = profile.facts.run.folder if profile.facts.run is not None else None
    return f"{APP}/code/{inside}" if inside else f"{APP}/code"


def _ports(profile: Profile) -> list[int]:
    spoken = ((REST_PORT, profile.rest), (GRPC_PORT, profile.grpc), (ADMIN_PORT, profile.facts.run is None))
    return [port for port, open_ in spoken if open_] or [REST_PORT]
