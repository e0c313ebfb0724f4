"""`fairway check` says what is broken and where, what it could not judge, and answers with the right code."""

import json
from pathlib import Path
from typing import Any

import pytest
from manifests import BAD, GOOD, SIZE, WARNED, write

from fairway.cli import main

ONLY = ("--rules", "orchestration/*")  # so that the manifests can stay small


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run it, and read what it prints."""
    code = main(["check", *arguments, "--format", "json", *ONLY])
    printed = json.loads(capsys.readouterr().out)
    assert printed["exit"] == code
    return code, printed


def test_a_clean_estate_is_zero_and_says_what_nobody_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """Rules without a check are never passed."""
    write("a.yaml", GOOD)
    assert main(["check", "--rules", "delivery/*", "--rules", "orchestration/*"]) == 0
    printed = capsys.readouterr().out
    assert "Of 13 rules 1 is not in files: not checked, not passed." in printed
    assert printed.endswith("0 errors, 0 warnings, 0 problems, 0 unknown.\n")


def test_a_finding_is_one_and_starts_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    """An editor can jump there; the way out stands below; no secret is shown."""
    write("deploy/a.yaml", BAD)
    assert main(["check", *ONLY]) == 1
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    place = next(
        i for i, line in enumerate(lines) if line.startswith("deploy/a.yaml:10: error: DaemonSet/shop/web: DB_PASSWORD")
    )
    assert lines[place - 1].startswith("orchestration/configmaps-and-secrets: ")
    assert lines[place + 1].startswith("  fix: Keep it in a Secret")
    assert "hunter2" not in printed


def test_warnings_alone_are_zero(capsys: pytest.CaptureFixture[str]) -> None:
    """They are shown and do not stop a pipeline."""
    write("a.yaml", WARNED)
    code, printed = as_json(capsys, "a.yaml")
    assert (code, [finding["severity"] for finding in printed["findings"]]) == (0, ["warning"])


def test_a_file_that_cannot_be_read_is_two_whatever_else_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """What was not understood may hold worse; the rest is shown all the same."""
    write("a.yaml", BAD)
    write("b.yaml", "apiVersion: v1\nkind: [\n")
    code, printed = as_json(capsys)
    assert (code, len(printed["findings"]), [p["file"] for p in printed["problems"]]) == (2, 2, ["b.yaml"])
    assert main(["check", *ONLY]) == 2
    assert "What could not be read, or Kubernetes refuses\nb.yaml:" in capsys.readouterr().out


def test_what_kubernetes_would_refuse_is_a_problem_of_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt field, and a value of the wrong type once, though two readers see it."""
    write("a.yaml", GOOD.replace("  selector", "  selecter: {}\n  minReadySeconds: soon\n  selector"))
    code, printed = as_json(capsys)
    assert (code, [p["line"] for p in printed["problems"]]) == (2, [5, 6])
    assert "Did you mean 'selector'?" in printed["problems"][0]["fix"] or "selecter" in printed["problems"][0]["says"]


def test_values_of_secrets_are_never_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither text that is no base64, nor a number."""
    data = "data: {a: hunter2!, b: 424242}\nstringData: {c: 434343}\n"
    write("a.yaml", f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\n{data}")
    code, printed = as_json(capsys)
    assert (code, len(printed["problems"])) == (2, 3)
    assert not [secret for secret in ("hunter2", "424242", "434343") if secret in json.dumps(printed)]


def test_nothing_to_audit_is_two_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder, files of other tools, and templates that somebody has to render first."""
    write("compose.yaml", "services: {}\n")
    code, printed = as_json(capsys)
    assert (code, printed["problems"][0]["says"][:26]) == (2, "there is nothing to audit:")
    write("chart/Chart.yaml", "apiVersion: v2\nname: c\n")
    write("chart/templates/a.yaml", "apiVersion: v1\nkind: {{ .Values.kind }}\n")
    code, printed = as_json(capsys)
    assert "helm template" in printed["problems"][0]["fix"]
    assert printed["counts"]["unknown"] == 1


def test_a_path_that_is_not_there_is_two_in_both_formats(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the keyboard is said in a line."""
    assert main(["check", "nowhere", *ONLY]) == 2
    assert capsys.readouterr().out == "nowhere: does not exist. Name a file or folder.\n"
    code, printed = as_json(capsys, "nowhere")
    assert (code, printed["problems"][0]["file"]) == (2, "nowhere")


def test_without_a_path_it_takes_deploy_or_else_this_folder(capsys: pytest.CaptureFixture[str]) -> None:
    """What build writes is what is checked."""
    write("a.yaml", BAD)
    assert as_json(capsys)[0] == 1
    write("deploy/a.yaml", GOOD)
    assert as_json(capsys)[0] == 0


def test_a_fingerprint_stays_while_lines_move_and_differs_by_file(capsys: pytest.CaptureFixture[str]) -> None:
    """A known finding in one file never hides the same one in another."""
    write("a.yaml", BAD)
    before = [finding["fingerprint"] for finding in as_json(capsys)[1]["findings"]]
    write(
        "a.yaml",
        "# a comment\n\n" + BAD.replace("containers:\n", f"containers:\n        - {{name: first, image: b, {SIZE}}}\n"),
    )
    write("b/a.yaml", BAD)
    found = as_json(capsys)[1]["findings"]
    assert {f["fingerprint"] for f in found if f["file"] == "a.yaml"} >= set(before)
    assert {f["fingerprint"] for f in found if f["file"] != "a.yaml"}.isdisjoint(before)
    assert len({f["fingerprint"] for f in found}) == len(found)


def test_a_fingerprint_is_the_same_from_every_folder(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the file from the root of the repository."""
    write("deploy/a.yaml", BAD)
    (here / ".git").mkdir()
    first = [finding["fingerprint"] for finding in as_json(capsys, "deploy")[1]["findings"]]
    monkeypatch.chdir(here / "deploy")
    assert [finding["fingerprint"] for finding in as_json(capsys, "a.yaml")[1]["findings"]] == first


def test_what_was_not_judged_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    """Templates, what is rendered elsewhere, what Kustomize composes, what has several places, and the rest."""
    write("chart/Chart.yaml", "apiVersion: v2\nname: c\n")
    write("chart/templates/a.yaml", "kind: {{ .Values.kind }}\n")
    write("flux.yaml", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: x}\nspec: {}\n")
    write("one/a.yaml", GOOD)
    write("three/a.yaml", GOOD)
    write("two/a.yaml", GOOD)
    write("two/kustomization.yaml", "resources: [a.yaml]\nnamespace: other\n")
    _, printed = as_json(capsys)
    starts = (
        "Not rendered: 1 file, first chart/templates/a.yaml.",
        "Not in these files: HelmRelease/default/x",
        "Kustomize composes 1 system here (two); each is judged as composed.",
        "1 workload defined in more than one place",
        "Left alone, as no Kubernetes object is in them: 1 file.",
    )
    assert [note.startswith(start) for note, start in zip(printed["notes"], starts, strict=True)] == [True] * 5


def test_the_same_files_give_the_same_report(capsys: pytest.CaptureFixture[str]) -> None:
    """To the byte."""
    for name in ("b", "a", "c/d"):
        write(f"{name}.yaml", BAD + "---\n" + WARNED.replace("name: web", "name: other", 1))
    texts = set()
    for _ in range(2):
        main(["check"])
        texts.add(capsys.readouterr().out)
    assert len(texts) == 1
