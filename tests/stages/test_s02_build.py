"""Containers build images' recipes, and bring every secret that a binding names into its container."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fairway.core.artefact import Site
from fairway.core.cluster import SECRET_STORE
from fairway.core.facts import System
from fairway.core.parts import Files
from fairway.core.profile import Landscape, survey
from fairway.declaration.load import load
from fairway.estate.dockerfile import parse
from fairway.estate.schema import CustomSchemas, problems
from fairway.stages.s02_containers.build import manifests, pages, parts
from fairway.verbs.bind import binding, sites
from fairway.verbs.workspace import Workspace, standard
from fairway_sdk.contract import SECRETS_FOLDER

ROOT = Path(__file__).parents[2]
EXAMPLES = ("hello", "bookshop", "clinic")
BUNDLE = ROOT.parent / "shared" / "schemas" / "crd-schemas-strict.json.gz"
MANAGERS = {"vault": "vault", "aws": "aws", "gcp": "gcpsm", "azure": "azurekv"}


def example(name: str) -> Workspace:
    """Open an example."""
    return Workspace(load(ROOT / "examples" / name), standard())


def small(**facts: object) -> Landscape:
    """Survey a system of one service with a store, a secret and personal data."""
    given = {
        "services": {"a": {"secrets": ["key"], "stores": ["db"]}},
        "stores": {"db": {"workload": "transactional", "data": ["personal"], "retention": "1y"}},
    }
    return survey(msgspec.convert({"system": "shop", **given, **facts}, System))


def named_secrets(told: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a binding
    """Give every secret that a binding names, wherever."""
    if isinstance(told, dict):
        for key, value in told.items():
            if key.endswith("-secret") and value:
                yield value
            elif key == "secrets":
                yield from value
            else:
                yield from named_secrets(value)
    elif isinstance(told, list):
        for one in told:
            yield from named_secrets(one)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_secret_that_a_binding_names_is_fetched_and_mounted(name: str) -> None:
    """On every site; and nothing is fetched that nobody asked for."""
    workspace = example(name)
    for site in sites(workspace.landscape.system):
        fetched = {
            manifest.service: {entry["secretKey"] for entry in manifest.object["spec"]["data"]}
            for manifest in manifests(workspace.landscape, site)
            if manifest.object["kind"] == "ExternalSecret"
        }
        mounted = {part.service for part in parts(workspace.landscape, site) if isinstance(part, Files)}
        for service in workspace.landscape.services:
            told = msgspec.to_builtins(binding(workspace, service, site))
            assert set(named_secrets(told)) == fetched.get(service, set()), service
            assert (service in mounted) == (service in fetched)


@pytest.mark.parametrize("manager", MANAGERS)
def test_each_manager_is_reached_in_its_own_way(manager: str) -> None:
    """One store for each site, that only the system's namespaces may ask; entries are named as the manager allows."""
    landscape = small(platform={"secrets": manager})
    built = list(manifests(landscape, Site(environment="production", region="main")))
    store, secret = built[0].object, built[1].object
    assert list(store["spec"]["provider"]) == [MANAGERS[manager]]
    assert "shop" in store["spec"]["conditions"][0]["namespaces"]
    assert secret["spec"]["secretStoreRef"] == {"kind": "ClusterSecretStore", "name": SECRET_STORE}
    entry = next(one for one in secret["spec"]["data"] if one["secretKey"] == "db-password")
    flat = {"key": "shop-production-a-db-password"}
    assert entry["remoteRef"] == (
        flat if manager in {"gcp", "azure"} else {"key": "shop/production/a", "property": "db-password"}
    )
    if not BUNDLE.is_file():
        pytest.skip("NOT CHECKED: the bundle of custom schemas is not beside the project")
    custom = CustomSchemas.load(BUNDLE)
    assert [fault for one in built for fault in problems(one.object, custom=custom).faults] == []


