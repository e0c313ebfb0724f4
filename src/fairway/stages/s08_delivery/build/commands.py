"""The commands that every pipeline runs, and the versions of what it runs."""

from collections.abc import Iterator
from typing import Final

from fairway.core.images import IMAGES
from fairway.core.profile import Landscape, Profile

PYTHON: Final = "3.13"
PYTHONS: Final = frozenset({"python", "python3"})
NODES: Final = frozenset({"node"})
NODE_TESTS: Final = "if [ -f package-lock.json ]; then npm ci && npm test; else node --test; fi"
TOOLS: Final = "mypy==2.4.1 pytest==9.2.0 ruff==0.17.6"
TRIVY: Final = "0.70.0"
COSIGN: Final = "v3.0.6"
FAILING: Final = "HIGH,CRITICAL"  # with a fix: of others nobody can do anything yet
FAIRWAY: Final = "python -m pip install tools/fairway-*.whl wheels/*.whl"
BUILT: Final = "fairway build --check"
AUDITED: Final = "fairway check deploy --format sarif > fairway.sarif"


def in_python(profile: Profile) -> bool:
    """Tell whether a service is Python, as far as the facts say."""
    return profile.facts.run is None or profile.facts.run.command[0] in PYTHONS


def pythons(landscape: Landscape) -> list[Profile]:
    """Give the services whose code these commands can judge."""
    return [profile for profile in landscape.services.values() if in_python(profile)]


def install(folder: str) -> Iterator[str]:
    """Install a service as its image has it, and the tools that judge it."""
    yield f"python -m pip install --no-deps --require-hashes --requirement {folder}/requirements.txt"
    yield "python -m pip install --no-deps wheels/*.whl"
    yield f"python -m pip install {TOOLS}"
    further = f"{folder}/requirements-dev.txt"
    yield f"if [ -f {further} ]; then python -m pip install --requirement {further}; fi"


def judge(folder: str) -> dict[str, str]:
    """Give what judges a service's code, by what it is called."""
    return {
        "Lint": f"ruff check {folder} && ruff format --check {folder}",
        "Types": f"cd {folder} && mypy .",
        "Tests": f"cd {folder} && python -m pytest",
    }


def interface(profile: Profile) -> str | None:
    """Compare a public interface with the one that was agreed on; a change of it is seen in the change's own diff."""
    if not profile.exposed or profile.facts.run is not None:
        return None
    file, write = f"{profile.facts.code}/openapi.json", written_interface(profile)
    missing = f"{file} is missing. Write it and commit it: {write}"
    return f'test -f {file} || {{ echo "{missing}"; exit 1; }}\n{write.replace(">", "| diff")} -'


def written_interface(profile: Profile) -> str:
    """Give the command that writes down a public interface as it is."""
    module = f"{profile.name.replace('-', '_')}.service:service"
    return f"cd {profile.facts.code} && python -m fairway_sdk openapi {module} > openapi.json"


def push() -> list[str]:
    """Push $IMAGE where its version is new: what carries a version never changes, or a restart would release it.

    Says so and ends well where it is there already; a registry that does not answer is no proof that it is not.
    """
    kept = "$IMAGE is there and stays as it is: what changed since is released by a new version in fairway.yaml."
    absent = " | ".join(f'*"{words}"*' for words in ("no such manifest", "manifest unknown", "name unknown"))
    return [
        f'if found=$(docker manifest inspect "$IMAGE" 2>&1); then echo "{kept}"; exit 0; fi',
        f'case "$found" in {absent}) ;; *) echo "$found"; exit 1 ;; esac',
        'docker push "$IMAGE"',
        "digest=$(docker inspect --format '{{index .RepoDigests 0}}' \"$IMAGE\")",
    ]


def build(landscape: Landscape) -> list[str]:
    """Build the image of $SERVICE as $IMAGE: by the built Dockerfile, or by the one that its code in $CODE brings."""
    if not brings_dockerfile(landscape):
        return ['docker build --file "deploy/containers/$SERVICE/Dockerfile" --tag "$IMAGE" .']
    return [
        'file="deploy/containers/$SERVICE/Dockerfile" context=.',
        'test -f "$file" || { file="$CODE/Dockerfile"; context="$CODE"; }',
        'docker build --file "$file" --tag "$IMAGE" "$context"',
    ]


def brings_dockerfile(landscape: Landscape) -> bool:
    """Tell whether the code of some service brings its Dockerfile: we build for Python and Node alone."""
    commands = [profile.facts.run.command[0] for profile in landscape.services.values() if profile.facts.run]
    return any(word not in PYTHONS | NODES for word in commands)


def others_tests(landscape: Landscape) -> dict[str, str]:
    """Give what tests each service that is not Python: Node by itself, all others by a stage of their Dockerfile."""
    found = {}
    for profile in landscape.services.values():
        folder = str(profile.facts.code)
        if profile.facts.run is not None and profile.facts.run.command[0] in NODES:
            mounted = f'--volume "$PWD/{folder}:/code" --workdir /code {IMAGES["node-slim"]}'
            found[profile.name] = f"docker run --rm {mounted} sh -c '{NODE_TESTS}'"
        elif not in_python(profile):
            found[profile.name] = f"docker build --target test {folder}"
    return found


def image(landscape: Landscape, name: str) -> str:
    """Name the image of a service, with the version that the facts give."""
    system = landscape.system
    return f"{system.platform.registry}/{system.system}/{name}:{system.version}"


def registry_host(landscape: Landscape) -> str:
    """Name the host that images are pushed to."""
    return str(landscape.system.platform.registry).partition("/")[0]
