"""Every service logs structured lines that carry its trace and no personal data.

Free text cannot be searched by field, joined across services or counted. A line of JSON with the trace in it can.
What a log holds is copied to places that no erasure reaches, so secrets and personal fields never get in.
"""

import re
from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.told import Told, told
from fairway.estate.whole import serves
from fairway.yaml.reader import file_of

FORMAT: Final = re.compile(
    r"(?:\w+_)?LOG(?:S|GER|GING)?_*(?:CONSOLE_|OUTPUT_)?(?:FORMAT(?:TER(?:NAME)?)?|ENCOD(?:ING|ER))|"
    r"LOGGING__CONSOLE__FORMATTERNAME|ZAP_ENCODER",
    re.IGNORECASE,
)
PLAIN: Final = frozenset(
    "text txt plain plaintext plain-text console pretty simple human human-readable systemd line".split()  # noqa: SIM905 - words read better without quotes
)
"""Values that mean free text; logfmt has fields."""
JSON: Final = re.compile(
    r"(?:\w+_)?(?:LOG(?:S|GING)?_(?:AS_|IN_)?JSON(?:_ENABLED)?|JSON_LOG(?:S|GING)?(?:_ENABLED)?)|"
    r"QUARKUS_LOG_CONSOLE_JSON(?:_ENABLED)?",
    re.IGNORECASE,
)
OFF: Final = frozenset({"false", "0", "no", "off"})
PATTERN: Final = ("LOGGING_PATTERN_CONSOLE", "QUARKUS_LOG_CONSOLE_FORMAT")
OPTION: Final = re.compile(
    r"--?(?:log|logging|zap|logger)[-_.](?:format(?:ter)?|encod(?:er|ing))(?:=|\s+|$)(.*)", re.IGNORECASE
)


PERSONAL: Final = frozenset({"dev", "develop", "development", "local", "localhost", "minikube", "kind", "tilt"})
"""Folders of what runs where a person reads the lines."""


def check(estate: Estate) -> Iterator[Finding]:
    """Find services whose settings ask for lines of free text; what the code writes by itself is in no file.

    On a developer's own machine a person reads them, and text is right.
    """
    seen: set[tuple[int, str]] = set()
    for workload in serves(estate):
        for container in workload.containers:
            values = list(told(estate, workload, container))
            for number, one in enumerate(values):
                follows = values[number + 1].value if number + 1 < len(values) and not one.name else ""
                where = (id(one.written.value), one.key)
                said = _plain(one, follows)
                if said and where not in seen and not _personal(estate, one.written):
                    seen.add(where)
                    says = f"{said}: its lines are free text, which nobody can search by field or join to a trace."
                    fix = "Ask for JSON, with the trace's id in each line."
                    yield found(RULE.id, one.written, one.key, says, fix, warning=True)


def _personal(estate: Estate, node: Node) -> bool:
    file = file_of(node.line, node.origin.file)
    return not PERSONAL.isdisjoint(estate.stable.get(file, file).lower().split("/"))


def _plain(one: Told, follows: str) -> str:
    """Say which setting asks for free text; empty where this one does not."""
    value = one.value.strip()
    if not one.name:
        option = OPTION.match(value)
        given = (option[1] or follows).strip("'\" ") if option else ""
        return f"{value.partition('=')[0]} is {given}" if given.lower() in PLAIN else ""
    if FORMAT.fullmatch(one.name) and value.lower() in PLAIN:
        return f"{one.name} is {value}"
    if JSON.fullmatch(one.name) and value.lower() in OFF:
        return f"{one.name} is {value}"
    if one.name in PATTERN and value and "{" not in value.replace("%clr{", "").replace("%d{", "").replace("${", ""):
        return f"{one.name} is a pattern of text" if "%" in value else ""
    return ""


RULE = Rule(
    id="observability/structured-logs",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="every line parses, names its trace, and holds no planted secret or personal value",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/inventory/deployment.yaml",
            old="        imagePullPolicy: IfNotPresent\n        ports:\n        - name: grpc\n",
            new="        imagePullPolicy: IfNotPresent\n        env:\n        - name: LOG_FORMAT\n"
            '          value: "text"\n        ports:\n        - name: grpc\n',
        ),
    ),
)
