"""What a user relies on when Fairway writes YAML: every reader takes the same values, and people can read it."""

import json
import shutil
import subprocess
from collections import OrderedDict
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import yaml
from fairway.yaml.reader import read_document, read_documents
from fairway.yaml.writer import write_document, write_documents

# Strings that some reader takes for something else when they stand bare, or that a block would change.
AWKWARD_WORDS = """
y n Y N yes on Off true TRUE tRUE null Null NULL ~ nan NaN inf .inf -.INF .nan = << --- ... - -- ? : :: | > ! & * % @ `
1e3 1E3 12e03 .5 1. 5. 0o17 017 0x1F 0b11 0b-1 1_000 0_1 12:30:45 190:20:30 1:2 2001-01-01 2001-12-14t21:59:43.10-05:00
-1 +1 1e 00 08 1.10 -.5 +.5 0o8 1e+3 1E-2 0x +12e03 685.230_15e+03 9223372036854775808 1e400 *a &a !t !!int %x @x `x #c
a: [a] {a} [ ] { } , 'q' "d" it's a\\b \\
5m 250m 1.5Gi 50% 1d 10ms 0m 1e3m 5D 1Ei /a/b http://a:80/b?c=d&e=f#g a:b x=y,z
"""
AWKWARD = [
    *AWKWARD_WORDS.split(),
    "", " ", "  ", "\n", "\n\n", "\t", "\r", "\r\n", "\x85", "\u2028", "\u2029", "\ufeff", "\xa0", "\x00",
    "\x1b[31m", "\x7f", "\x9f", "\ufffe", "\uffff", "\ufffd", "\u200b", "\u202e", "é", "😀", "👨\u200d👩",
    "𐀀", "- x", "? x", "| x", "> x", "a: b", "a :b", "a #b", "a# b", " lead", "trail ", "a  b", "tab\tx", "\tx",
    "x\t", "null ", "'\"", "'\"\\", "it's \"q\"", "multi\nline", "multi\nline\n", "multi\nline\n\n", "\nx", "\n x",
    "\n\tx\n", " x\ny", "\tx\ny", "x\n y\n  z\n", "x \ny", "x\n \ny", "x\n  ", "x\n\t", "x\n\n\ny", "#x\ny",
    "x\n#y\n", "- x\n- y", "a: b\nc: d", "---\nx", "x\n---\ny", "x\n...\n", "%x\ny", "a\r\nb", "a\x85b\nc",
    "a\u2028b\nc", "a\ufeffb\nc", "\ufeffa\nb", "a\x07b\nc", "é\n😀", "{{ a }}", "{{ a }}\nb", "x" * 2000,
    "x y " * 500, "é\n" * 600, "'\"" * 600,
]  # fmt: skip

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False).filter(lambda number: not 2**53 <= abs(number) < 2**63)  # integers to kubectl
    | st.text()
    | st.text("-?:,[]{}#&*!|>'\"%@`\\ \n\tab1.0e~=<+_\r\x85\u2028\ufeff😀")
    | st.sampled_from(AWKWARD),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.sampled_from(AWKWARD) | st.text("-?: #\n'\"a1\t"), inner)
    ),
)


def shapes(text: str) -> dict[str, Any]:
    """Put *text* everywhere a string can stand."""
    return {
        "value": text, "items": [text, text], "nested": [[text], {"a": text, text: [text]}, [[[text]], text]],
        "key": {text: 1}, "keys": {"a": {text: {text: text}}, text + "b": [{text: {}}], "c": {text: [1]}}, "last": text,
    }  # fmt: skip


def own(text: str) -> object:
    """Read *text* with our reader; it has no problems."""
    document, problems = read_document(text, "a.yaml")
    assert not problems
    return document.value


