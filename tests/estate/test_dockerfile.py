"""Dockerfiles are read as the builder reads them: stages, continued lines, heredocs, directives."""

import pytest

from fairway.estate.dockerfile import Dockerfile, is_dockerfile, parse
from fairway.estate.images import image_name


def recipe(text: str) -> Dockerfile:
    """Parse a Dockerfile that has stages."""
    found = parse(text, "Dockerfile")
    assert found is not None
    return found


def test_stages_know_what_they_start_from() -> None:
    """By name in any case, by number's default, and through an argument with a default."""
    text = "ARG TAG=1.2\nFROM golang:${TAG} AS Build\nRUN go build\nFROM build AS test\n"
    text += "FROM scratch\nCOPY --from=build /a /a\n"
    found = recipe(text)
    assert [(s.name, s.base, s.line, s.parent) for s in found.stages] == [
        ("build", "golang:1.2", 2, None),
        ("test", "build", 4, 0),
        ("", "scratch", 5, None),
    ]
    assert [stage.base for stage in found.final] == ["scratch"]


def test_the_image_is_made_of_the_last_stage_and_all_it_starts_from() -> None:
    """FROM an earlier stage takes over all of that one."""
    found = recipe("FROM python:3.13 AS one\nRUN a\nFROM one\nRUN b\n")
    assert [stage.line for stage in found.final] == [1, 3]
    assert found.image == "python:3.13"


def test_continued_lines_comments_and_heredocs_keep_the_first_line_as_theirs() -> None:
    """Comments between continued lines are no part of the command, and a heredoc's body is no instruction."""
    text = "FROM a:1\nRUN one \\\n# a remark\n\n  && two\nRUN <<EOF\nUSER root\nEOF\n"
    text += "COPY <<-'X' /to\n\tline\n\tX\nUSER 5\n"
    found = recipe(text)
    told = [(i.word, i.value, i.line, i.heredocs) for i in found.stages[0].instructions]
    assert told == [
        ("RUN", "one && two", 2, ()),
        ("RUN", "<<EOF", 6, ("USER root",)),
        ("COPY", "<<-'X' /to", 9, ("line",)),
        ("USER", "5", 12, ()),
    ]


def test_another_escape_character_can_be_named() -> None:
    """As on Windows, where a path ends with a backslash."""
    found = recipe("# escape=`\nFROM a:1\nRUN one `\n two\nCOPY x c:\\\n")
    assert [(i.word, i.value) for i in found.stages[0].instructions] == [("RUN", "one two"), ("COPY", "x c:\\")]


@pytest.mark.parametrize(
    ("line", "pairs"),
    [
        ("ENV A=1 B='two words'", (("A", "1"), ("B", "two words"))),
        ("ENV A one two", (("A", "one two"),)),
        ("ARG A", (("A", ""),)),
        ('ARG A="x"', (("A", "x"),)),
    ],
)
def test_variables_are_read_in_every_form(line: str, pairs: tuple[tuple[str, str], ...]) -> None:
    """The old form of ENV has one name and the rest as its value."""
    assert recipe(f"FROM a:1\n{line}\n").stages[0].instructions[0].pairs == pairs


def test_flags_and_the_json_form_of_copy_are_read() -> None:
    """--from and --chown are no paths."""
    copy = recipe('FROM a:1\nCOPY --chown=1:1 --from=x ["a b", "/c"]\n').stages[0].instructions[0]
    assert (copy.flag("from"), copy.flag("chown"), copy.paths) == ("x", "1:1", ("a b", "/c"))


def test_a_file_without_a_stage_is_no_dockerfile() -> None:
    """Whatever it is called."""
    assert parse("hello there\n", "Dockerfile") is None


@pytest.mark.parametrize("name", ["Dockerfile", "dockerfile", "Containerfile", "Dockerfile.dev", "web.Dockerfile"])
def test_a_dockerfile_is_known_by_its_name(name: str) -> None:
    """Docker's and Podman's, with and without a suffix."""
    assert is_dockerfile(name)
    assert not is_dockerfile(f"{name}.dockerignore")


@pytest.mark.parametrize(
    ("name", "floats"),
    [
        ("redis", True),
        ("redis:alpine", True),
        ("redis:latest", True),
        ("localhost:5000/redis", True),
        ("redis:7.2-alpine", False),
        ("shop/web:v0.10.6", False),
        ("web:3f2a9bc", False),
        ("busybox:latest@sha256:0123", False),
        ("$REGISTRY/web", False),
    ],
)
def test_a_tag_that_names_no_version_floats(name: str, *, floats: bool) -> None:
    """A digest, a version or a commit pins; what a variable holds nobody knows."""
    assert bool(image_name(name).floating) is floats
