"""What a user relies on when Fairway reads YAML: the values kubectl sees, the lines, and plain words about faults."""

import gc
import json
import math
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import yaml
from fairway.yaml.reader import Limits, Mapping, Sequence, Value, read_document, read_documents

MANIFEST = """\
# An order service.
apiVersion: v1
kind: Service
metadata:
  name: orders
  labels: {app: orders, "tier": backend}
spec:
  type: ClusterIP
  ports:
  - name: http
    port: 80
  -
    name: metrics
    port: 0x2382
---
kind: List
items: []
"""

TYPED = {
    "y": True, "NO": False, "tRUE": "tRUE", "~": None, "1e3": 1000, "0o17": 15, "017": 15, "08": 8, "0x1F": 31,
    "0b11": 3, "0b-1": -1, "1_000": 1000, "._5": "._5", ".5_5": 0.55, "12:30:45": "12:30:45", "-0.0": 0,
    "2001-01-01": "2001-01-01", "=": "=", "1.10": 1.1, "+1": 1, "1e": "1e", "9223372036854775807": 2**63 - 1,
    "18446744073709551616": 2.0**64, "1e18": 10**18, "1234567890123456789.0": 1234567890123456800,
    "0777777777777777777777777": 7.77777777777777777777777e23, "1e400": "1e400", "1e-400": 0, "!!str 1": "1",
    "!!int '3'": 3, "!!float 3": 3, "!!binary aGk=": "hi", "! 12": "12", "!!timestamp 2001-01-01": "2001-01-01",
}  # fmt: skip
KEYS = {
    "1": "1", "yes": "true", "Off": "false", "0x10": "16", "1.10": "1.1", "1e6": "1e+06", "0.00001": "1e-05",
    "123456789.5": "1.2345679e+08", "123456.0": "123456", "-0.0": "-0", "1e40": ".inf", "-.inf": "-.inf",
    ".nan": ".nan", "2001-01-01": "2001-01-01", "!!int '7'": "7", "'1.10'": "1.10", "1e-50": "0",
}  # fmt: skip


def read(text: str | bytes, **limits: int) -> tuple[list[Value], list[str]]:
    """Read *text* and give its values and its problems as sentences."""
    documents = read_documents(text, "a.yaml", Limits(**limits))
    return [document.value for document in documents.documents], [str(problem) for problem in documents.problems]


def one_mapping(text: str) -> Mapping:
    """Read *text*, which is one mapping without problems."""
    document, problems = read_document(text, "a.yaml")
    assert not problems
    assert isinstance(document.value, Mapping)
    return document.value


