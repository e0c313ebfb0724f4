"""A system is loaded whole with the place of every fact, or refused with every problem of every file."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairway.core.errors import WrongInputError
from fairway.core.facts import json_schema
from fairway.declaration.load import Loaded, load

GENEROUS = 30  # seconds for what takes well under one: a loaded machine is no fault
GENERATED = Path(__file__).parents[2] / "benchmarks" / "generated_system.py"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(**files: str) -> Loaded:
    """Write files, their names without the ending, and load the system."""
    for name, text in files.items():
        Path(f"{name}.yaml").write_text(text)
    return load(Path())


def faults(**files: str) -> list[str]:
    """Give what a reader of the faults sees."""
    with pytest.raises(WrongInputError) as caught:
        loaded(**files)
    return str(caught.value).splitlines()


ROOT = """\
system: shop
include: [money.yaml]
services:
  orders:
    calls:
      payments:
        timeout: 5s
    anonymous-routes:
      - /books
      - /authors
    exposure: external
"""
MONEY = """\
version: 1.4.0

services:
  payments:
    volumes: {ledger: {size: 20Gi}}
stores:
  payments-db: {workload: transactional}
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), ("fairway.yaml", 0)),
        (("system",), ("fairway.yaml", 1)),
        (("version",), ("money.yaml", 1)),
        (("services",), ("fairway.yaml", 3)),
        (("services", "orders"), ("fairway.yaml", 4)),
        (("services", "orders", "calls", "payments"), ("fairway.yaml", 6)),
        (("services", "orders", "calls", "payments", "timeout"), ("fairway.yaml", 7)),
        (("services", "orders", "calls", "payments", "when-down"), ("fairway.yaml", 6)),
        (("services", "orders", "anonymous-routes", 1), ("fairway.yaml", 10)),
        (("services", "orders", "anonymous-routes", "/books"), ("fairway.yaml", 9)),
        (("services", "orders", "anonymous-routes", 2), ("fairway.yaml", 8)),
        (("services", "payments"), ("money.yaml", 4)),
        (("services", "payments", "volumes", "ledger", "size"), ("money.yaml", 5)),
        (("services", "nobody"), ("fairway.yaml", 3)),
        (("stores", "payments-db"), ("money.yaml", 7)),
        (("channels",), ("fairway.yaml", 0)),
    ],
)
def test_the_place_of_a_fact_is_that_of_as_much_of_it_as_is_written(
    path: tuple[str | int, ...], place: tuple[str, int]
) -> None:
    """What is only assumed is found at what it was assumed of."""
    assert loaded(fairway=ROOT, money=MONEY).sources.place(path) == place


def test_sections_of_several_files_are_one() -> None:
    """A name is used wherever it is declared."""
    system = loaded(fairway=ROOT, money=MONEY).system
    assert list(system.services) == ["orders", "payments"]
    assert list(system.stores) == ["payments-db"]
    assert system.version == "1.4.0"
    assert system.include == ("money.yaml",)


def test_what_two_files_declare_is_refused_with_both_places() -> None:
    """Neither is preferred in silence."""
    more = "system: shop\nplatform: {mesh: none}\nservices:\n  orders:\n  stock:\n"
    root = "system: shop\ninclude: [more.yaml]\nplatform: {gateway: kong}\nservices: {orders: }\n"
    assert faults(fairway=root, more=more) == [
        "more.yaml:1: system is declared here and at fairway.yaml:1. Remove one of the two.",
        "more.yaml:2: platform is declared here and at fairway.yaml:3. Remove one of the two.",
        "more.yaml:4: services.orders is declared here and at fairway.yaml:4. Remove one of the two.",
    ]


def test_all_problems_of_all_files_are_said_at_once_by_file_and_line() -> None:
    """Syntax, shape, references and files are mended in one go."""
    root = "system: shop\ninclude: [b.yaml, a.yaml]\nservices:\n  orders:\n    calls: {paymnts: , stok: }\n"
    a = "services:\n  payments: {sessions: maybe}\n  stock: {owner: nobody}\n"
    b = "stores:\n  orders-db: {workload: fast}\n"
    assert faults(fairway=root, a=a, b=b) == [
        "a.yaml:2: services.payments.sessions is the text 'maybe'. Write true or false.",
        (
            "a.yaml:3: service 'stock' has the owner 'nobody', which is not declared. "
            "Declare it under 'owners', or remove it here."
        ),
        (
            "b.yaml:2: stores.orders-db.workload is 'fast', which is not one of its choices. "
            "Write cache, transactional or write-heavy."
        ),
        "fairway.yaml:5: service 'orders' calls 'paymnts', which is not declared. Did you mean 'payments'?",
        "fairway.yaml:5: service 'orders' calls 'stok', which is not declared. Did you mean 'stock'?",
    ]


def test_a_fault_hides_no_other_fault() -> None:
    """A key given twice, a wrong type, an unknown name and a contradiction in another service come in one run."""
    found = faults(
        fairway="system: s\nsystem: s\nservices:\n  a:\n    sessions: maybe\n    calls: { c: {} }\n"
        "  b: { schedule: 0 3 * * *, stores: [d] }\nstores:\n  d: { workload: cache, engine: mysql }\n"
    )
    assert [fault.partition(". ")[0] for fault in found] == [
        "fairway.yaml:2: key 'system' is given here and on line 1; readers differ in which they take",
        "fairway.yaml:5: services.a.sessions is the text 'maybe'",
        "fairway.yaml:6: service 'a' calls 'c', which is not declared",
        "fairway.yaml:7: service 'b' has a schedule but runs continuously",
        "fairway.yaml:9: the workload of store 'd' is cache, and mysql is not made for that",
    ]


