"""Damaged estates, each made anew from its number: what people and tools do to manifests, and worse."""

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
from overlays import overlays

import yaml
from fairway.verbs.render import render
from fairway.verbs.workspace import open_system

Files: TypeAlias = Mapping[str, bytes]

REPOSITORY: Final = Path(__file__).parents[2]
CORPORA: Final = REPOSITORY.parent / "shared" / "corpora"  # more to damage, where it is there
LARGEST: Final = 40_000  # bytes of a file worth damaging: more only takes longer
FEW: Final = 8  # objects of one estate
DEEP: Final = 120  # levels
STRANGE: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 10**30, 2**63, 1.5, float("inf"), float("nan"), [], {}, [[]], [None], [{}], ["x", 1]),
    *({"name": 1}, {"a": {"b": [1]}}, {"": ""}, {"name": None}, [{"name": "a"}, {"name": "a"}], {"kind": "Pod"}),
    *(
        "",
        " ",
        "x",
        "a.b",
        "é",
        "x" * 3000,
        "a\nb",
        "a\u0000b",
        "\ud800",
        "\u202e",
        "\u2028",
        "-",
        "*",
        "0x10",
        "1e999",
    ),
    *("9" * 40, "1" * 5000, "-1", "007", "true", "null", "~", "1Ti", "1m", "100%", "-5%", "12:30:45", "2026-02-30"),
    *("(", "[", "(?P<", "sum(", "rate(a[5m", "{{ .x }}", "$(A)", "${A:-", "%zz", "* * * * *", "61 25 * * 9", "PT5X"),
    *(
        "://",
        "http://[::1",
        "http://a:99999/",
        "a:b:c@d",
        "host:port",
        "..",
        "/",
        "//",
        "a/b/c:d@sha256:e",
        ":",
        "@",
        "==",
    ),
)
WORDS: Final = (
    *(b": ", b"- ", b"{", b"}", b"[", b"]", b"&a ", b"*a", b"<<: *a", b"!!binary ", b"!x ", b"|\n", b">-\n", b"? "),
    *(b"'", b'"', b"#", b"%YAML 1.1\n", b"\n---\n", b"\n...\n", b"\t", b"\r", b"\0", b"\xff", b"\xc3", b"\xef\xbb\xbf"),
    *("\u0085".encode(), "\u2028".encode(), b"\\\n", b"=", b"\nFROM ", b"\nRUN ", b"<<EOF\n", b"${", b"{{"),
    *(b"apiVersion: v1\n", b"kind: List\n", b"items:\n"),
)
SAMPLES: Final = """\
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {app: web}}, spec: {replicas: 1, template: {metadata: {labels: {app: web}},
  spec: {restartPolicy: Always, initContainers: [{name: i, restartPolicy: Always}], containers: [{name: web, image: "redis:7", command: [a], args: [b],
    ports: [{name: http, containerPort: 80}], env: [{name: A_PASSWORD, value: x}, {name: B_URL, value: "https://a.example.com"}],
    livenessProbe: {httpGet: {path: /ready, port: http}}, readinessProbe: {exec: {command: [curl, "http://b/"]}},
    volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]}}}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {serviceName: db, volumeClaimTemplates: [{metadata: {name: v}}],
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: postgres, resources: {limits: {cpu: 1}}}]}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: http}]}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: {scaleTargetRef: {kind: Deployment, name: web}, minReplicas: 1,
  maxReplicas: 3, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]}}
---
{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: s}, spec: {scaleTargetRef: {name: db}, triggers: [{type: cpu, metadata: {value: "6"}}]}}
---
{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: r}, spec: {workloadRef: {kind: Deployment, name: web}}}
---
{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: a}, spec: {source: {path: shop, helm: {valueFiles: [a.yaml]}}}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {rules: [{http: {paths: [{backend: {service: {name: web}}}]}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {gateways: [g], http: [{route: [{destination: {host: web}}]}]}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: b}, spec: {selector: {matchExpressions: [{key: a, operator: In, values: [b]}]}}}
---
{apiVersion: v1, kind: LimitRange, metadata: {name: l}, spec: {limits: [{type: Container, default: {cpu: 1}}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: b}}
---
{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a}]}}]}
"""  # noqa: E501 - an object in two or three lines is easier to look over