@pytest.fixture(params=["libyaml", "pure Python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test on each of PyYAML's parsers, as libyaml may be absent."""
    if request.param == "pure Python":
        monkeypatch.setattr("fairway.yaml.builder._PARSER", yaml.SafeLoader)


@pytest.mark.usefixtures("parser")
def test_every_key_and_item_knows_its_line() -> None:
    """Lines count from one over the whole file, whatever the style."""
    first, second = read_documents(MANIFEST, "a.yaml").documents
    assert (first.line, second.line) == (2, 15)
    assert isinstance(first.value, Mapping)
    assert isinstance(second.value, Mapping)
    assert first.value.lines == {"apiVersion": 2, "kind": 3, "metadata": 4, "spec": 7}
    metadata, spec = first.value["metadata"], first.value["spec"]
    assert isinstance(metadata, Mapping)
    assert isinstance(spec, Mapping)
    assert isinstance(metadata["labels"], Mapping)
    assert (metadata.line, metadata["labels"].lines) == (5, {"app": 6, "tier": 6})
    ports = spec["ports"]
    assert isinstance(ports, Sequence)
    assert (ports.line, ports.lines) == (10, [10, 13])
    assert ports == [{"name": "http", "port": 80}, {"name": "metrics", "port": 9090}]
    assert second.value.lines == {"kind": 16, "items": 17}


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("newline", ["\r\n", "\r", "\n"])
def test_lines_are_those_of_an_editor(newline: str) -> None:
    """Windows and old Mac line ends count once; YAML's own line ends, which editors do not show, count never."""
    mapping = one_mapping(f"a: 'x\u2028y\x85z'{newline}b: |{newline}  p{newline}  q{newline}c: 1{newline}")
    assert mapping.lines == {"a": 1, "b": 2, "c": 5}
    assert mapping["b"] == "p\nq\n"


def test_values_go_straight_into_a_schema_check_and_into_structs() -> None:
    """The mapping and sequence classes are a dict and a list to jsonschema-rs and msgspec."""
    mapping = one_mapping("name: orders\nports: [80, 'x']\n")
    schema = {"type": "object", "properties": {"ports": {"type": "array", "items": {"type": "integer"}}}}
    (error,) = jsonschema_rs.Draft202012Validator(schema).iter_errors(mapping)
    assert list(error.instance_path) == ["ports", 1]

    service = msgspec.defstruct("service", [("name", str), ("ports", list[int | str])])
    assert msgspec.convert(mapping, service) == service("orders", [80, "x"])


@pytest.mark.parametrize(("text", "value"), TYPED.items())
def test_a_plain_scalar_has_the_type_kubectl_gives_it(text: str, value: object) -> None:
    """Both the value and its type, so that a quoted and a bare number stay apart."""
    typed = one_mapping(f"a: {text}\n")["a"]
    assert typed == value
    assert type(typed) is type(value)


def test_infinity_and_not_a_number_are_floats() -> None:
    """YAML has words for them; the schema of a manifest refuses them later."""
    mapping = one_mapping("a: .inf\nb: -.INF\nc: .NaN\n")
    assert (mapping["a"], mapping["b"]) == (math.inf, -math.inf)
    assert str(mapping["c"]) == "nan"


@pytest.mark.parametrize(("text", "key"), KEYS.items())
def test_a_key_becomes_the_string_kubectl_makes_of_it(text: str, key: str) -> None:
    """Numbers and truths as keys are spelt as Go spells them, floats with 32 bits."""
    assert list(one_mapping(f"{text}: a\n")) == [key]


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl, the oracle for types, is not installed")
def test_kubectl_itself_agrees() -> None:
    """The tables above are what the real kubectl reads."""
    values = "".join(f"  - {text}\n" for text in TYPED)
    keys = "".join(f"  - {text}: a\n" for text in KEYS)
    text = f"apiVersion: a.b/v1\nkind: A\nmetadata: {{name: a}}\nvalues:\n{values}keys:\n{keys}"
    command = ["kubectl", "annotate", "--local", "-f", "-", "z=z", "-o", "json"]
    seen = json.loads(subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout)
    # Go prints whole floats without a point, which JSON then reads as integers.
    floats = [isinstance(value, float) for value in TYPED.values()]
    values_seen = [float(value) if is_float else value for value, is_float in zip(seen["values"], floats, strict=True)]
    assert values_seen == list(TYPED.values())
    assert [next(iter(item)) for item in seen["keys"]] == list(KEYS.values())


def test_a_merge_brings_keys_with_their_own_lines() -> None:
    """Keys of the mapping itself win over merged ones, earlier mappings of a list over later ones."""
    mapping = one_mapping("a: &a {x: 1, w: 1}\nb: &b {w: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 3\n'<<': 4\n")
    merged = mapping["c"]
    assert merged == {"x": 3, "w": 1, "z": 2}
    assert isinstance(merged, Mapping)
    assert merged.lines == {"x": 5, "w": 1, "z": 2}
    assert mapping["<<"] == 4


def test_an_alias_is_the_value_of_its_anchor() -> None:
    """Also as a key, also of a scalar; the nearest anchor above counts."""
    assert one_mapping("a: &x 1\nb: &x [2]\nc: *x\n&k d: 3\ne: {*k : *k}") == {
        "a": 1, "b": [2], "c": [2], "d": 3, "e": {"d": "d"},
    }  # fmt: skip


def test_a_duplicate_key_is_refused_with_both_lines() -> None:
    """The last value is kept and reading goes on, in the next document too."""
    values, problems = read("a: 1\nb: {c: 1,\n  c: 2}\n'a': 3\n---\nd: 1\nd: 1\n")
    assert values == [{"a": 3, "b": {"c": 2}}, {"d": 1}]
    assert problems == [
        "a.yaml:3: key 'c' is given here and on line 2; readers differ in which they take. Keep one of them.",
        "a.yaml:4: key 'a' is given here and on line 1; readers differ in which they take. Keep one of them.",
        "a.yaml:7: key 'd' is given here and on line 6; readers differ in which they take. Keep one of them.",
    ]


def test_a_document_broken_after_its_value_is_not_kept() -> None:
    """What stands before the error is half of something else."""
    assert read("a\nb: 1\n---\nc\n")[0] == ["c"]


def test_a_document_too_deep_costs_only_itself() -> None:
    """The next one is read, with its own problems."""
    values, problems = read("a: [[[1]]]\n---\nb: 1\nb: 1\n", depth=3)
    assert values == [{"b": 1}]
    assert [problem.partition(":")[2][:6] for problem in problems] == ["1: nes", "4: key"]


def test_lines_count_from_the_top_of_the_file_after_an_error() -> None:
    """Of documents, collections, keys, items and problems."""
    documents = read_documents("a: [\n---\nb: 1\n---\nc:\n- 1\n-  2\nd: *e\n", "a.yaml")
    assert [problem.line for problem in documents.problems] == [2, 8]
    first, second = documents.documents
    assert (first.line, second.line) == (2, 4)
    assert isinstance(second.value, Mapping)
    assert (second.value.line, second.value.lines) == (5, {"c": 5, "d": 8})
    items = second.value["c"]
    assert isinstance(items, Sequence)
    assert (items.line, items.lines) == (6, [6, 7])


def test_a_syntax_error_costs_only_its_own_document() -> None:
    """Documents before and after it are read, and each error is told with its line."""
    values, problems = read("a: 1\n---\nb: [\n---\nc: 'open\n---\nd: 4\n--- \ne:\n\tf: 1\n")
    assert values == [{"a": 1}, {"d": 4}]
    assert problems == [
        "a.yaml:4: a value is missing here, or a bracket above is not closed. Close the bracket, or quote the value.",
        "a.yaml:5: the quote opened here is not closed. Close it.",
        "a.yaml:10: a tab is used where only spaces may indent. Indent with spaces.",
    ]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: b: c", 1, "a ': ' is not allowed here"),
        ("a:\n  b: 1\n c: 2", 3, "does not continue the mapping"),
        ("a: [1\nb: 2", 1, "is not closed"),
        ("a\nb: 1", 2, "': ' is not allowed"),
        ("a: @b", 1, "cannot start with '@'"),
        ("a: {{ .Values.b }}", 1, "looks like a template"),
        ("{{- if .a }}\nb: 1\n{{- end }}", 1, "looks like a template"),
        ("a: 1\n? [b]\n: 2", 2, "a key must be a single value"),
        ("a: 1\n{b: c}: 2", 2, "a key must be a single value"),
        ("a: &b [1]\n*b : 2", 2, "a key must be a single value"),
        ("a: 1\n~: 2", 2, "the key '~' reads as null"),
        ("9223372036854775808: 2", 1, "is a number past 64 bits"),
        ("a: 1\nb: *c", 2, "the alias '*c' has no anchor '&c' above it"),
        ("a: &b\n  c: [*b]", 2, "the anchor '&b' contains itself"),
        ("a: &b 1\n---\nc: *b", 3, "has no anchor"),
        ("a: !Foo b", 1, "has the tag '!Foo', which is not known here"),
        ("a: !Foo {b: c}", 1, "has the tag '!Foo', which is not known here"),
        ("a: !!int b", 1, "'b' is tagged '!!int' but does not read as one"),
        ("a: !!binary b", 1, "is not base64"),
        ("a: !%ED%A0%80 b", 0, "the escapes of a tag are not UTF-8"),
        ("a: 1\n<<: 2", 2, "'<<' merges what is no mapping"),
        ("b: &b {a: 2}\nc:\n  a: 1\n  <<: *b", 3, "stands above the merge of line 4, which kubectl lets override it"),
        ("a: 1\nb: \x1b[31m", 2, "holds the hidden character U+001B"),
        ("a: 1\nb: \x9f", 2, "holds the hidden character U+009F"),
        ("a: 1\n\ufeffb: 2", 2, "holds the hidden character U+FEFF"),
        ("a: 1\nb: \ud800", 2, "holds half a character, U+D800"),
        (b"a: 1\nb: \xe9\n", 2, "byte 0xe9 is not UTF-8"),
        (b"\x7fELF\x02\x00\x00", 0, "looks like a binary file"),
        ("a: 1".encode("utf-16"), 0, "is UTF-16 or UTF-32"),
        ("a: 1".encode("utf-16-be"), 0, "looks like a binary file"),
    ],
)  # fmt: skip
def test_bad_input_is_one_problem_with_its_line(text: str | bytes, line: int, says: str) -> None:
    """Each says where and what, and never comes as an exception."""
    (problem,) = read_documents(text, "a.yaml").problems
    assert problem.line == line
    assert says in problem.says


