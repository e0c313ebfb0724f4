"""What a team accepts for now, and what it knew before: neither hides anything new."""

import json
from pathlib import Path
from typing import Any

import pytest
from manifests import BAD, GOOD, write

from fairway.cli import main

CONFIG_RULE = "orchestration/configmaps-and-secrets"


ONLY = ("--rules", "orchestration/*")  # so that the manifests can stay small


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run it, and read what it prints."""
    code = main(["check", *arguments, "--format", "json", *ONLY])
    return code, json.loads(capsys.readouterr().out)


def accept(*entries: str) -> None:
    """Write the file."""
    write("fairway-check.yaml", "suppressions:\n" + "".join(f"  - {entry}\n" for entry in entries))


def test_what_is_accepted_is_counted_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """By rule, resource and file; the rest is found as ever."""
    write("a.yaml", BAD)
    write("b.yaml", BAD.replace("name: web", "name: other"))
    accept(f"{{rule: {CONFIG_RULE}, resource: 'DaemonSet/shop/web', reason: legacy, until: 2999-12-31}}")
    _, said = as_json(capsys)
    left = {(finding["rule"], finding["file"]) for finding in said["findings"]}
    assert (CONFIG_RULE, "a.yaml") not in left
    assert (CONFIG_RULE, "b.yaml") in left
    assert [(one["file"], one["reason"], one["until"]) for one in said["accepted"]] == [
        ("a.yaml", "legacy", "2999-12-31")
    ]
    main(["check", *ONLY])
    assert "Not shown: 1 accepted." in capsys.readouterr().out


def test_a_suppression_that_has_ended_hides_nothing_and_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is accepted for ever."""
    write("a.yaml", BAD)
    accept("{rule: 'orchestration/*', reason: legacy, until: 2020-01-31}")
    code, said = as_json(capsys)
    assert code == 1
    assert said["accepted"] == []
    assert said["remarks"][0]["file"] == "fairway-check.yaml"
    assert said["remarks"][0]["line"] == 2
    assert "ended on 2020-01-31" in said["remarks"][0]["says"]


def test_a_suppression_that_fits_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Else the list only grows."""
    write("a.yaml", GOOD)
    accept("{rule: 'orchestration/*', reason: legacy, until: 2999-01-31}")
    code, said = as_json(capsys)
    assert (code, "fits nothing" in said["remarks"][0]["says"]) == (0, True)


def test_all_faults_of_the_file_are_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """With their lines; nothing is audited by half a list."""
    write("a.yaml", BAD)
    accept(
        "{rule: orchestration/probs, reason: x, until: 2999-01-31}",
        "{rule: orchestration/probes, until: 2999-01-31}",
        "{rule: orchestration/probes, reason: x, until: soon}",
        "{rule: orchestration/probes, reason: x, until: 2999-02-30, who: me}",
        "just words",
    )
    assert main(["check", *ONLY]) == 2
    shown = capsys.readouterr()
    said = [line for line in (shown.err or shown.out).splitlines() if line.startswith("fairway-check.yaml")]
    assert [line.split(":")[1] for line in said] == ["2", "3", "4", "5", "5", "6"]
    assert "Did you mean 'orchestration/probes'?" in said[0]


def test_only_what_is_not_in_the_baseline_stops_a_pipeline(capsys: pytest.CaptureFixture[str]) -> None:
    """And the same finding in another file is new."""
    write("a/x.yaml", BAD)
    assert main(["check", *ONLY, "--write-baseline", "known.json"]) == 1
    capsys.readouterr()
    code, said = as_json(capsys, "--baseline", "known.json")
    assert (code, said["findings"]) == (0, [])
    assert said["counts"]["in_baseline"] > 0
    write("b/y.yaml", BAD)
    code, said = as_json(capsys, "--baseline", "known.json")
    assert (code, {finding["file"] for finding in said["findings"]}) == (1, {"b/y.yaml"})


def test_a_baseline_that_is_none_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """With what writes one."""
    write("a.yaml", GOOD)
    write("known.json", json.dumps({"results": []}))
    for file in ("known.json", "nowhere.json"):
        assert main(["check", *ONLY, "--baseline", file]) == 2
        assert "fairway check --write-baseline" in capsys.readouterr().err
    assert main(["check", *ONLY, "--write-baseline", "no/such/folder.json"]) == 2
    assert "cannot be written" in capsys.readouterr().err
