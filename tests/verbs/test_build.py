"""Building writes what follows from the facts, loses nothing, and tells how files differ."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from fairway.cli import main
from fairway.yaml.reader import read_document

ROOT = Path(__file__).parents[2]
ORDERS = "production/eu-west-1/services/orders"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give the bookshop's facts in a folder of their own."""
    return shutil.copytree(ROOT / "examples" / "bookshop", tmp_path / "shop", ignore=shutil.ignore_patterns("deploy"))


def build(shop: Path, *options: str) -> int:
    """Build it."""
    return main(["build", str(shop), *options])


def tree(folder: Path) -> dict[str, bytes]:
    """Read all files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def objects(file: Path) -> dict[str, Any]:
    """Read one object."""
    return cast("dict[str, Any]", read_document(file.read_text(), file.name)[0].value)


def test_the_same_facts_give_the_same_bytes(shop: Path) -> None:
    """Building again changes nothing, nor does a line that is added above a service."""
    assert build(shop) == 0
    first = tree(shop / "deploy")
    services = shop / "services.yaml"
    services.write_text("# a comment\n\n" + services.read_text())
    assert build(shop) == 0
    assert tree(shop / "deploy") == first


def test_every_site_gets_its_own_folder(shop: Path) -> None:
    """Staging has one region and production two; each folder lists what lies in it."""
    build(shop)
    sites = {path.parent.relative_to(shop / "deploy").as_posix() for path in shop.glob("deploy/*/*/kustomization.yaml")}
    assert sites == {"staging/eu-west-1", "production/eu-west-1", "production/us-east-1"}
    for listing in shop.glob("deploy/**/kustomization.yaml"):
        listed = objects(listing)["resources"]
        inside = {path.name for path in listing.parent.iterdir() if path.suffix != ".md"}  # pages are for people
        assert sorted(listed) == sorted(inside - {"kustomization.yaml"})


def test_a_setting_that_differs_by_region_is_in_a_configmap_named_by_its_content(shop: Path) -> None:
    """The workload mounts the very one; the regions' differ."""
    build(shop)
    names = set()
    for site in ("production/eu-west-1", "production/us-east-1"):
        folder = shop / "deploy" / site / "services" / "orders"
        configmap = objects(folder / "configmap.yaml")
        assert configmap["data"]["region"] == site.partition("/")[2]
        name = configmap["metadata"]["name"]
        assert f"name: {name}" in (folder / "deployment.yaml").read_text()
        names.add(name)
    assert len(names) == 2


def test_drift_is_told_and_nothing_written(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 and one line for each file."""
    build(shop)
    hpa = shop / "deploy" / ORDERS / "horizontalpodautoscaler.yaml"
    hpa.write_text(hpa.read_text().replace("maxReplicas: 7", "maxReplicas: 70"))
    capsys.readouterr()
    assert build(shop, "--check") == 1
    assert f"! {hpa}" in capsys.readouterr().out
    assert "maxReplicas: 70" in hpa.read_text()


def test_a_file_changed_by_hand_is_not_overwritten_unasked(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The refusal names it and writes nothing at all; --overwrite replaces it."""
    build(shop)
    hpa = shop / "deploy" / ORDERS / "horizontalpodautoscaler.yaml"
    hpa.write_text("mine\n")
    (shop / "fairway.yaml").write_text((shop / "fairway.yaml").read_text().replace("version: 1.0.0", "version: 1.0.1"))
    before = tree(shop / "deploy")
    capsys.readouterr()
    assert build(shop) == 2
    assert capsys.readouterr().err.startswith(f"{hpa}: was changed by hand since it was built.")
    assert tree(shop / "deploy") == before
    assert build(shop, "--overwrite") == 0
    assert "maxReplicas: 7" in hpa.read_text()


def test_a_users_own_file_in_the_tree_is_left_alone(shop: Path) -> None:
    """Only what the lock names is ever taken away."""
    build(shop)
    own = shop / "deploy" / "NOTES.md"
    own.write_text("ours\n")
    assert build(shop) == 0
    assert own.read_text() == "ours\n"


def test_what_the_facts_no_longer_give_is_listed_and_taken_away(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A region less is a folder less."""
    build(shop)
    facts = shop / "fairway.yaml"
    without = facts.read_text().replace("  us-east-1: { cloud: aws }\n", "")
    facts.write_text(re.sub(r" +entrances:\n +us-east-1: .*\n", "", without))
    capsys.readouterr()
    assert build(shop) == 0
    assert f"- {shop / 'deploy/production/us-east-1/services/orders/deployment.yaml'}" in capsys.readouterr().out
    assert not (shop / "deploy/production/us-east-1").exists()


def test_a_lock_cannot_lead_out_of_the_tree(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A lock comes with a checkout, so it is not trusted with paths."""
    build(shop)
    victim = shop / "victim.txt"
    victim.write_text("keep\n")
    lock = shop / "deploy" / "fairway.lock"
    content = json.loads(lock.read_text())
    content["files"]["../victim.txt"] = "6ef9ddeb6be1cbbf3bd2b3bbbe5e4a7dd1fb2a8a0d7bbbf4d1c66b7cbbce28d4"
    lock.write_text(json.dumps(content))
    assert build(shop) == 2
    assert "outside the tree" in capsys.readouterr().err
    assert victim.exists()


def test_a_broken_lock_is_a_sentence(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not a traceback."""
    build(shop)
    (shop / "deploy" / "fairway.lock").write_text("{")
    assert build(shop) == 2
    assert "is not a lock that fairway wrote" in capsys.readouterr().err


def test_an_output_that_is_a_file_is_a_sentence(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Name a folder to build into."""
    assert build(shop, "-o", str(shop / "fairway.yaml")) == 2
    assert "is a file. Name a folder to build into." in capsys.readouterr().err


def test_what_cannot_be_written_is_a_sentence(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The path that stands in the way is named, and nothing half-written stays behind."""
    way = shop / "deploy" / ORDERS / "deployment.yaml"
    way.mkdir(parents=True)
    assert build(shop) == 2
    assert f"{way}: Is a directory." in capsys.readouterr().err
    assert [path for path in (shop / "deploy").rglob("*") if path.is_file()] == []


def test_no_secret_value_can_be_in_the_tree(shop: Path) -> None:
    """The facts name secrets only, and the tree holds no Secret object."""
    build(shop)
    text = "\n".join(content.decode() for content in tree(shop / "deploy").values())
    assert "kind: Secret" not in text
    lines = {line.strip() for line in text.splitlines() if "card-network-key" in line}
    assert lines
    told = ("secretKey: card-network-key", "property: card-network-key")  # of ExternalSecrets; bindings name the file
    assert all(line.endswith(told) or '"card-network-key"' in line or ": card-network-key" in line for line in lines)
    assert '"password":' not in text


def test_what_a_person_scales_has_a_runbook(shop: Path) -> None:
    """Stateful services are scaled by hand, and the page says how."""
    build(shop)
    page = (shop / "deploy" / "runbooks" / "scale-recommendations.md").read_text()
    assert page.startswith("# Scale recommendations by hand")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed here")
def test_kustomize_composes_every_site(shop: Path) -> None:
    """The listings resolve as kubectl reads them, and nothing is named twice."""
    build(shop)
    site = shop / "deploy" / "production" / "eu-west-1"
    done = subprocess.run(["kubectl", "kustomize", str(site)], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    objects_built = [path for path in site.rglob("*.yaml") if path.name != "kustomization.yaml"]
    assert done.stdout.count("\nkind: ") == len(objects_built)