def test_nothing_and_a_byte_order_mark_are_fine() -> None:
    """An empty file has no documents, a marker alone has one that is empty, and UTF-8's mark is no character."""
    assert read("") == read(b"") == read("# only this\n") == ([], [])
    assert read("---\n---\n") == ([None, None], [])
    assert read(b"\xef\xbb\xbfa: \xc3\xa9\n") == ([{"a": "é"}], [])


def test_one_document_is_asked_for_and_one_is_given() -> None:
    """None where there is none; a second one is told with its line."""
    assert read_document("", "a.yaml")[0].value is None
    document, problems = read_document("a: 1\n---\nb: 2\n", "a.yaml")
    assert document.value == {"a": 1}
    (problem,) = problems
    assert str(problem).startswith("a.yaml:2: a second document starts here")


def bombs() -> Iterator[tuple[str, str, str]]:
    """Give hostile texts with a name and with what the problem says, if there is one."""
    numbers = range(1, 99)
    laughs = "a0: &a0 [ha]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in numbers)
    merges = "a0: &a0 {a: 1}\n" + "".join(f"a{n}: &a{n}\n  <<: [{f'*a{n - 1},' * 99}]\n  b{n}: 1\n" for n in numbers)
    chain = "a0: &a0 [ha]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2000))
    yield "brackets", "[" * 1_000_000, "nests deeper than 100 levels"
    yield "braces", "{a: " * 1_000_000, "nests deeper than 100 levels"
    yield "dashes", "- " * 1_000_000, "nests deeper than 100 levels"
    yield "questions", "? " * 1_000_000, "nests deeper than 100 levels"
    yield "blocks", "\n".join(" " * n + "a:" for n in range(3000)), "nests deeper than 100 levels"
    yield "deep aliases", chain, "nests deeper than 100 levels"
    yield "billion laughs", laughs, "aliases stand for more than 100,000 nodes"
    yield "merges", merges, "aliases stand for more than 100,000 nodes"
    yield "long string many times", f"- &a {'x' * 1_000_000}\n" + "- *a\n" * 10_000, "aliases stand for more than"
    yield "tag handles", "".join(f"%TAG !a{n}! a\r" for n in range(200_000)) + "--- a", "'%TAG' handles"
    yield "one key again and again", "a: 1\n" * 1_000_000, "has 100 problems up to here"
    yield "broken documents", "--- [\n" * 1_000_000, "has 100 problems up to here"
    yield "hidden characters", "\x01\n" * 1_000_000, "has 100 problems up to here"
    yield "too long", " " * (32 * 1024 * 1024 + 1), "is 33,554,433 bytes long"
    yield "open quote", 'a: "' + "x" * 5_000_000, "the quote opened here is not closed"
    yield "long scalar", "a: " + "x" * 5_000_000, ""
    yield "many digits", "a: " + "1" * 5_000, ""
    yield "millions of digits", "a: 0x" + "f" * 5_000_000, ""
    yield "tabs", "\t" * 5_000_000, "a tab is used"
    yield "line ends", "\n\r" * 5_000_000 + "\u2028" * 1_000_000, ""