def test_secrets_are_mounted_readable_by_the_service_alone() -> None:
    """As files, in the folder that the SDK reads."""
    [files] = [part for part in parts(small(), Site(environment="p", region="m")) if isinstance(part, Files)]
    assert files.folder == SECRETS_FOLDER
    assert files.source["secret"]["defaultMode"] == 0o440


def recipes(landscape: Landscape) -> dict[str, str]:
    """Give the built Dockerfiles by service."""
    return {page.service: page.text for page in pages(landscape) if page.path.endswith("/Dockerfile")}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_image_ends_without_tools_and_without_root(name: str) -> None:
    """Its base has a version, and its last stage runs nothing."""
    for text in recipes(example(name).landscape).values():
        found = parse(text, "Dockerfile")
        assert found is not None
        words = [instruction.word for stage in found.final for instruction in stage.instructions]
        assert "RUN" not in words or found.image.endswith("-slim-trixie")
        assert [i.value for s in found.final for i in s.instructions if i.word == "USER"] == ["65532:65532"]
        assert "fairway-sdk" not in text  # by name it is another project's


def test_the_names_of_the_sdk_are_never_asked_of_an_index() -> None:
    """Wheels are installed by path, without dependencies and without an index; the rest by hash."""
    text = recipes(small())["a"]
    assert "--no-deps --require-hashes" in text
    assert "--no-deps --no-index --no-cache-dir /wheels/*.whl" in text
    [wanted] = [page.text for page in pages(small()) if page.path.endswith("requirements.in")]
    assert "./wheels/fairway_sdk-" in wanted
    assert "[service,postgresql]" in wanted


def test_only_the_services_folder_and_wheels_reach_the_builder() -> None:
    """Everything is left out before anything is let in, and keys are left out again."""
    [ignored] = [page.text.splitlines() for page in pages(small()) if page.path.endswith(".dockerignore")]
    assert ignored[:3] == ["*", "!wheels/*.whl", "!services/a"]
    assert {"**/.env*", "**/*.key", "**/tests"} <= set(ignored[3:])


def test_a_program_for_node_is_built_in_two_stages_and_keeps_no_package_manager() -> None:
    """What is locked is installed and built in the first; words are filled in as far as an image knows them."""
    run = {"command": ["node", "server.js", "--port={port}"], "folder": "dist"}
    landscape = small(services={"a": {"run": run}}, environments={"production": {"secure": True}})
    text = recipes(landscape)["a"]
    found = parse(text, "Dockerfile")
    assert found is not None
    assert found.image == "scratch"
    assert "npm ci && npm run build --if-present && npm prune --omit=dev" in text
    assert "usr/local/lib/node_modules" in text
    assert 'CMD ["node", "server.js", "--port=8080"]' in text
    assert "WORKDIR /opt/app/code/dist\n" in text


def test_a_program_in_a_language_that_we_cannot_build_is_told_what_its_image_must_hold() -> None:
    """A page in place of a Dockerfile, that names its words, its user, and where it may write."""
    run = {"command": ["./shop", "--listen", "{address}"], "migrate": ["./shop", "migrate"]}
    landscape = small(services={"a": {"run": run}})
    assert recipes(landscape) == {}
    every = {page.path: page.text for page in pages(landscape)}
    assert "a: each brings its own Dockerfile" in every["containers/README.md"]
    page = every["containers/a/README.md"]
    assert "started by `./shop --listen {address}` and `./shop migrate`" in page
    assert "runs as user 65532:65532" in page


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    """The linter of Dockerfiles, where it is installed."""
    installed = Path(sys.executable).parent  # beside the interpreter, which need not be on the path
    hadolint = shutil.which("hadolint", path=f"{installed}{os.pathsep}{os.environ['PATH']}")
    if hadolint is None:
        pytest.skip("NOT CHECKED: hadolint is not installed (make install-all)")
    for secure in (True, False):
        file = tmp_path / "Dockerfile"
        file.write_text(recipes(small(environments={"live": {"secure": secure}}))["a"])
        done = subprocess.run([hadolint, file], capture_output=True, text=True, check=False)
        assert done.stdout == ""
