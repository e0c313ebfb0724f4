"""What helm may do here: little, for a while, with nothing of the user's; and what marks do to a template."""

import os
from pathlib import Path

import pytest

from fairway.estate.helm.lines import Part, at_home, marked, parts
from fairway.estate.helm.running import rendered
from fairway.yaml.reader import Mapping, read_document


def stand_in(folder: Path, *lines: str) -> str:
    """Write a program that is called as helm is."""
    program = folder / "helm"
    program.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    program.chmod(0o755)
    return str(program)


def test_it_is_asked_for_templates_without_tests_and_answers_in_text(tmp_path: Path) -> None:
    """Its own words are taken as they are."""
    program = stand_in(tmp_path, 'echo "$@"')
    assert rendered(program, str(tmp_path), ["web", "x y"]).text == "template web x y --skip-tests\n"


def test_nothing_of_the_user_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token, no proxy, no configuration, no plug-in, no cluster."""
    for name in ("AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY", "HELM_PLUGINS", "KUBECONFIG", "HELM_NAMESPACE"):
        monkeypatch.setenv(name, "the user's")
    said = rendered(stand_in(tmp_path, "env", "pwd"), str(tmp_path), []).text
    assert "the user's" not in said
    assert os.environ["HOME"] + "\n" not in said
    assert f"HOME={tmp_path}\n" in said
    assert said.endswith(f"{tmp_path}\n")


def test_one_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endless template is a sentence, not an endless audit."""
    monkeypatch.setattr("fairway.estate.helm.running.SECONDS", 0.2)
    assert rendered(stand_in(tmp_path, "exec sleep 30"), str(tmp_path), []).fault == "helm was not done after 0 seconds"


def test_one_that_floods_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On both its streams."""
    monkeypatch.setattr("fairway.estate.helm.running.LARGEST", 1000)
    assert "more than 1,000 bytes" in rendered(stand_in(tmp_path, "exec yes"), str(tmp_path), []).fault
    noisy = stand_in(tmp_path, "yes | head -c 1000000 >&2", "echo 'Error: too much' >&2", "exit 1")
    assert len(rendered(noisy, str(tmp_path), []).fault) < 500


def test_its_error_is_one_line_without_signs_of_a_terminal(tmp_path: Path) -> None:
    """Warnings before it are left out, and what it adds for its developers."""
    words = r"WARNING: loose\nError: \033[31mno\033[0m such\n  thing\a\n\nUse --debug flag to render out invalid YAML\n"
    program = stand_in(tmp_path, f"printf '{words}' >&2", "exit 1")
    assert rendered(program, str(tmp_path), []).fault == "no such thing?"


def test_a_program_that_is_none_is_said(tmp_path: Path) -> None:
    """Whatever was named."""
    assert "does not run: " in rendered(str(tmp_path), str(tmp_path), []).fault
    assert rendered(stand_in(tmp_path, "exit 7"), str(tmp_path), []).fault == "helm ended with code 7 and no word"


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("kind: Pod", "kind: Pod #@3:1@"),
        ("name: {{ .name }}", "name: {{ .name }} #@3:1@"),
        ('name: {{ "}} {{" }}', 'name: {{ "}} {{" }} #@3:1@'),
        ("a: {{ `}}` }}{{/* }} */}}", "a: {{ `}}` }}{{/* }} */}} #@3:1@"),
        ("{{- if .a }}", "{{- if .a }}"),
        ("  {{ toYaml .b }}", "  {{ toYaml .b }}"),
        ("a: b {{- c -}}\nd: e", "a: b {{- c -}}\nd: e #@3:2@"),
        ("a: {{ b\n  c }}\nd:", "a: {{ b\n  c }}\nd: #@3:3@"),
        ("{{/* a: b\nc: d */}}\n# e\n---\n\nf: g", "{{/* a: b\nc: d */}}\n# e\n---\n\nf: g #@3:6@"),
        ("a: {{ never\nb: c", "a: {{ never\nb: c"),
        ("a: b\r\nc: d", "a: b #@3:1@\nc: d #@3:2@"),
    ],
)
def test_a_mark_stands_behind_plain_text_only(template: str, wanted: str) -> None:
    """Within an action it would be read as one; behind one alone it would end up in what that writes."""
    assert marked(template, 3) == wanted


def test_a_line_is_told_only_where_both_printings_say_the_same() -> None:
    """Not where a mark changed what was made, nor where another file wrote it, nor where lines are more or fewer."""
    plain = "---\n# Source: a/templates/x.yaml\nkind: Pod\nsum: 12\nlabel: a\n---\n# Source: a/templates/y.yaml\nb: c\n"
    marks = (
        "---\n# Source: a/templates/x.yaml\nkind: Pod #@1:5@\nsum: 34 #@1:6@\nlabel: a #@2:9@\n"
        "---\n# Source: a/templates/y.yaml\nb: c #@2:1@\nmore: #@2:2@\n"
    )
    first, second = parts(plain, marks, {"a/templates/x.yaml": 1, "a/templates/y.yaml": 2}.__getitem__)
    assert first.places[:3] == (5, 0, 0)
    assert set(second.places) == {0}


def test_a_line_that_does_not_hold_the_key_is_not_told() -> None:
    """A mark may slip to the end of what an action wrote; then the key that holds it is as near as one can be."""
    value = read_document("spec:\n  replicas: 2\n", "x")[0].value
    template = ("kind: Pod", "spec: {{ .spec }}", "other: 1")
    found = at_home(value, Part(source="x", text="", places=(2, 3)), template, 1)
    assert isinstance(found, Mapping)
    spec = found["spec"]
    assert isinstance(spec, Mapping)
    assert (found.lines, spec.lines) == ({"spec": 2}, {"replicas": 2})
