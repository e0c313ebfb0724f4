"""The pipeline for GitLab CI: the same gates in the same order, with images of fixed versions."""

from typing import Any, Final

from fairway.core.images import IMAGES
from fairway.core.profile import Landscape, Profile
from fairway.stages.s08_delivery.build import commands
from fairway.yaml.writer import write_document

ON_MAIN: Final = [{"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"}]
DOCKER: Final = {
    "image": f"{IMAGES['docker']}-cli",
    "services": [{"name": f"{IMAGES['docker']}-dind", "alias": "docker"}],
    "variables": {
        "DOCKER_HOST": "tcp://docker:2376",
        "DOCKER_TLS_CERTDIR": "/certs",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": "/certs/client",
    },
}
COSIGN: Final = f"docker run --rm --interactive --env COSIGN_PRIVATE_KEY --env COSIGN_PASSWORD {IMAGES['cosign']}"
SIGNED: Final = (
    "--yes --key env://COSIGN_PRIVATE_KEY "
    '--registry-username "$REGISTRY_USER" --registry-password "$REGISTRY_PASSWORD" "$digest"'
)
Job = dict[str, Any]


def pipeline(landscape: Landscape) -> str:
    """Write the pipeline."""
    jobs: dict[str, Job] = {"standard": _standard(), "repository": _repository()}
    for profile in commands.pythons(landscape):
        jobs[f"service {profile.name}"] = _service(profile)
    for name, command in commands.others_tests(landscape).items():
        jobs[f"program {name}"] = {**DOCKER, **_job("test", [command])}
    return write_document(
        {
            "workflow": {"rules": [{"if": "$CI_PIPELINE_SOURCE == 'merge_request_event'"}, *ON_MAIN]},
            "stages": ["test", "image", "scan", "push", "release"],
            "default": {"image": IMAGES["python-slim"], "interruptible": True, "timeout": "30 minutes"},
            **jobs,
            **_images(landscape),
            "release": _release(),
        },
        comment="Built by fairway from the facts; README.md beside it says how it is included.",
    )


def _standard() -> Job:
    """Keep the report as JUnit, which GitLab shows beside the change."""
    told = "fairway check deploy --format junit > fairway.xml"
    kept = {"when": "always", "reports": {"junit": "fairway.xml"}}
    return {**_job("test", [commands.FAIRWAY, commands.BUILT, told]), "artifacts": kept}


def _repository() -> Job:
    looked = f"trivy filesystem --scanners vuln,secret --severity {commands.FAILING} --ignore-unfixed --exit-code 1 ."
    return {"image": _trivy(), **_job("test", [looked])}


def _service(profile: Profile) -> Job:
    folder, compared = str(profile.facts.code), commands.interface(profile)
    judged = (*commands.judge(folder).values(), *([compared] if compared else []))
    return _job("test", [*commands.install(folder), *(f"({command})" for command in judged)])


def _images(landscape: Landscape) -> dict[str, Job]:
    """Build each image once; scan and list it as a file; push and sign that very file where the change is on main."""
    files, host = ["$SERVICE.tar"], commands.registry_host(landscape)
    built = [*commands.build(landscape), 'docker save --output "$SERVICE.tar" "$IMAGE"']
    found = f'trivy image --input "$SERVICE.tar" --severity {commands.FAILING} --ignore-unfixed --exit-code 1'
    contents = 'trivy image --input "$SERVICE.tar" --format cyclonedx --output "$SERVICE-sbom.json"'
    push = [
        'docker load --input "$SERVICE.tar"',
        f'echo "$REGISTRY_PASSWORD" | docker login --username "$REGISTRY_USER" --password-stdin {host}',
        *commands.push(),
        f"{COSIGN} sign {SIGNED}",
        f'{COSIGN} attest --type cyclonedx --predicate /dev/stdin {SIGNED} < "$SERVICE-sbom.json"',
    ]
    bringing = commands.brings_dockerfile(landscape)
    entries = [
        {
            "SERVICE": name,
            **({"CODE": str(profile.facts.code)} if bringing else {}),
            "IMAGE": commands.image(landscape, name),
        }
        for name, profile in landscape.services.items()
    ]
    each = {"parallel": {"matrix": entries}}
    saved = {"artifacts": {"paths": files, "expire_in": "1 day"}}
    listed = {"artifacts": {"paths": ["$SERVICE-sbom.json"], "expire_in": "1 year"}}
    return {
        "image": {**DOCKER, **_job("image", built), **each, **saved},
        "scan": {"image": _trivy(), **_job("scan", [found, contents]), **each, **listed},
        "push": {**DOCKER, **_job("push", push), **each, "interruptible": False, "rules": ON_MAIN},
    }


def _release() -> Job:
    """Move the branch that Argo CD deploys; a change that is older than what is there is refused."""
    there = "https://release:$RELEASE_TOKEN@$CI_SERVER_HOST/$CI_PROJECT_PATH.git"
    move = f'git push "{there}" HEAD:refs/heads/released'
    image = {"name": IMAGES["git"], "entrypoint": [""]}
    return {"image": image, "variables": {"GIT_DEPTH": "0"}, **_job("release", [move]), "rules": ON_MAIN}


def _trivy() -> dict[str, Any]:
    return {"name": IMAGES["trivy"], "entrypoint": [""]}


def _job(stage: str, script: list[str]) -> Job:
    return {"stage": stage, "script": script}
