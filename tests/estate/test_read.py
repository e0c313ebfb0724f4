"""Whatever lies in a folder is read, left alone or reported, and always counted."""

import json
import os
from pathlib import Path

import pytest

from fairway.estate.index import Estate
from fairway.estate.read import read

CONFIGMAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: b}\n"


def estate(folder: Path, files: dict[str, str]) -> Estate:
    """Write *files* below *folder* and read it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return read([folder])


def ids(found: Estate) -> list[str]:
    """Name all objects."""
    return [resource.id for resource in found.resources]


def said(found: Estate) -> list[str]:
    """Give the problems, without the folder of the test."""
    return [f"{Path(p.file).name}:{p.line}: {p.says}" for p in found.problems]


def test_all_documents_lists_and_json_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Three suffixes count; several documents, a List and a server's own kind of list each give their objects."""
    item = {"metadata": {"name": "five"}, "spec": {}}
    found = estate(
        tmp_path,
        {
            "b.yml": CONFIGMAP % "two" + "---\n" + CONFIGMAP % "three",
            "a.yaml": CONFIGMAP % "one",
            "c.json": json.dumps(
                {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod", **item}]},
                indent="\t",
            ),
            "d.json": json.dumps({"apiVersion": "v1", "kind": "ServiceList", "items": [item]}),
            "e.txt": CONFIGMAP % "ignored",
        },
    )
    names = ["ConfigMap/default/one", "ConfigMap/default/two", "ConfigMap/default/three"]
    assert ids(found) == [*names, "Pod/default/five", "Service/default/five"]
    assert found.problems == ()


def test_hidden_folders_and_installed_packages_are_not_entered(tmp_path: Path) -> None:
    """What Git, a virtual environment or npm keeps is nobody's system."""
    folders = (".git", ".venv", ".fairway", "node_modules", "sub/.hidden")
    found = estate(
        tmp_path, {f"{name}/a.yaml": CONFIGMAP % "x" for name in folders} | {"sub/a.yaml": CONFIGMAP % "own"}
    )
    assert ids(found) == ["ConfigMap/default/own"]


def test_a_file_that_two_paths_lead_to_is_read_once(tmp_path: Path) -> None:
    """A folder and a file in it may both be named."""
    file = tmp_path / "a.yaml"
    file.write_text(CONFIGMAP % "one")
    assert ids(read([tmp_path, file, tmp_path / "."])) == ["ConfigMap/default/one"]


def test_a_path_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    """The others are read all the same."""
    (tmp_path / "a.yaml").write_text(CONFIGMAP % "one")
    found = read([tmp_path / "nowhere", tmp_path])
    assert (ids(found), said(found)) == (["ConfigMap/default/one"], ["nowhere:0: does not exist."])


def test_helm_templates_are_unknown_and_counted(tmp_path: Path) -> None:
    """A template is not rendered; a plain file beside it is read, and so is one below another templates folder."""
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n"
    found = estate(
        tmp_path,
        {
            "chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n",
            "chart/values.yaml": "replicas: 1\n",
            "chart/templates/sub/a.yaml": template,
            "chart/templates/plain.yaml": CONFIGMAP % "plain",
            "templates/b.yaml": CONFIGMAP % '"{{ not.helm }}"',
        },
    )
    assert [Path(unknown.file).name for unknown in found.unknown] == ["a.yaml"]
    assert found.unknown[0].says == "a template of a Helm chart, not rendered"
    assert ids(found) == ["ConfigMap/default/plain", "ConfigMap/default/{{ not.helm }}"]
    assert (found.counts.left_alone, found.problems) == (2, ())


def test_what_helm_runs_by_hand_to_test_a_release_is_no_part_of_a_system(tmp_path: Path) -> None:
    """It stands in what `helm template` prints, with a chart's real objects."""
    files = {
        f"{hook}.yaml": (CONFIGMAP % hook).replace("}\ndata", f", annotations: {{helm.sh/hook: {hook}}}}}\ndata")
        for hook in ("test", "test-success", "pre-install")
    }
    assert ids(estate(tmp_path, files)) == ["ConfigMap/default/pre-install"]


def test_what_is_rendered_elsewhere_is_unknown(tmp_path: Path) -> None:
    """Others keep the real objects; a kind with Pods that nobody knows is unknown too."""
    kinds = {
        "HelmRelease": "helm.toolkit.fluxcd.io/v2",
        "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
        "Application": "argoproj.io/v1alpha1",
        "HelmChart": "helm.cattle.io/v1",
    }
    files = {
        f"{k}.yaml": f"apiVersion: {api}\nkind: {k}\nmetadata: {{name: x}}\nspec: {{}}\n" for k, api in kinds.items()
    }
    spec = "spec: {template: {spec: {containers: [{name: a}]}}}"
    files["odd.yaml"] = f"apiVersion: example.com/v1\nkind: Crew\nmetadata: {{name: x}}\n{spec}\n"
    found = estate(tmp_path, files)
    assert sorted(unknown.resource.partition("/")[0] for unknown in found.unknown) == sorted([*kinds, "Crew"])
    assert found.problems == ()


def test_as_written_patches_are_no_objects(tmp_path: Path) -> None:
    """Patches are no objects, and a component belongs to nothing until something includes it."""
    head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 3}\n"
    files = {
        "base/kustomization.yaml": head + "resources: [a.yaml]\n",
        "base/a.yaml": CONFIGMAP % "a",
        "over/kustomization.yaml": head
        + "resources: [../base]\npatches: [{path: p.yaml}]\npatchesStrategicMerge: [q.yaml]\nnamePrefix: x-\n",
        "over/p.yaml": patch,
        "over/q.yaml": patch,
        "extra/Kustomization": head.replace("Kustomization", "Component") + "resources: [b.yaml]\n",
        "extra/b.yaml": CONFIGMAP % "b",
    }
    found = estate(tmp_path, files)
    assert ids(found) == ["ConfigMap/default/a"]
    assert (found.counts.patches, found.counts.components, found.counts.kustomizations) == (2, 1, 3)
    assert ids(read([tmp_path / "extra"])) == ["ConfigMap/default/b"]