@pytest.mark.parametrize(("text", "says"), [pytest.param(text, says, id=name) for name, text, says in bombs()])
def test_hostile_input_is_settled_within_a_second(text: str, says: str) -> None:
    """Refused with a problem, or read where it is only large."""
    start = time.process_time()
    problems = read_documents(text, "a.yaml").problems
    assert time.process_time() - start < 1
    assert any(says in problem.says for problem in problems) if says else not problems


@pytest.mark.parametrize("text", ["[" + "1," * 20_000, "[" + "{a: b}," * 20_000, "- a\n" * 20_000, "---\n" * 20_000])
def test_a_file_with_too_many_nodes_is_refused(text: str) -> None:
    """The limit counts over all documents, and inside a collection that is still open."""
    assert read(text, nodes=10_000)[1] == ["a.yaml: holds more than 10,000 nodes. Split it."]


@pytest.mark.parametrize("collecting", [True, False])
def test_reading_leaves_the_garbage_collector_as_it_was(collecting: bool) -> None:  # noqa: FBT001 - a parameter
    """It is off only while reading, for those who have it on."""
    was_collecting = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        read("a: [")
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if was_collecting else gc.disable)()


def mutations(seed: int, texts: list[bytes], count: int) -> Iterator[bytes]:
    """Give *count* texts that are almost right."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    pieces = (
        b"---\n|&a |*a|<<: *a\n|? |- |: |{|}|[|]|'|\"|\t|\r\n|\n|>-\n|!Foo |!!int |#|\x00|\xff|\xe2\x80\xa8|%YAML 1.1\n"
    )
    for _ in range(count):
        text = bytearray(chance.choice(texts))
        for _ in range(chance.randint(1, 6)):
            at, other = chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)
            insert = chance.choice([*pieces.split(b"|"), b"|", text[other : other + 50]])
            text[at : at + chance.choice([0, 0, 1, 9])] = insert
        yield bytes(text)


def check_reading(text: bytes | str) -> None:
    """Read *text*, which may be anything: no exception, and every line lies in the file."""
    raw = text.encode(errors="replace") if isinstance(text, str) else text
    last = len(raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
    documents = read_documents(text, "a.yaml")
    assert all(0 <= problem.line <= last and "\n" not in str(problem) for problem in documents.problems)
    waiting = [document.value for document in documents.documents]
    seen = set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping | Sequence) and id(value) not in seen:
            seen.add(id(value))
            lines = list(value.lines.values() if isinstance(value, Mapping) else value.lines)
            assert len(lines) == len(value)
            assert all(1 <= line <= last for line in [value.line, *lines])
            waiting += value.values() if isinstance(value, Mapping) else value


def test_broken_manifests_never_raise() -> None:
    """Thousands of small damages to a manifest."""
    for text in mutations(1, [MANIFEST.encode()], 2000):
        check_reading(text)


def test_broken_manifests_of_others_never_raise() -> None:
    """The same with real systems' manifests."""
    corpora = Path(__file__).parents[3] / "shared" / "corpora"
    texts = [path.read_bytes() for path in sorted(corpora.rglob("*.yaml"))]
    if not texts:
        pytest.skip("no corpora of manifests beside the repository")
    for text in mutations(2, [text for text in texts if len(text) < 5000], 500):
        check_reading(text)


@settings(max_examples=300, deadline=None)
@given(st.binary() | st.text() | st.text("-?:,[]{}#&*!|>'\"%@` \n\tab1.<") | st.text(st.characters()))
def test_any_text_and_any_bytes_never_raise(text: str | bytes) -> None:
    """Hypothesis looks for what the mutations miss."""
    check_reading(text)
