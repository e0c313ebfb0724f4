"""Kustomize's files composed as kubectl would, with every key's own file and line."""

import shutil
import subprocess
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from overlays import OVERLAYS, WEB, overlays

import yaml
from fairway.estate.index import Estate
from fairway.estate.read import compositions
from fairway.yaml.reader import Mapping, Sequence, Value

KUBECTL = shutil.which("kubectl")
CORPORA = Path(__file__).parents[3] / "shared" / "corpora"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a base and overlays."""
    folder = tmp_path_factory.mktemp("kustomize")
    for name, text in overlays().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def plain(value: Value) -> Any:  # noqa: ANN401 - as YAML is
    """Leave out the lines."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, Sequence) else value


def composed(folder: Path) -> Estate:
    """Give the one composition of a folder."""
    _, estate = compositions([folder])
    return estate


def ours(folder: Path) -> dict[tuple[str, ...], Any]:
    """Give what we compose, by kind, namespace and name."""
    return {_key(found := plain(item.root.value)): found for item in composed(folder).own}


def _key(item: dict[str, Any]) -> tuple[str, ...]:
    return item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]


def kubectls(folder: Path) -> dict[tuple[str, ...], Any]:
    """Give what kubectl composes."""
    assert KUBECTL
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {_key(item): item for item in yaml.safe_load_all(done.stdout) if item}


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed, so nothing is there to compare with")
@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_is_composed_as_kubectl_does(tree: Path, name: str) -> None:
    """Object by object, key by key."""
    assert ours(tree / name) == kubectls(tree / name)


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed, so nothing is there to compare with")
@pytest.mark.skipif(not CORPORA.is_dir(), reason=f"the public systems are not at {CORPORA}")
@pytest.mark.parametrize("name", ["memorystore", "service-mesh-istio", "spanner"])
def test_a_public_system_is_composed_as_kubectl_does(name: str) -> None:
    """With some fifteen components, one upon the other."""
    folder = CORPORA / f"boutique/kustomize/tests/{name}-with-all-components"
    assert ours(folder) == kubectls(folder)


def test_a_key_stands_where_it_was_written(tree: Path) -> None:
    """In the base, in a patch's own file, or inside the kustomization."""
    (web,) = [item for item in composed(tree / "components").own if item.kind == "Deployment"]
    places = {
        path: (getattr(line, "file", web.file).rpartition("/")[2], int(line))
        for path in ("spec.replicas", "spec.template.spec.containers[main].image", "spec.selector")
        if (line := web.at(path))
    }
    assert places == {
        "spec.replicas": ("kustomization.yaml", 5),
        "spec.template.spec.containers[main].image": ("late.yaml", 9),
        "spec.selector": ("web.yaml", 6),
    }


def test_bases_are_judged_as_composed_and_never_raw(tree: Path) -> None:
    """What an overlay completes is not missing; components that nobody includes count nowhere."""
    plain_files, *overlays = compositions([tree])
    names = {Path(estate.name).name for estate in overlays}
    assert names == set(OVERLAYS) - {"names"}  # which another one includes
    assert not [item for item in plain_files.own if item.name == "web"]


def test_what_does_not_fit_is_said_with_its_line(tmp_path: Path) -> None:
    """A patch for nothing, a file that is not there, a path that is not there, a circle."""
    (tmp_path / "web.yaml").write_text(WEB)
    (tmp_path / "kustomization.yaml").write_text(
        dedent("""\
        resources:
          - web.yaml
          - missing.yaml
        namePrefix: a-
        patches:
          - patch: '{apiVersion: v1, kind: Service, metadata: {name: wbe}}'
          - target: {kind: Service}
            patch: '[{op: replace, path: /spec/nothing, value: 1}]'
        """)
    )
    estate = composed(tmp_path)
    assert [(problem.line, problem.says) for problem in estate.problems] == [
        (3, "resource 'missing.yaml' is not there."),
        (6, "no Service 'wbe' is there for this patch."),
        (8, "this patch does not fit: the path /spec/nothing is not there."),
    ]


def test_a_patch_for_what_may_come_from_elsewhere_is_no_fault(tmp_path: Path) -> None:
    """What is fetched, or made by what is not carried out here, is unknown: so is whether the patch fits."""
    (tmp_path / "web.yaml").write_text(WEB)
    for elsewhere in ("- example.com/org/repo//deploy?ref=v1\n", "helmCharts: [{name: x}]\n", "generators: [x.yaml]\n"):
        (tmp_path / "kustomization.yaml").write_text(
            f"resources:\n- web.yaml\n{elsewhere}replicas: [{{name: wbe, count: 2}}]\n"
            "patches:\n- patch: '{apiVersion: v1, kind: Service, metadata: {name: wbe}}'\n"
        )
        estate = composed(tmp_path)
        assert estate.problems == ()
        assert len(estate.unknown) == 1