def test_files_of_others_are_left_alone_whatever_is_in_them(tmp_path: Path) -> None:
    """Compose files, pipelines and values are counted, even with tags and faults that no manifest may have."""
    found = estate(
        tmp_path,
        {
            "compose.yaml": "services: {web: {image: nginx}}\n",
            "ci.yml": "job: !reference [.a, script]\n",
            "kind.yaml": "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: worker}]\n",
            "kubeconfig.yaml": "apiVersion: v1\nkind: Config\nclusters: []\n",
            "broken.yaml": "a: [1\nb: }\n",
            "patch.yaml": '- {op: add, path: /metadata/labels/x, value: "apiVersion"}\n',
            "package.json": '{"name": "x"}',
        },
    )
    assert (ids(found), said(found), found.counts.left_alone) == ([], [], 7)


def test_a_manifest_that_does_not_parse_is_a_problem_and_its_other_documents_are_read(tmp_path: Path) -> None:
    """Nothing is passed in silence, and nothing crashes."""
    found = estate(tmp_path, {"a.yaml": CONFIGMAP % "one" + "---\napiVersion: v1\nkind: [\n---\n" + CONFIGMAP % "two"})
    assert ids(found) == ["ConfigMap/default/one", "ConfigMap/default/two"]
    assert [problem.line for problem in found.problems] == [8]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("apiVersion: v1\nmetadata: {name: a}\n", "1: this object has no kind."),
        ("kind: Pod\nmetadata: {name: a}\n", "1: this object has no apiVersion."),
        ("apiVersion: v1\nkind: {}\nmetadata: {name: a}\n", "2: 'kind' is a mapping, where text is expected."),
        ("apiVersion: v1\nkind: Pod\n", "2: this Pod has no name."),
        ("apiVersion: v1\nkind: Pod\nmetadata: [a]\n", "3: Pod: 'metadata' is a list, where a mapping is expected."),
        ("apiVersion: v1\nkind: List\nmetadata: {}\n", "1: this List has no list of items."),
        ("apiVersion: v1\nkind: List\nitems: [1]\n", "3: an entry of this List is 1, where an object is expected."),
        (CONFIGMAP % "a" + "---\n- b\n", "6: this document is a list, among Kubernetes objects."),
        (CONFIGMAP % "a" + "---\nb\n", "5: this document is a single value, among Kubernetes objects."),
        (
            CONFIGMAP % "a" + "---\n" + CONFIGMAP % "a",
            "7: ConfigMap/default/a is here and on line 2; the later one replaces the other.",
        ),
    ],
)
def test_a_malformed_object_is_reported_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    """What looks like an object and is none is said."""
    assert f"a.yaml:{says}" in said(estate(tmp_path, {"a.yaml": text}))