class Original(msgspec.Struct, frozen=True):
    """A file before it is damaged."""

    path: str
    text: str
    values: tuple[Any, ...] | None  # of its documents; none where it is no YAML


@cache
def families() -> tuple[tuple[Original, ...], ...]:
    """Give what is there to damage: what we build, samples, overlays, and the corpora; each whole and in order."""
    built = (
        {path: file.text for path, file in render(open_system(REPOSITORY / "examples" / name)).items()}
        for name in ("bookshop", "cafe")
    )
    samples = {"samples.yaml": SAMPLES}
    corpora = (
        {str(file.relative_to(folder)): file.read_text() for file in sorted(folder.rglob("*")) if file.is_file()}
        for folder in (CORPORA / "boutique", CORPORA / "sockshop")
        if folder.exists()
    )
    return tuple(tuple(_originals(files)) for files in (*built, samples, overlays(), *corpora))


def _originals(files: Mapping[str, str]) -> Iterator[Original]:
    for path, text in files.items():
        if len(text) > LARGEST:
            continue
        if not path.endswith((".yaml", ".yml", ".json", "Kustomization")):
            if "Dockerfile" in path:
                yield Original(path, text, None)
            continue
        try:
            yield Original(path, text, tuple(yaml.load_all(text, yaml.CSafeLoader)))
        except yaml.YAMLError:  # some of the corpora has faults of its own
            yield Original(path, text, None)


def damaged(number: int) -> dict[str, bytes]:
    """Make the estate of this *number*: a few neighbouring files of one family, some of them damaged."""
    chance = random.Random(number)  # noqa: S311 - no secret
    family = chance.choice(families())
    start = chance.randrange(len(family))
    picked = [*family[start : start + chance.randint(1, 6)], *chance.sample(family, min(2, len(family)))]
    if chance.random() < 0.3:
        picked += [chance.choice(chance.choice(families()))]
    return {original.path: _damaged_file(original, chance) for original in picked}


def _damaged_file(original: Original, chance: random.Random) -> bytes:
    way = chance.randrange(8)
    if original.values is None or way == 0:
        data = original.text.encode()
        return scratched(data, chance) if way < 6 else data
    values = original.values
    if len(values) > FEW:
        start = chance.randrange(len(values))
        values = values[start : start + FEW]
    values = deepcopy(values)
    if way < 6:
        whole = list(values)
        change(whole, chance, chance.randint(1, 5))
        values = tuple(whole)
    data = _written(values, chance)
    return scratched(data, chance) if way == 1 else data


def _written(values: tuple[Any, ...], chance: random.Random) -> bytes:
    style = chance.randrange(4)
    try:
        if style == 0:
            text = yaml.dump_all(values, Dumper=yaml.CSafeDumper, allow_unicode=chance.random() < 0.5)
        elif style == 1 and len(values) == 1:
            text = json.dumps(values[0], indent=1)
        else:
            text = "\n---\n".join(map(json.dumps, values))
        return text.encode()
    except (
        yaml.YAMLError,
        UnicodeError,
        ValueError,
        TypeError,
        RecursionError,
    ):  # not all that can be damaged can be written
        return repr(values).encode("utf-8", "replace")