@pytest.mark.parametrize("text", AWKWARD, ids=lambda text: ascii(text)[:20])
def test_an_awkward_string_stays_the_same_string(text: str) -> None:
    """Wherever it stands, for our reader and for both of PyYAML's."""
    for value in (text, [text], {text: text}, shapes(text)):
        written = write_document(value)
        assert own(written) == value
        assert yaml.load(written, yaml.CSafeLoader) == value
        assert yaml.load(written, yaml.SafeLoader) == value


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl, the oracle for types, is not installed")
def test_kubectl_reads_every_awkward_string_as_it_was() -> None:
    """Not one of them is re-typed or changed by the reader that matters most."""
    manifest = {
        "apiVersion": "a.b/v1", "kind": "A", "metadata": {"name": "a"}, "shapes": [shapes(text) for text in AWKWARD]
    }  # fmt: skip
    command = ["kubectl", "annotate", "--local", "-f", "-", "z=z", "-o", "json"]
    seen = subprocess.run(command, input=write_document(manifest).encode(), capture_output=True, check=True).stdout
    assert json.loads(seen)["shapes"] == manifest["shapes"]


@settings(deadline=None, max_examples=300)
@given(JSON)
def test_whatever_json_holds_comes_back(value: object) -> None:
    """Values are equal after writing and reading, and writing them again gives the same bytes."""
    written = write_document(value)
    plain = json.loads(json.dumps(value))  # tuples as lists
    assert own(written) == plain
    assert yaml.load(written, yaml.CSafeLoader) == plain
    assert yaml.load(written, yaml.SafeLoader) == plain
    assert write_document(yaml.load(written, yaml.CSafeLoader)) == written
    assert own(write_document(own(written))) == plain


def test_the_layout_is_the_one_of_kubectl() -> None:
    """Block style, keys in their order, lists not indented below their key, no anchors."""
    shared = {"app": "orders"}
    value = {
        "kind": "Service",
        "metadata": {"labels": shared, "annotations": {}},
        "spec": {
            "selector": shared,
            "ports": [{"name": "http", "port": 80}, {"targets": [1, [2, 3], [], {"a": [4]}]}],
            "empty": [],
            "nothing": None,
            "text": "first\n\n  second\n",
            "cpu": "250m",
            "on": True,
            "version": "1.10",
            "query": 'up{job="orders"} > 0',
            "both": 'it\'s "so"',
        },
    }
    assert write_document(value, "Written by fairway build.\n\nDo not edit.") == (
        """\
# Written by fairway build.
#
# Do not edit.
kind: Service
metadata:
  labels:
    app: orders
  annotations: {}
spec:
  selector:
    app: orders
  ports:
  - name: http
    port: 80
  - targets:
    - 1
    - - 2
      - 3
    - []
    - a:
      - 4
  empty: []
  nothing: null
  text: |
    first

      second
  cpu: 250m
  "on": true
  version: "1.10"
  query: 'up{job="orders"} > 0'
  both: "it's \\"so\\""
"""
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\nb", "|-\n  a\n  b\n"),
        ("a\nb\n", "|\n  a\n  b\n"),
        ("a\nb\n\n", "|+\n  a\n  b\n\n"),
        ("  a\nb", "|2-\n    a\n  b\n"),
        ("\n\n a\n", "|2\n\n\n   a\n"),
        ("a \n\n b", "|-\n  a \n\n   b\n"),
        ("é\n👨\u200d👩\xa0", "|-\n  é\n  👨\u200d👩\xa0\n"),
        ("a\r\nb", '"a\\r\\nb"\n'),
        ("a\nb\x07", '"a\\nb\\x07"\n'),
        ("\n", '"\\n"\n'),
    ],
)
def test_lines_of_text_become_a_block_wherever_a_block_keeps_them(text: str, written: str) -> None:
    """Scripts and configuration stay readable; only what a block would change is escaped."""
    assert write_document(text) == written


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (1.0, "1.0"), (1e20, "1.0e+20"), (1e-07, "1.0e-07"), (1.5e300, "1.5e+300"), (float("inf"), ".inf"), (0, "0"),
        (float("-inf"), "-.inf"), (float("nan"), ".nan"), (2**64 - 1, "18446744073709551615"), (-1, "-1"),
    ],
)  # fmt: skip
def test_numbers_stay_numbers_for_every_reader(number: float, written: str) -> None:
    """YAML 1.1 wants a point in a float, and has its own words for what is not finite."""
    assert write_document(number) == written + "\n"
    assert type(yaml.safe_load(written)) is type(number)


