"""Nothing personal and no secret in a log: values are hidden by their key's name, by their look, or by their mark.

It is the net below, not the rule: what is not logged needs no hiding. A name or an address in the middle of a sentence
looks like any other words, and passes.
"""

import re
from collections.abc import Mapping, MutableMapping
from datetime import date, datetime, time
from enum import Enum
from typing import Any, Final
from uuid import UUID

import msgspec

HIDDEN: Final = "[hidden]"
DEEPEST: Final = 6  # levels of a value that are looked through; what lies deeper is hidden as a whole
KEYS_KNOWN: Final = 4096  # names of keys that are judged once

_OURS: Final = frozenset({"timestamp", "level", "service", "replica", "trace_id", "span_id"})
_AS_THEY_ARE: Final = (bool, int, float, type(None), datetime, date, time, UUID, Enum)

# By the key's name: its words, of which one is telling, unless the last says that this is only a measure of it.
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_TELLING_WORDS: Final = """
    address authorization bearer birthday birthdate cardholder cookie cookies credential credentials cvc cvv dob email
    emails firstname forename fullname iban jwt lastname mail mobile otp pan passcode passphrase passport password
    passwords passwd person phone pin postcode pwd secret secrets ssn surname telephone token tokens username zip
"""
_TELLING_PAIRS: Final = """
    access_key account_number api_key birth_date card_number credit_card date_of_birth e_mail family_name first_name
    full_name given_name last_name maiden_name master_key middle_name private_key session_id session_key signing_key
    user_name
"""
_MEASURING_WORDS: Final = """
    age at bytes class count expired expires index kind length limit ms name ok seconds sent size status type
"""
_TELLING: Final = frozenset(_TELLING_WORDS.split())
_PAIRS: Final = tuple(f"_{pair}_" for pair in _TELLING_PAIRS.split())
_MEASURES: Final = frozenset(_MEASURING_WORDS.split())
_PLACES: Final = frozenset(
    {"bind", "broker", "listen", "peer", "server", "store"}
)  # an address of these is a machine's

# By its look. What is asked first is cheap, and almost no line passes it: one of these signs, then one of these starts.
_SIGNS = re.compile(r"[@+=:\[(0-9J]|earer |asic ")
_SUSPICIOUS = re.compile(
    r"@|eyJ|\+\d|\d{4}[ -]?\d{4}|[Bb](?:earer|asic) |\[parameters:|Key \("
    r"|(?:[Pp]ass(?:w|p)|[Ss]ecret|[Tt]oken|[Kk]ey)\w*[\"']?[=:]"
)
_LOOKS: Final = (
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)"), rf"\1{HIDDEN}"),  # the password in a URL
    (re.compile(r"[^\s@\"'<>(),;:\[\]=/]{1,64}@(?:[^\W_]|-){1,63}(?:\.(?:[^\W_]|-){1,63})+"), HIDDEN),
    (re.compile(r"\b((?:[Bb]earer|[Bb]asic) )[\w.~+/=-]{6,}"), rf"\1{HIDDEN}"),
    (re.compile(r"(?<![\w-])eyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*){0,3}"), HIDDEN),  # a JWT
    (re.compile(r"\[parameters:[^\n]*"), f"[parameters: {HIDDEN}]"),  # what SQLAlchemy adds to errors
    (re.compile(r"(Key \([^)]{0,200}\)=)\([^\n]{0,400}?\)(?= |$|\.)"), rf"\1({HIDDEN})"),  # what PostgreSQL does
    (re.compile(r"(?<![\w+])\+\d(?:[ ()./-]{0,2}\d){7,14}(?!\w)"), HIDDEN),  # an international telephone number
    (
        re.compile(
            r"((?:[Pp]assw(?:or)?d|[Pp]assphrase|[Ss]ecret|[Tt]oken|[Aa]pi[_-]?[Kk]ey)[\"']?[=:] ?)(?!\[hidden\])"
            r"(?:\"[^\"]*\"|'[^']*'|[^\s\"',;&]+)"
        ),
        rf"\1{HIDDEN}",
    ),
)
_CARD = re.compile(r"(?<![\w.-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\w-])")

_judged: dict[str, bool] = {}


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide what is personal or secret in an event: a processor of structlog, after exceptions became text."""
    for key, value in event.items():
        if key in _OURS:
            continue
        if type(value) is str and not _is_telling(key):
            if _SIGNS.search(value) and _SUSPICIOUS.search(value):
                event[key] = _clean_text(value)
        elif value.__class__ not in _NUMBERS or _is_telling(key):
            try:
                event[key] = _clean(key, value, 0)
            except Exception:  # noqa: BLE001 - a value that cannot even be looked at must not fail who logs it
                event[key] = HIDDEN
    return event


def redact_text(text: str) -> str:
    """Hide e-mail addresses, tokens, card numbers, passwords and the like inside a text."""
    return _clean_text(text) if _SIGNS.search(text) and _SUSPICIOUS.search(text) else text


_NUMBERS: Final = frozenset({bool, int, float, type(None)})


def _is_telling(key: str) -> bool:
    known = _judged.get(key)
    if known is None:
        if len(_judged) >= KEYS_KNOWN:
            _judged.clear()
        known = _judged[key] = _judge(key)
    return known


def _judge(key: str) -> bool:
    words = [word.lower() for word in _WORD.findall(key)]
    joined = f"_{'_'.join(words)}_"
    if any(pair in joined for pair in _PAIRS):
        return True
    if not _TELLING.intersection(words) or words[-1] in _MEASURES:
        return False
    return not (words[-1] == "address" and (len(words) == 1 or _PLACES.intersection(words)))


def _clean(key: str, value: Any, depth: int) -> Any:
    cleaned: Any = value
    if value is None or isinstance(value, bool):
        pass
    elif (key and _is_telling(key)) or depth > DEEPEST:
        cleaned = HIDDEN
    elif isinstance(value, str):
        cleaned = redact_text(value)
    elif isinstance(value, _AS_THEY_ARE):
        pass
    elif isinstance(value, msgspec.Struct):
        cleaned = _clean("", _marked(value), depth)
    elif isinstance(value, Mapping):
        cleaned = {name: _clean(str(name), item, depth + 1) for name, item in value.items()}
    elif isinstance(value, list | tuple | set | frozenset):
        cleaned = [_clean("", item, depth + 1) for item in value]
    else:
        cleaned = redact_text(f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else str(value))
    return cleaned


def _marked(value: msgspec.Struct) -> Any:
    """Give a struct as a dict in which the fields marked as personal are hidden."""
    from fairway_sdk.personal.marks import has_personal, marks, rewrite

    document = msgspec.to_builtins(value, str_keys=True, enc_hook=str)
    kind = type(value)
    return rewrite(document, marks(kind), "", lambda *_: HIDDEN) if has_personal(kind) else document


def _clean_text(text: str) -> str:
    for look, instead in _LOOKS:
        text = look.sub(instead, text)
    return _CARD.sub(_hide_card, text)


def _hide_card(found: re.Match[str]) -> str:
    """Hide what has a card's length and check digit; other long numbers are somebody's order."""
    digits = [int(digit) for digit in found[0] if digit.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) if at % 2 else digit for at, digit in enumerate(reversed(digits))]
    return HIDDEN if sum(doubled) % 10 == 0 else found[0]