def places(value: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401 - any YAML
    """Give every collection in *value* with each of its keys."""
    found, level = [], [value]
    while level:
        holders = [one for one in level if isinstance(one, dict | list)]
        level = []
        for holder in holders:
            for key in holder if isinstance(holder, dict) else range(len(holder)):
                found.append((holder, key))
                level.append(holder[key])
    return found


def change(whole: Any, chance: random.Random, times: int) -> None:  # noqa: ANN401 - any YAML
    """Drop, replace, repeat, move, retype or nest nodes of *whole*."""
    for _ in range(times):
        if not (found := places(whole)):
            return
        (holder, key), (other, other_key) = chance.choice(found), chance.choice(found)
        if chance.random() < 0.1:
            del holder[key]
        else:
            wanted = deepcopy(chance.choice(CHANGES)(holder[key], other[other_key], chance))
            if isinstance(holder, list) and chance.random() < 0.3:
                holder.append(wanted)
            elif isinstance(holder, dict) and chance.random() < 0.1:
                holder[chance.choice(("name", "spec", "", "a.b/c", 1, None, True, "x" * 300))] = wanted
            else:
                holder[key] = wanted


def _strange(_: Any, __: Any, chance: random.Random) -> Any:  # noqa: ANN401 - any YAML
    return chance.choice(STRANGE)


def _other(_: Any, other: Any, __: random.Random) -> Any:  # noqa: ANN401 - any YAML
    return other


def _retyped(value: Any, _: Any, chance: random.Random) -> Any:  # noqa: ANN401 - any YAML
    if isinstance(value, dict):
        return chance.choice((list(value), list(value.values()), [value], str(value)))
    if isinstance(value, list):
        return chance.choice((dict(enumerate(value)), value[0] if value else None, [value], {"items": value}))
    return chance.choice((str(value), [value], {str(value): value}, f"{value}{value}", f"-{value}", len(str(value))))


def _text(value: Any, other: Any, chance: random.Random) -> Any:  # noqa: ANN401 - any YAML
    words = re.split(r"(\W)", str(value))
    words[chance.randrange(len(words))] = chance.choice(
        (str(other)[:50], "", chance.choice(words), "\n", "/", ":", ".")
    )
    return "".join(words)


def _nested(value: Any, _: Any, chance: random.Random) -> Any:  # noqa: ANN401 - any YAML
    for _level in range(chance.choice((1, 2, DEEP))):
        value = [value] if chance.random() < 0.5 else {"a": value}
    return value


CHANGES: Final[tuple[Callable[[Any, Any, random.Random], Any], ...]] = (
    _strange, _strange, _strange, _other, _retyped, _retyped, _text, _nested,
)  # fmt: skip


def _turned(text: bytearray, start: int, chance: random.Random) -> None:
    if start < len(text):
        text[start] = chance.randrange(256)
    else:
        _put_in(text, start, chance)


def _cut(text: bytearray, start: int, chance: random.Random) -> None:
    del text[start : start + chance.randint(1, 200)]


def _repeated(text: bytearray, start: int, chance: random.Random) -> None:
    text[start:start] = text[start : start + chance.randint(1, 60)]


def _deepened(text: bytearray, start: int, chance: random.Random) -> None:
    text[start:start] = (b"[", b"{a: ", b"- ", b"  ")[chance.randrange(4)] * chance.choice((3, 400))


def _ended(text: bytearray, start: int, _: random.Random) -> None:
    del text[start:]


def _put_in(text: bytearray, start: int, chance: random.Random) -> None:
    text[start:start] = chance.choice(WORDS)


SCRATCHES: Final = (_turned, _cut, _repeated, _deepened, _ended, _put_in)
ENCODINGS: Final = ("utf-16", "utf-32", "utf-16-le", "utf-8-sig")
SAVINGS: Final[tuple[Callable[[bytes, random.Random], bytes], ...]] = (  # how editors and tools may save a text
    lambda made, _: made.replace(b"\n", b"\r\n"),
    lambda made, _: made.replace(b"\n", b"\r"),
    lambda made, chance: made.replace(b"  ", b"\t", chance.randint(1, 9)),
    lambda made, chance: made.decode("utf-8", "replace").encode(chance.choice(ENCODINGS)),
    lambda made, _: made.decode("utf-8", "replace").encode("latin-1", "replace"),
    lambda made, _: b"\n---\n".join([b"", made, b"# nothing", b"", made[: len(made) // 2], b""]),
)


def scratched(data: bytes, chance: random.Random) -> bytes:
    """Damage text: bytes turned, cut, repeated or put in; one in four is also saved in another way."""
    text = bytearray(data)
    for _ in range(chance.randint(1, 5)):
        start = chance.randrange(len(text) + 1)
        SCRATCHES[chance.randrange(len(SCRATCHES))](text, start, chance)
    way = chance.randrange(4 * len(SAVINGS))
    return SAVINGS[way](bytes(text), chance) if way < len(SAVINGS) else bytes(text)