def test_a_file_that_cannot_be_read_makes_no_name_unknown() -> None:
    """What is missing may be declared in it."""
    root = "include: [gone.yaml, broken.yaml]\nservices: {orders: {calls: {payments: }, sessions: 1}}\n"
    broken, *others = faults(fairway=root, broken="services: [")
    assert broken.startswith("broken.yaml:1: ")
    assert others == [
        "fairway.yaml:1: includes 'gone.yaml', which is not there. Write its path from the folder of this file.",
        "fairway.yaml:2: services.orders.sessions is the number 1. Write true or false.",
    ]


def test_the_system_needs_a_name() -> None:
    """It may stand in any of the files."""
    assert faults(fairway="services: {orders: }") == [
        "fairway.yaml:1: the system has no name. Add 'system:' with its name."
    ]
    assert faults(fairway="") == [
        "fairway.yaml: the system has no service. Declare one under 'services'.",
        "fairway.yaml:1: the system has no name. Add 'system:' with its name.",
    ]
    assert loaded(fairway="include: [a.yaml]\nservices: {orders: }", a="system: shop").system.system == "shop"


def test_a_file_is_one_document() -> None:
    """What stands behind '---' is not skipped in silence."""
    assert faults(fairway="system: shop\n---\nservices: {orders: }")[0] == (
        "fairway.yaml:2: a second document starts here, where one is expected. Move it to a file of its own."
    )


LINES = "\n".join(f"  service-{number}: {{calls: {{servise-{number}: }}}}" for number in range(10_000))
ALIASES = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30))
HOSTILE = {
    "an alias bomb": (f"a0: &a0 [x]\n{ALIASES}", "fairway.yaml:"),
    "an alias bomb of services": (
        "services:\n  orders: &o {calls: &c {"
        + ", ".join(f"x{n}: &x{n} {{timeout: 5s}}" for n in range(1_000))
        + "}}\n"
        + "\n".join(f"  s{n}: {{calls: *c}}" for n in range(5_000)),
        "fairway.yaml:",
    ),
    "lists in lists": ("system: " + "[" * 100_000, "fairway.yaml:"),
    "maps in maps": ("system: " + "{a: " * 100_000, "fairway.yaml:"),
    "an alias of itself": ("system: &a [*a]", "fairway.yaml:1: "),
    "a binary file": ("\0\1\2", "fairway.yaml: looks like a binary file."),
    "a very long key": (f"{'x' * 100_000}: 1", "fairway.yaml:1: "),
    "a very long name": (f"services: {{? {'x' * 1_000_000} : {{}}}}", "fairway.yaml:1: "),
    "a very long number": (f"services: {{orders: {{starts-within: {'9' * 100_000}}}}}", "fairway.yaml:1: "),
    "ten thousand unknown keys": ("\n".join(f"servic-{n}: 1" for n in range(10_000)), "fairway.yaml:1: "),
    "ten thousand unknown names": (f"system: big\nservices:\n{LINES}", "fairway.yaml:3: service 'service-0' calls"),
    "a page of noise": ("\n".join(chr(33 + n % 94) * (n % 7) for n in range(10_000)), "fairway.yaml:"),
}


@pytest.mark.parametrize(("text", "begins"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_input_ends_soon_and_in_words(text: str, begins: str) -> None:
    """Nothing hangs, nothing fills the memory and nothing is a traceback."""
    Path("fairway.yaml").write_text(text)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))"
    program = f"""{limit}
from pathlib import Path
from fairway.core.errors import WrongInputError
from fairway.declaration.load import load
try:
    load(Path())
except WrongInputError as error:
    print(error)
"""
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=GENEROUS)
    assert not ended.stderr
    assert ended.stdout.startswith(begins)
    assert all(line.startswith("fairway.yaml:") for line in ended.stdout.splitlines())


@pytest.mark.parametrize("services", [0, 1, 60, 200])
def test_the_generated_systems_of_the_benchmarks_are_sound(services: int) -> None:
    """A figure about a refused file would say nothing."""
    text = runpy.run_path(str(GENERATED))["generate"](services)
    if services:
        assert len(loaded(fairway=text).system.services) == services
    else:
        assert faults(fairway=text) == ["fairway.yaml:15: the system has no service. Declare one under 'services'."]


SECTIONS = json_schema()["$defs"]["System"]["properties"]
WORDS = sorted({key for record in json_schema()["$defs"].values() for key in record["properties"]})
SCALARS = (
    st.sampled_from(["orders", "stock", "5s", "20Gi", "2027-01-31", "transactional", "external", "a.yaml", "GET /"])
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*WORDS, "orders", "stock"]) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(
    root=st.dictionaries(st.sampled_from(list(SECTIONS)), VALUES, max_size=6),
    other=st.dictionaries(st.sampled_from(list(SECTIONS)), VALUES, max_size=3) | VALUES,
)
def test_any_structure_is_loaded_or_refused_in_words(
    root: dict[str, object], other: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the files say, nothing but WrongInputError is raised, and each message fits on its line."""
    folder = tmp_path_factory.mktemp("any")
    (folder / "fairway.yaml").write_text(json.dumps({"include": ["a.yaml"], **root}))
    (folder / "a.yaml").write_text(json.dumps(other))
    try:
        system = load(folder, frozenset({"design/saga"})).system
    except WrongInputError as error:
        problems = error.problems
    else:
        assert system.services
        return
    assert problems
    assert all(str(problem).isprintable() for problem in problems)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_loaded_or_refused_in_words(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """A file need not even be text."""
    file = tmp_path_factory.mktemp("any") / "fairway.yaml"
    file.write_bytes(content)
    with pytest.raises(WrongInputError) as caught:
        load(file)
    assert all(str(problem).isprintable() for problem in caught.value.problems)
