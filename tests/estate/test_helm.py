"""Charts are rendered by a real helm, and every line that is told stands in a template."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from charts import DEPLOYMENT, HELM, LABELS, SHOP, lay, needs_helm

from fairway.estate.index import Estate
from fairway.estate.read import compositions
from fairway.estate.resource import Resource
from fairway.yaml.reader import Mapping, Sequence, Value

pytestmark = needs_helm
LIBRARY = {
    "Chart.yaml": "apiVersion: v2\nname: parts\nversion: 1.0.0\ntype: library\n",
    "templates/_account.yaml": (
        '{{- define "parts.account" }}\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: made\n{{- end }}\n'
    ),
}
CACHE = {
    "Chart.yaml": "apiVersion: v2\nname: cache\nversion: 1.0.0\n",
    "templates/cache.yaml": "# the cache\napiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}\n",
    "values.yaml": "name: cache\n",
}
NEEDS = (
    "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n  - {name: cache, version: 1.0.0, repository: '%s'}\n"
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def estates() -> dict[str, Estate]:
    """Read what is here, and give the estates by name."""
    return {estate.name: estate for estate in compositions([Path()], HELM)}


def only(estate: Estate, kind: str) -> Resource:
    """Give the one object of a kind that is the estate's own."""
    (found,) = (item for item in estate.own if item.kind == kind)
    return found


