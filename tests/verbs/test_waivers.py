"""What facts waive, an audit of the same system accepts: for whom it is waived, and as long as it is."""

import json
from pathlib import Path
from typing import Any

import pytest
from manifests import BAD, write

from fairway.cli import main

RULE = "orchestration/configmaps-and-secrets"
ONLY = ("--rules", "orchestration/*")  # so that the manifests can stay small
FACTS = """\
system: shop
owners: {{team: team@example.com}}
services:
  web:
    capability: Selling
    stores: [goods]
    waivers: {web}
  other:
    capability: Telling
stores:
  goods: {{workload: transactional}}
waivers: {system}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def facts(name: str = "fairway.yaml", web: str = "", system: str = "", until: str = "2999-12-31") -> None:
    """Write facts that waive these rules."""
    written = {
        who: f"{{{rule}: {{reason: being replaced, owner: team, expires: {until}}}}}" if rule else "{}"
        for who, rule in (("web", web), ("system", system))
    }
    write(name, FACTS.format(**written))


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run it, and read what it prints."""
    code = main(["check", *arguments, "--format", "json", *ONLY])
    return code, json.loads(capsys.readouterr().out)


def broken(said: dict[str, Any]) -> set[str]:
    """Name what breaks the rule."""
    return {finding["resource"] for finding in said["findings"] if finding["rule"] == RULE}


def test_a_waiver_is_for_the_service_that_it_names_and_for_its_own_stores(capsys: pytest.CaptureFixture[str]) -> None:
    """What another service breaks is found as ever, and so is what the rule does not say."""
    for name in ("web", "other", "goods", "webshop"):
        write(f"{name}.yaml", BAD.replace("name: web", f"name: {name}"))
    facts(web=RULE)
    _, said = as_json(capsys)
    assert broken(said) == {"DaemonSet/shop/other", "DaemonSet/shop/webshop"}
    accepted = {(one["resource"], one["reason"], one["until"]) for one in said["accepted"]}
    assert accepted == {(f"DaemonSet/shop/{name}", "being replaced (team)", "2999-12-31") for name in ("web", "goods")}
    assert {finding["resource"] for finding in said["findings"] if finding["rule"] != RULE} >= {"DaemonSet/shop/web"}


def test_a_waiver_of_the_system_is_for_all_below_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    """Another system beside it keeps the rule."""
    write("shop/web.yaml", BAD)
    write("else/web.yaml", BAD.replace("name: web", "name: other"))
    facts("shop/fairway.yaml", system=RULE)
    _, said = as_json(capsys, ".")
    assert broken(said) == {"DaemonSet/shop/other"}
    assert [one["file"] for one in said["accepted"]] == ["shop/web.yaml"]


def test_facts_above_what_is_audited_are_heard_and_facts_that_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """`fairway check` looks into deploy/, and the facts lie beside it; a pipeline may keep them anywhere."""
    write("deploy/web.yaml", BAD)
    facts(web=RULE)
    assert broken(as_json(capsys)[1]) == set()
    Path("fairway.yaml").rename("facts.yaml")
    assert broken(as_json(capsys)[1]) == {"DaemonSet/shop/web"}
    assert broken(as_json(capsys, "--facts", "facts.yaml")[1]) == set()


def test_what_is_waived_is_shown_with_its_reason_in_every_report(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody takes silence for health."""
    write("web.yaml", BAD)
    facts(web=RULE)
    main(["check", *ONLY])
    text = capsys.readouterr().out
    assert f"\n{RULE}: 1 finding until 2999-12-31: being replaced (team)\n" in text
    assert text.endswith("Not shown: 1 accepted.\n")
    main(["check", "--format", "sarif", *ONLY])
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    suppressed = [one["suppressions"][0] for one in run["results"] if "suppressions" in one]
    assert suppressed == [
        {"kind": "external", "status": "accepted", "justification": "being replaced (team) (until 2999-12-31)"}
    ]


def test_a_waiver_that_ran_out_waives_nothing_and_is_said_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """At the line of fairway.yaml that one has to change."""
    write("web.yaml", BAD)
    facts(web=RULE, until="2020-01-31")
    code, said = as_json(capsys)
    assert (code, broken(said), said["accepted"]) == (1, {"DaemonSet/shop/web"}, [])
    (remark,) = said["remarks"]
    assert (remark["file"], remark["line"]) == ("fairway.yaml", 7)
    assert remark["says"].startswith(f"the waiver of {RULE} for service 'web' ran out on 2020-01-31; ")


def test_a_waiver_that_nothing_in_files_breaks_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """Other proofs than files hear it, too."""
    write("web.yaml", BAD)
    facts(web="design/saga")
    assert as_json(capsys)[1]["remarks"] == []


def test_facts_that_cannot_be_read_are_a_problem_and_the_audit_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """What they waive is unknown."""
    write("web.yaml", BAD)
    write("fairway.yaml", "system: shop\nservice: {}\n")
    code, said = as_json(capsys)
    assert (code, broken(said)) == (2, {"DaemonSet/shop/web"})
    assert {problem["file"] for problem in said["problems"]} == {"fairway.yaml"}