def test_a_file_that_may_not_be_read_is_a_problem(tmp_path: Path) -> None:
    """So is a link that leads nowhere."""
    (tmp_path / "a.yaml").symlink_to(tmp_path / "nowhere")
    assert said(read([tmp_path])) == ["a.yaml:0: cannot be read: No such file or directory."]


def test_a_folder_that_links_to_itself_is_read_once(tmp_path: Path) -> None:
    """Links to folders are not followed."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    found = estate(tmp_path, {"a.yaml": CONFIGMAP % "one"})
    assert ids(found) == ["ConfigMap/default/one"]


def test_a_manifest_in_utf_16_is_a_problem_and_not_overlooked(tmp_path: Path) -> None:
    """Windows editors write it; its letters have a zero byte between them, and are recognised all the same."""
    (tmp_path / "a.yaml").write_bytes((CONFIGMAP % "one").encode("utf-16"))
    assert [problem.file for problem in read([tmp_path]).problems] == [str(tmp_path / "a.yaml")]


def test_names_of_files_are_relative_to_here_and_stable_names_to_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor opens the one; the other is the same on every machine and from every folder."""
    (tmp_path / ".git").mkdir()
    estate(tmp_path, {"deploy/a.yaml": CONFIGMAP % "one"})
    monkeypatch.chdir(tmp_path / "deploy")
    assert dict(read([Path()]).stable) == {"a.yaml": "deploy/a.yaml"}
    monkeypatch.chdir(tmp_path)
    assert dict(read([Path("deploy")]).stable) == {"deploy/a.yaml": "deploy/a.yaml"}


def test_a_pipe_is_not_waited_for_and_a_giant_is_not_read(tmp_path: Path) -> None:
    """A folder may hold anything; the audit goes on and says what it left out."""
    os.mkfifo(tmp_path / "pipe.yaml")
    with (tmp_path / "giant.yaml").open("wb") as giant:
        giant.truncate(40 * 1024 * 1024)  # a hole: it takes no room on the disk
    assert said(read([tmp_path])) == [
        "giant.yaml:0: is 41,943,040 bytes long; up to 33,554,432 are read.",
        "pipe.yaml:0: is not a file but a pipe or a device.",
    ]
    assert said(read([Path("/dev/zero")])) == ["zero:0: is not a file but a pipe or a device."]


def test_a_name_cannot_forge_a_line_of_the_report(tmp_path: Path) -> None:
    """A line break in a file's name is shown, not printed."""
    (tmp_path / "a\n0 errors.yaml").symlink_to(tmp_path / "nowhere")
    (problem,) = read([tmp_path]).problems
    assert "\n" not in str(problem)
    assert problem.file.endswith("a\\n0 errors.yaml")
