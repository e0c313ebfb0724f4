"""On the day on which a region is lost, or data must go back, the pages' commands do what they say."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import yaml
from fairway.core.profile import Landscape, survey
from fairway.declaration.load import load
from fairway.stages.s10_data.build import pages
from fairway.verbs.render import render
from fairway.verbs.workspace import Workspace, standard

ROOT = Path(__file__).parents[2]
PAGE = "runbooks/data-in-another-region.md"


def bookshop() -> Landscape:
    """Survey the example of two regions, one of whose services Argo Rollouts replaces."""
    return survey(load(ROOT / "examples" / "bookshop").system)


def written(landscape: Landscape) -> dict[str, str]:
    """Give the pages by path."""
    return {page.path: page.text for page in pages(landscape)}


def commands(text: str) -> str:
    """Give all commands of a page, as a shell would read them."""
    return "\n".join(line.strip() for line in text.splitlines() if line.startswith("    "))


def test_who_writes_is_stopped_by_what_counts_its_replicas() -> None:
    """The Deployment of what Argo Rollouts releases has none, and an autoscaler does nothing for one that has none."""
    made = written(bookshop())
    for page in (made[PAGE], made["runbooks/restore-orders-db.md"]):
        stopped, started = re.findall(r"scale (.*) --replicas=(\d)", commands(page))
        assert "rollouts.argoproj.io/orders" in stopped[0]
        assert "deployment/orders" not in stopped[0]
        assert (stopped[1], started[1]) == ("0", "1")
        assert stopped[0] == started[0]


def test_a_hand_over_loses_nothing_and_a_loss_waits_for_nobody() -> None:
    """The new region waits for what the old one gives when it has let go; without it, it goes on alone."""
    page = written(bookshop())[PAGE]
    over, gone = (page.partition(f"## eu-west-1 {title}")[2].partition("\n## ")[0] for title in ("answers", "is gone"))
    assert over.index("--context eu-west-1 -n bookshop patch") < over.index("--context us-east-1 -n bookshop patch")
    assert "demotionToken" in over
    assert "promotionToken" in over
    assert "promotionToken" not in gone
    assert "eu-west-1 -n" not in gone
    assert "persons" in gone


def test_what_people_change_is_not_undone_by_argo_cd() -> None:
    """It is held before anything is changed, and let go at the end."""
    for path, text in written(bookshop()).items():
        if re.search(r"kubectl.*(scale|delete cluster|patch (cluster|pxc))", text):
            held = [found.start() for found in re.finditer('"kind":"deny"', text)]
            assert held, path
            assert held[0] < min(
                text.index(word) for word in (" scale ", "delete cluster", "patch pxc") if word in text
            )
            assert '"syncWindows":null' in text, path


def test_the_commands_are_a_shells() -> None:
    """With quotes within quotes."""
    script = commands(written(bookshop())[PAGE])
    done = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True, check=False)
    assert done.stderr == ""


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="NOT CHECKED: kubectl is not here")
def test_a_region_begins_anew_by_its_built_file_with_the_check_of_its_archive_left_out(tmp_path: Path) -> None:
    """What is applied is the built cluster and the note, by the very commands of the page."""
    tree = render(Workspace(load(ROOT / "examples" / "bookshop"), standard()))
    path = "production/eu-west-1/data/orders-db/cluster.yaml"
    file = tmp_path / "deploy" / path
    file.parent.mkdir(parents=True)
    file.write_text(tree[path].text)
    [command] = {line for line in written(bookshop())[PAGE].splitlines() if "kubectl annotate" in line}
    script = f"region=eu-west-1 store=orders-db\n{command.strip().removesuffix(chr(92))}"
    done = subprocess.run(["sh", "-euc", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    applied, built = yaml.safe_load(done.stdout), yaml.safe_load(tree[path].text)
    assert applied["metadata"]["annotations"].pop("cnpg.io/skipEmptyWalArchiveCheck") == "enabled"
    assert applied == built


def test_what_a_page_patches_is_what_a_cluster_knows() -> None:
    """The name of the region that takes writes is one of those that the cluster's own object gives."""
    tree = render(Workspace(load(ROOT / "examples" / "bookshop"), standard()))
    followers = yaml.safe_load(tree["production/us-east-1/data/orders-db/cluster.yaml"].text)["spec"]["replica"]
    page = written(bookshop())[PAGE]
    patch = re.search(r'-p "(\{.*us-east-1.*\})"', page.partition("is gone")[2])
    assert patch is not None
    told = json.loads(patch[1].replace('\\"', '"').replace("$store", "orders-db"))
    assert told == {"spec": {"replica": {"primary": followers["self"]}}}
    assert followers["primary"] != followers["self"]


def test_data_that_is_built_no_more_is_deleted_by_a_person_alone() -> None:
    """A store that moves to another region, or leaves the facts, stays where it is."""
    tree = render(Workspace(load(ROOT / "examples" / "bookshop"), standard()))
    kinds = {"Cluster", "Table", "GlobalAccelerator"}
    seen = set()
    for file in tree.values():
        if file.manifest is not None and file.manifest.object["kind"] in kinds:
            seen.add(file.manifest.object["kind"])
            notes = file.manifest.object["metadata"]["annotations"]
            assert notes["argocd.argoproj.io/sync-options"] == "Prune=false"
    assert seen == kinds
