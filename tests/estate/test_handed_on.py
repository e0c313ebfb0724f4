"""Settings that are handed on to a program mean the same, however YAML reads them."""

from pathlib import Path

import pytest
from strangers import settings

from fairway.estate.handed_on import at, documents_in, handed_on
from fairway.estate.read import read
from fairway.yaml.writer import write_document

TEXT = """apiVersion: kafka.strimzi.io/v1
kind: KafkaTopic
metadata: {name: it}
spec: {config: {number: -1, text: "-1", truth: off, list: [1], nothing: null, word: ' Compact '}}
"""


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("number", "-1"),
        ("text", "-1"),
        ("truth", "false"),
        ("word", "compact"),
        ("list", ""),
        ("nothing", ""),
        ("missing", ""),
    ],
)
def test_a_value_reads_alike_as_text_number_or_truth(key: str, expected: str, tmp_path: Path) -> None:
    """What is no single value reads as none, and nothing of it is called malformed."""
    (tmp_path / "a.yaml").write_text(TEXT)
    estate = read([tmp_path])
    assert handed_on(estate.resources[0].spec.mapping("config"), key) == expected
    assert estate.problems == ()


def test_documents_are_found_by_a_key_at_their_top(tmp_path: Path) -> None:
    """Not by a word somewhere in them; what does not parse is none."""
    texts = {"good_yaml": "a: {b: {c: 1}}\n", "deep_yaml": "b: {a: 1}\n", "text_txt": "a: [\n"}
    (tmp_path / "a.yaml").write_text(write_document(settings("it", **texts)))
    found = dict(documents_in(read([tmp_path]).resources[0], "a"))
    assert list(found) == ["good.yaml"]
    assert at(found["good.yaml"], "a", "b", "c") == 1
    assert at(found["good.yaml"], "a", "c", "b") is None