def keys(value: Value) -> Iterator[tuple[str, int]]:
    """Give every key with its line."""
    if isinstance(value, Mapping):
        yield from value.lines.items()
        for item in value.values():
            yield from keys(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from keys(item)


def test_a_key_stands_at_its_line_of_the_template_or_at_the_one_that_holds_it(here: Path) -> None:
    """Loops, branches and what is put in by functions do not lead astray."""
    lay(here / "shop")
    deployment = only(estates()["shop"], "Deployment")
    lines = DEPLOYMENT.split("\n")

    def at(path: str) -> str:
        return lines[deployment.at(path) - 1].strip()

    assert deployment.file == "shop/templates/deployment.yaml"
    assert at("kind") == "kind: Deployment"
    assert at("metadata.name").startswith("name: {{")
    assert at("spec.replicas") == "replicas: 1"
    assert at("spec.template.spec.containers[second].image") == "image: {{ .image | quote }}"
    assert at("spec.template.spec.containers[second].resources.limits.memory") == "resources:"
    assert at("metadata.labels.app") == "labels:"
    assert at("metadata.annotations") == "annotations:"


def test_every_line_of_every_object_is_one_of_its_file(here: Path) -> None:
    """A made-up line would send the reader to nowhere."""
    lay(here / "shop")
    found = estates()["shop"].own
    assert {item.id for item in found} == {
        "Deployment/default/shop",
        "ConfigMap/default/settings",
        "Service/default/shop",
    }
    for item in found:
        lines = Path(item.file).read_text().split("\n")
        assert all(0 < line <= len(lines) for _, line in keys(item.root.value))
        for key in ("apiVersion", "kind", "metadata"):
            assert key in lines[item.root.line_of(key) - 1]


def test_each_values_file_is_a_verdict_of_its_own(here: Path) -> None:
    """By the names that people give them, in the chart or in a folder of environments."""
    files = {f"{name}.yaml": "replicas: 3\n" for name in ("values-prod", "values.test", "environments/eu", "notes")}
    lay(here / "shop", {**SHOP, **files})
    found = estates()
    names = ["shop", "shop (environments/eu.yaml)", "shop (values-prod.yaml)", "shop (values.test.yaml)"]
    assert sorted(filter(None, found)) == names
    replicas = {name: only(found[name], "Deployment").spec.number("replicas") for name in names}
    assert replicas == {name: 1 if name == "shop" else 3 for name in names}


def test_a_chart_is_rendered_as_it_lies_there_and_nothing_is_written_to_it(here: Path) -> None:
    """Of the plain estate only what Helm does not render is left: definitions; a test's Pod is no part of a system."""
    lay(here / "shop")
    before = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
    found = estates()
    assert {path: path.stat().st_mtime_ns for path in here.rglob("*")} == before
    assert [item.kind for item in found[""].own] == ["CustomResourceDefinition"]
    assert found[""].unknown == found["shop"].unknown == ()


def test_what_a_library_defines_is_where_it_is_put_in(here: Path) -> None:
    """A library renders nothing by itself, and that is no fault."""
    lay(here / "parts", LIBRARY)
    chart = NEEDS.replace("cache", "parts") % "file://../parts"
    lay(here / "shop", {**SHOP, "Chart.yaml": chart, "templates/account.yaml": '{{ include "parts.account" . }}\n'})
    found = estates()
    assert sorted(found) == ["", "shop"]
    account = only(found["shop"], "ServiceAccount")
    assert (account.file, account.root.line) == ("shop/templates/account.yaml", 1)
    assert found[""].unknown == ()


@pytest.mark.parametrize(("folder", "repository"), [("cache", "file://../cache"), ("shop/charts/cache", "")])
def test_a_chart_that_another_brings_is_rendered_with_it(here: Path, folder: str, repository: str) -> None:
    """From its charts/, or from the place beside it that it names; a finding stands in the chart that wrote it."""
    lay(here / folder, CACHE)
    lay(here / "shop", {**SHOP, "Chart.yaml": NEEDS % repository, "values-a.yaml": "cache: {name: mine}\n"})
    mine = estates()["shop (values-a.yaml)"]
    (service,) = (item for item in mine.own if item.name == "mine")
    assert (service.file, service.at("metadata.name")) == (f"{folder}/templates/cache.yaml", 5)


def test_what_comes_in_a_package_is_told_at_the_line_that_names_it(here: Path) -> None:
    """Its templates are no files here."""
    lay(here / "shop", {**SHOP, "Chart.yaml": NEEDS % "https://charts.example.com"})
    (here / "shop/charts").mkdir()
    with tarfile.open(here / "shop/charts/cache-1.0.0.tgz", "w:gz") as package:
        for name, text in CACHE.items():
            entry = tarfile.TarInfo(f"cache/{name}")
            entry.size = len(text.encode())
            package.addfile(entry, io.BytesIO(text.encode()))
    (service,) = (item for item in estates()["shop"].own if item.name == "cache")
    assert (service.file, service.at("metadata.name")) == ("shop/Chart.yaml", 5)


def test_a_chart_whose_dependencies_are_elsewhere_is_unknown_with_their_names(here: Path) -> None:
    """Nothing is fetched."""
    lay(here / "shop", {**SHOP, "Chart.yaml": NEEDS % "https://charts.example.com"})
    (unknown, *templates) = estates()[""].unknown
    assert (unknown.file, unknown.unrendered, unknown.tried) == ("shop/Chart.yaml", True, True)
    assert unknown.says.endswith("its charts/ lacks what it depends on: cache")
    assert {one.file for one in templates} == {"shop/templates/deployment.yaml", "shop/templates/settings.yaml"}


def test_a_chart_that_does_not_render_is_said_in_helms_own_words_at_its_line(here: Path) -> None:
    """The place is the template's own."""
    text = DEPLOYMENT.replace("replicas: 1", 'replicas: {{ required "say how many" .Values.many }}')
    lay(here / "shop", {**SHOP, "templates/deployment.yaml": text})
    unknown = estates()[""].unknown[0]
    assert (unknown.file, unknown.line) == ("shop/templates/deployment.yaml", 16)
    assert unknown.says.endswith("say how many")


def test_a_chart_that_renders_only_with_an_environments_values_is_judged_by_these(here: Path) -> None:
    """That it needs some is no fault of it; it is said all the same."""
    text = DEPLOYMENT.replace("replicas: 1", 'replicas: {{ required "say how many" .Values.many }}')
    lay(here / "shop", {**SHOP, "templates/deployment.yaml": text, "values-prod.yaml": "many: 2\n"})
    found = estates()
    assert sorted(found) == ["", "shop (values-prod.yaml)"]
    assert [(one.resource, one.unrendered) for one in found[""].unknown] == [("shop with its own values alone", False)]


def test_a_template_that_gives_bad_yaml_is_said(here: Path) -> None:
    """By helm, which reads what it renders."""
    lay(here / "shop", {**SHOP, "templates/more.yaml": "apiVersion: v1\nkind: [\n"})
    unknown = estates()[""].unknown[0]
    assert unknown.file == "shop/templates/more.yaml"
    assert "YAML parse error" in unknown.says


def test_who_releases_a_chart_says_its_values(here: Path) -> None:
    """Argo CD and Flux, with the files and values that they name; what says more stays unknown."""
    lay(here / "charts/shop", {**SHOP, "values-prod.yaml": "replicas: 2\n"})
    lay(
        here / "apps",
        {
            "argo.yaml": """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: one}
spec:
  destination: {namespace: live}
  source:
    path: charts/shop
    helm:
      valueFiles: [values-prod.yaml]
      valuesObject: {motd: hi}
      parameters: [{name: replicas, value: "5"}]
""",
            "flux.yaml": """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: two, namespace: other}
spec:
  chart: {spec: {chart: ./charts/shop, sourceRef: {kind: GitRepository, name: here}}}
  values: {replicas: 6}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: three, namespace: other}
spec:
  chart: {spec: {chart: ./charts/shop, sourceRef: {kind: GitRepository, name: here}}}
  valuesFrom: [{kind: Secret, name: theirs}]
""",
        },
    )
    found = estates()
    one = only(found["charts/shop (Application one)"], "Deployment")
    two = only(found["charts/shop (HelmRelease two)"], "Deployment")
    assert (one.id, one.spec.number("replicas")) == ("Deployment/live/one", 5)
    assert (two.id, two.spec.number("replicas")) == ("Deployment/other/two", 6)
    assert [one.resource for one in found[""].unknown] == ["HelmRelease/other/three"]


def test_a_kustomization_inflates_a_chart_that_lies_beside_it_and_patches_it(here: Path) -> None:
    """A patched key stands in the patch, all others in the template; a chart from elsewhere is unknown."""
    lay(here / "charts/shop")
    (here / "kustomization.yaml").write_text(
        "helmCharts:\n"
        "  - {name: shop, releaseName: mine, namespace: live, valuesInline: {replicas: 4}}\n"
        "  - {name: other, repo: 'https://charts.example.com'}\n"
        "patches:\n"
        "  - target: {kind: Deployment}\n"
        """    patch: '[{"op": "add", "path": "/spec/paused", "value": true}]'\n"""
    )
    estate = estates()["."]
    deployment = only(estate, "Deployment")
    assert (deployment.id, deployment.spec.number("replicas")) == ("Deployment/live/mine", 4)
    assert deployment.at("spec.replicas") == 14
    assert (int(deployment.at("spec.paused")), deployment.at("spec.paused").__dict__) == (
        6,
        {"file": "kustomization.yaml"},
    )
    assert [(one.line, one.unrendered) for one in estate.unknown] == [(3, True)]


def test_charts_that_name_one_another_end(here: Path) -> None:
    """In words."""
    for one, other in (("a", "b"), ("b", "a")):
        chart = (NEEDS % f"file://../{other}").replace("name: shop", f"name: {one}").replace("cache", other)
        lay(here / one, {"Chart.yaml": chart, "templates/_l.tpl": LABELS})
    assert {one.says for one in estates()[""].unknown} == {
        "a Helm chart that does not render: charts name one another without end"
    }


def test_a_link_out_of_a_chart_does_not_copy_the_machine(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much is not rendered, and said."""
    monkeypatch.setattr("fairway.estate.helm.staging.MOST", 20)
    lay(here / "shop")
    for number in range(30):
        lay(here / "elsewhere" / str(number), {"a.txt": ""})
    (here / "shop/templates/more").symlink_to(here / "elsewhere")
    assert "more than 20 files" in estates()[""].unknown[0].says
