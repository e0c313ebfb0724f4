"""Every line of a built file can be traced to its rule, its decision and its facts."""

import shutil
from pathlib import Path

import pytest

from fairway.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the bookshop once, in a folder of its own."""
    shop = tmp_path_factory.mktemp("why") / "shop"
    shutil.copytree(ROOT / "examples" / "bookshop", shop, ignore=shutil.ignore_patterns("deploy"))
    assert main(["build", str(shop)]) == 0
    return shop / "deploy" / "production" / "eu-west-1" / "services"


def asked(file: Path, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Ask why about the first line that holds *text*."""
    line = next(number for number, line in enumerate(file.read_text().splitlines(), 1) if text in line)
    capsys.readouterr()
    assert main(["why", f"{file}:{line}"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "text", "rule", "said"),
    [
        ("orders/deployment.yaml", "livenessProbe", "orchestration/probes", "restarted after 30s"),
        ("orders/deployment.yaml", "/readyz", "orchestration/probes", "out of rotation after 4s"),
        ("orders/rollout.yaml", "maxSurge", "delivery/rolling", "rolling update"),
        ("orders/rollout.yaml", "progressDeadlineSeconds", "delivery/automated-rollback", "rollback"),
        ("orders/deployment.yaml", "image:", "containers/docker", "registry.bookshop.example.com"),
        ("orders/deployment.yaml", "name: grpc", "design/grpc-when-internal", "REST at the edge, gRPC inside"),
        ("orders/deployment.yaml", "memory:", "orchestration/deployment", "256Mi of memory and no more"),
        ("orders/deployment.yaml", "topologySpread", "orchestration/deployment", "always over zones"),
        ("orders/horizontalpodautoscaler.yaml", "maxReplicas", "orchestration/autoscale", "3 to 7"),
        (
            "orders/configmap.yaml",
            "region:",
            "orchestration/configmaps-and-secrets",
            "ConfigMaps named by their content",
        ),
        ("recommendations/statefulset.yaml", "replicas:", "orchestration/manual-scaling", "scaled by hand"),
        ("recommendations/statefulset.yaml", "volumeClaimTemplates", "orchestration/statefulset", "StatefulSet"),
        ("orders/service.yaml", "targetPort", "routing/kubernetes-dns", ""),
    ],
)
def test_a_line_names_its_rule_and_its_decision(
    built: Path, file: str, text: str, rule: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rule that decided is the rule that built, line by line."""
    told = asked(built / file, text, capsys)
    assert f"rule      {rule}:" in told
    assert said in told
    assert "services.yaml:" in told


def test_a_file_without_a_line_is_explained_as_a_whole(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Why it exists at all."""
    capsys.readouterr()
    assert main(["why", str(built / "recommendations" / "statefulset.yaml")]) == 0
    told = capsys.readouterr().out
    assert "workload: StatefulSet" in told
    assert "because it keeps volume model" in told
    assert "not Deployment:" in told


def test_a_file_changed_by_hand_is_said_to_differ(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer is about what the facts give."""
    file = built / "orders" / "poddisruptionbudget.yaml"
    text = file.read_text()
    file.write_text(text.replace("maxUnavailable: 1", "maxUnavailable: 2"))
    assert "The file is not as the facts give it now" in asked(file, "maxUnavailable", capsys)
    file.write_text(text)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere.yaml:3", "nowhere.yaml: is not a file."),
        (str(ROOT / "pyproject.toml"), "lies in no tree that 'fairway build' wrote"),
        ("a" * 5000 + ":3", "cannot be read: File name too long."),
        ("a\0b", "is not a file."),
        ("pyproject.toml:\N{SUPERSCRIPT TWO}", "is not a file."),
        ("pyproject.toml:" + "9" * 5000, "cannot be read: File name too long."),
    ],
)
def test_what_was_not_built_is_a_sentence(place: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, what is wrong and what to do."""
    assert main(["why", place]) == 2
    assert said in capsys.readouterr().err


def test_a_listing_has_nothing_to_explain(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Name an object's file instead."""
    assert main(["why", str(built / "kustomization.yaml")]) == 2
    assert "is a listing or a page, not an object" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["NOTES.md", "fairway.lock"])
def test_a_file_that_no_build_wrote_is_not_said_to_be_taken_away(
    built: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user's own file in the tree stays, and so does the lock."""
    file = built.parents[2] / name
    file.touch()
    assert main(["why", str(file)]) == 2
    assert f"{file}: was not written by 'fairway build'." in capsys.readouterr().err


def test_a_line_below_the_end_is_a_sentence(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An answer about another line would be believed."""
    assert main(["why", f"{built / 'orders/service.yaml'}:9999"]) == 2
    assert "service.yaml:9999: the file ends at line " in capsys.readouterr().err


def test_a_tree_that_was_moved_away_from_its_facts_says_so(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The facts are looked for where the lock says, and the lock is named."""
    moved = shutil.copytree(built.parents[2], tmp_path / "far" / "away" / "moved")
    assert main(["why", str(moved / built.relative_to(built.parents[2]) / "orders/service.yaml")]) == 2
    told = capsys.readouterr().err
    assert "fairway.yaml: is not there." in told
    assert f"{moved / 'fairway.lock'}: says that the tree was built from these facts." in told


def test_a_tree_behind_a_link_finds_its_facts(tmp_path: Path) -> None:
    """The way to the facts is counted from where the tree really lies."""
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "away")
    assert main(["build", str(ROOT / "examples" / "hello"), "-o", str(tmp_path / "link")]) == 0
    assert main(["why", f"{tmp_path / 'link/production/main/services/greeter/service.yaml'}:3"]) == 0


def test_line_breaks_of_another_system_are_a_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As 'build --check' sees it."""
    assert main(["build", str(ROOT / "examples" / "hello"), "-o", str(tmp_path)]) == 0
    file = tmp_path / "production/main/services/greeter/service.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert main(["why", f"{file}:3"]) == 0
    assert "The file is not as the facts give it now" in capsys.readouterr().out
