"""The last stage of an image: what a program needs to run, and where it is secure nothing besides."""

from collections.abc import Mapping
from typing import Final

from fairway.stages.s02_containers.decisions import ImageBuild

CONTINUED: Final = "\\\n        "  # to the next line of a command
# What a running process needs of the base image, by the folder it goes to; its package list tells scanners about it.
NODE_KEPT: Final = {".": "/etc /lib* /tmp", "usr": "/usr/lib* /usr/local", "var/lib/dpkg": "/var/lib/dpkg/status"}
PYTHON_KEPT: Final = {**NODE_KEPT, "usr/share": "/usr/share/zoneinfo"}  # Node brings its own time zones
TOOLS: Final = ("usr/lib/apt", "usr/lib/dpkg", "usr/lib/*/perl*")
PYTHON_TOOLS: Final = (
    *TOOLS,
    "usr/local/bin/pip*",
    "usr/local/include",
    "usr/local/lib/python3*/ensurepip",
    "usr/local/lib/python3*/site-packages/pip*",
)
NODE_TOOLS: Final = (
    *TOOLS,
    "usr/local/bin/corepack",
    "usr/local/bin/docker-entrypoint.sh",
    "usr/local/bin/npm",
    "usr/local/bin/npx",
    "usr/local/bin/yarn*",
    "usr/local/include",
    "usr/local/lib/node_modules",
)


def stage(made: ImageBuild, base: str, language: str, tools: tuple[str, ...], kept: Mapping[str, str]) -> str:
    """Write the stage that becomes the image: what is *kept* of *base*; without *tools* where it is secure."""
    account = (
        f"groupadd --gid {made.group} app \\\n"
        f" && useradd --no-log-init --uid {made.user} --gid {made.group} --no-create-home --home-dir /tmp"
        " --shell /usr/sbin/nologin app"
    )
    if made.runtime != "distroless":
        return f"FROM {base}\nRUN {account}"
    copied = "".join(f" && cp --archive {what} {folder} \\\n" for folder, what in kept.items())
    return f"""# {language} and its libraries alone: no shell, no package manager, nothing to build with.
FROM {base} AS runtime
WORKDIR /image
RUN {account} \\
 && mkdir -p {" ".join(folder for folder in kept if folder != ".")} \\
{copied} && rm -rf {f" {CONTINUED}".join(tools)}

FROM scratch
COPY --from=runtime /image /"""
