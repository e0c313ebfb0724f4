"""The command line, as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fairway.cli import main

ROOT = Path(__file__).parents[1]
BOOKSHOP = str(ROOT / "examples" / "bookshop")


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "fairway", *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_version_is_told() -> None:
    """And nothing else."""
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "fairway 0.1.0\n", "")


def test_the_version_loads_nothing_of_ours_beyond_the_command_line() -> None:
    """Start-up stays short because verbs are imported when they are called."""
    code = """
import sys
from fairway.cli import main
try:
    main(["--version"])
finally:
    names = sorted(name for name in sys.modules if name.startswith(("fairway", "msgspec", "yaml")))
    print(str(names).replace("'", '"'))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert [name for name in loaded if not name.startswith("fairway.cli")] == ["fairway", "fairway.streams"]


@pytest.mark.parametrize("command", ["init", "plan", "build", "check", "why", "rules", "schema"])
def test_the_help_of_each_command_ends_with_an_example(command: str) -> None:
    """A user copies it."""
    done = run(command, "--help")
    assert done.returncode == 0
    assert done.stdout.strip().splitlines()[-1].startswith(f"Example: fairway {command}")


def test_a_wrong_option_says_what_to_do() -> None:
    """In one line, with the code for wrong input."""
    done = run("plan", "--colour")
    assert done.returncode == 2
    assert done.stderr == "fairway: unrecognized arguments: --colour. See 'fairway --help'.\n"


def test_every_problem_of_the_facts_is_shown_at_once(tmp_path: Path) -> None:
    """Where, what, and what to do, a line each; no traceback; exit code 2."""
    (tmp_path / "fairway.yaml").write_text(
        "system: shop\nservices:\n  orders:\n    calls: { paymnts: {} }\n    expsure: external\n  payments: {}\n"
    )
    done = run("plan", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0] == (
        "fairway.yaml:4: service 'orders' calls 'paymnts', which is not declared. Did you mean 'payments'?"
    )
    assert lines[1].startswith("fairway.yaml:5: ")
    assert "Did you mean 'exposure'?" in lines[1]
    assert lines[-1] == "2 problems; nothing was done."


def test_a_folder_without_facts_says_so(tmp_path: Path) -> None:
    """The first thing that a new user gets wrong."""
    done = run("plan", cwd=tmp_path)
    assert done.returncode == 2
    assert "fairway.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_plan_as_json_lets_anybody_check_the_laws(capsys: pytest.CaptureFixture[str]) -> None:
    """Visits in order, each with its stage, its concern or none, and why."""
    assert main(["plan", BOOKSHOP, "--format", "json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    visits = plan["services"]["orders"]["visits"]
    assert visits[0] == {
        "stage": "design",
        "concern": None,
        "because": "every walk starts here",
        "jumped": False,
        "idle": False,
    }
    assert {"stage", "concern", "because"} <= set(visits[-1])
    assert len(plan["rules"]["not_checked"]) < plan["rules"]["total"]


def test_one_service_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """In text with reasons and what was not chosen."""
    assert main(["plan", BOOKSHOP, "--service", "payments"]) == 0
    told = capsys.readouterr().out
    assert "Taking and returning money" in told
    assert "» jump to routing, because the set-up of sidecar tokenizer is deferred" in told
    assert "not REST: nobody outside calls it" in told or "not REST:" in told
    assert "storefront" not in told.splitlines()[0]


def test_an_unknown_service_is_refused_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error costs a second, not a search."""
    assert main(["plan", BOOKSHOP, "--service", "payment"]) == 2
    assert capsys.readouterr().err == "There is no service 'payment'. Did you mean 'payments'?\n"


def test_a_rule_is_shown_with_its_text_and_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    """Where to read on is part of the answer."""
    assert main(["rules", "orchestration/probes"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("orchestration/probes\n")
    assert "src/fairway/stages/s03_orchestration/probes.py:1" in told


def test_the_catalogue_counts_what_is_not_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """A rule without a check is never shown as passed."""
    assert main(["rules"]) == 0
    told = capsys.readouterr().out
    assert main(["rules", "--format", "json"]) == 0
    rules = json.loads(capsys.readouterr().out)
    assert {"id", "stage", "title", "proof", "checked", "path"} <= set(rules[0])
    checked = sum(rule["checked"] for rule in rules)
    unseen = sum(bool(rule["not_in_files"]) for rule in rules)
    assert told.splitlines()[-1] == f"{len(rules)} rules; {checked} can be checked in files, {unseen} are not in files."
    assert told.count("  not in files ") == unseen
    assert told.count("  checked ") == checked
    assert all((ROOT / rule["path"]).is_file() for rule in rules)


def test_the_published_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Editors read it."""
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org/")


def test_a_reader_that_goes_away_gets_no_traceback() -> None:
    """`fairway plan | head -1` is an ordinary thing to type."""
    command = f"'{sys.executable}' -m fairway plan --full '{BOOKSHOP}' | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