def test_subclasses_are_written_as_what_they_extend() -> None:
    """Enums of strings and integers, ordered and own dictionaries, tuples and lists."""

    class Colour(StrEnum):
        RED = "red"
        NO = "no"

    class Old(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "another text"

        __format__ = object.__format__

    class Level(IntEnum):
        HIGH = 3

    class Row(list[object]):
        pass

    value = OrderedDict({Colour.RED: Colour.NO, Old("a b\nc"): (Old("d "), Level.HIGH), "e": Row([Row(), ()])})
    assert write_document(value) == 'red: "no"\n"a b\\nc":\n- "d "\n- 3\ne:\n- []\n- []\n'


def test_a_key_too_long_for_one_line_is_still_read() -> None:
    """Readers give up on a key after 1,024 characters, unless a question mark announces it."""
    value = {"k" * 3000: {"a" * 1000: 1, "b" * 1001: [1], "c" * 5000: "x\ny\n"}, "d": [{"é" * 2000: {}}]}
    written = write_document(value)
    assert own(written) == value
    assert yaml.safe_load(written) == value


def test_several_documents_are_parted_by_markers() -> None:
    """Also after a block that ends in empty lines, which it keeps."""
    values = [{"a": "x\n\n"}, [1], "text", None, {}, "x\ny\n\n\n"]
    written = write_documents(values)
    assert written.startswith("a: |+\n  x\n\n---\n- 1\n---\ntext\n---\nnull\n---\n{}\n---\n|+\n")
    assert [document.value for document in read_documents(written, "a.yaml").documents] == values
    assert list(yaml.safe_load_all(written)) == values
    assert write_documents([]) == ""


def test_a_comment_cannot_end_early() -> None:
    """Whatever ends a line for any reader starts a new line of the comment."""
    written = write_document(1, "a\rb: 1\u2028c\x85- d\x0be\r\n\n---\x00 \ufeff")
    assert written == "# a\n# b: 1\n# c\n# - d\n# e\n#\n# ---? ?\n1\n"


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        ({"a": {"b": [1, {1, 2}]}}, TypeError, "a.b[1]: cannot write a value of type set."),
        ([b"x"], TypeError, "[0]: cannot write a value of type bytes."),
        (object(), TypeError, "the document: cannot write a value of type object."),
        ({"a": [{"b": 1, 2: 3}]}, TypeError, "a[0].2: a key must be a string, not int."),
        ({"a": ["x\ud800"]}, ValueError, "a[0]: text with half a character, U+D800, cannot be encoded."),
        ({"a": "x\ny\udfff"}, ValueError, "a: text with half a character, U+DFFF, cannot be encoded."),
        ({"a": 2**64}, ValueError, "a: an integer past 64 bits would be read as a float."),
        ({"a": -(10**5000)}, ValueError, "a: an integer past 64 bits would be read as a float."),
    ],
)
def test_what_cannot_be_written_is_named_by_its_path(value: object, kind: type[Exception], says: str) -> None:
    """Nothing is written that would come back as something else."""
    with pytest.raises(kind) as raised:
        write_document(value)
    assert str(raised.value) == says
    with pytest.raises(kind, match=r"^\[1\]"):
        write_documents([1, value])


def test_a_value_that_contains_itself_is_refused() -> None:
    """In words, not by an overflowing stack."""
    row: list[object] = [1]
    row.append({"a": row})
    with pytest.raises(ValueError, match=r"^\[1\]\.a\[1\]\.a.* nests deeper than 100 levels, or contains itself\."):
        write_document(row)


def test_what_is_written_is_never_too_deep_to_be_read() -> None:
    """The deepest value the writer takes is the deepest the reader takes."""
    value: object = "x"
    for level in range(100):
        value = [value] if level % 3 else {"a": value}
    assert own(write_document(value)) == value
    with pytest.raises(ValueError, match="nests deeper"):
        write_document([value])