def test_files_that_stand_under_patches_as_mere_names_are_merged(tmp_path: Path) -> None:
    """As before Kustomize 3, and still carried out; such a file is no object of its own."""
    (tmp_path / "web.yaml").write_text(WEB)
    (tmp_path / "kustomization.yaml").write_text("resources: [web.yaml]\npatches:\n- more.yaml\n")
    (tmp_path / "more.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {minReadySeconds: 7}\n"
    )
    plain_files, estate = compositions([tmp_path])
    (web,) = estate.of_kind("Deployment", "apps")
    assert (web.spec.number("minReadySeconds"), web.spec.line_of("minReadySeconds")) == (7, 4)
    assert not plain_files.own


def test_a_patch_that_nothing_uses_is_counted_and_is_no_broken_object(tmp_path: Path) -> None:
    """Below a kustomization; elsewhere a Deployment without its parts is a fault."""
    part = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {minReadySeconds: 7}\n"
    (tmp_path / "over" / "patches").mkdir(parents=True)
    (tmp_path / "over" / "web.yaml").write_text(WEB)
    (tmp_path / "over" / "kustomization.yaml").write_text("resources: [web.yaml]\nnamePrefix: a-\n")
    (tmp_path / "over" / "patches" / "later.yaml").write_text(part)
    plain_files, _ = compositions([tmp_path])
    assert (len(plain_files.own), plain_files.counts.patches) == (0, 1)
    (tmp_path / "web.yaml").write_text(part)
    plain_files, _ = compositions([tmp_path])
    assert [item.name for item in plain_files.own] == ["web"]


def test_kustomizations_that_include_one_another_end(tmp_path: Path) -> None:
    """With a sentence."""
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kustomization.yaml").write_text(f"resources: [../{other}]\nnamePrefix: {name}-\n")
    (tmp_path / "kustomization.yaml").write_text("resources: [a]\n")
    assert "without end" in composed(tmp_path).problems[0].says


def test_what_stands_beside_is_seen_by_a_composition_and_judged_once(tmp_path: Path) -> None:
    """A Service that is applied from another file serves the composed workload."""
    (tmp_path / "over").mkdir()
    (tmp_path / "over" / "web.yaml").write_text(WEB.partition("---")[0])
    (tmp_path / "over" / "kustomization.yaml").write_text("resources: [web.yaml]\ncommonAnnotations: {a: b}\n")
    (tmp_path / "service.yaml").write_text(WEB.split("---\n")[1])
    plain_files, over = compositions([tmp_path])
    (web,) = over.workloads
    assert [one.resource.name for one in over.services_of(web)] == ["web"]
    assert [item.kind for item in over.own] == ["Deployment"]
    assert [item.kind for item in plain_files.own] == ["Service"]


ODD: list[Any] = [
    None,
    5,
    True,
    "",
    "x",
    [],
    {},
    [None],
    [5],
    [[]],
    [{}],
    {"a": None},
    {"name": 1},
    {"name": ["a"]},
    "a: [",
]


def test_whatever_a_kustomization_holds_it_ends_in_words(tree: Path, tmp_path: Path) -> None:
    """Any key of any overlay replaced by something odd: a problem at most, never a crash."""
    shutil.copytree(tree, tmp_path, dirs_exist_ok=True)
    for name in OVERLAYS:
        file = tmp_path / name / "kustomization.yaml"
        said = yaml.safe_load(file.read_text())
        for place in _places(said):
            for odd in ODD:
                file.write_text(yaml.safe_dump(_with(said, place, odd)))
                for estate in compositions([tmp_path / name]):
                    assert estate.workloads is not None
                    assert estate.problems is not None
        file.write_text(yaml.safe_dump(said))


def _places(value: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - as YAML is
    """Give the way to every part of a document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way for key, below in pairs for way in ((key,), *((key, *more) for more in _places(below)))]


def _with(value: Any, place: tuple[Any, ...], odd: Any) -> Any:  # noqa: ANN401 - as above
    """Copy a document with one part of it replaced."""
    if not place:
        return odd
    twin = dict(value) if isinstance(value, dict) else list(value)
    twin[place[0]] = _with(value[place[0]], place[1:], odd)
    return twin
