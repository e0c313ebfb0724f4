"""The kinds of names that Kubernetes has, each with the test it must pass."""

import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

from fairway.estate.fault import Fault, Place, called, quoted

LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
WORD = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
DNS_LABEL_SHAPE = re.compile(LABEL)
DNS_SUBDOMAIN_SHAPE = re.compile(rf"{LABEL}(?:\.{LABEL})*")
WORD_SHAPE = re.compile(WORD)
PORT_SHAPE = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
KEY_SHAPE = re.compile(r"[-._a-zA-Z0-9]+")
ENVIRONMENT_SHAPE = re.compile(r"[ -<>-~]+")  # printable ASCII without '='

LONGEST_LABEL = 63
LONGEST_SUBDOMAIN = 253
LONGEST_PORT = 15


@lru_cache(maxsize=4096)
def is_dns_label(text: str) -> bool:
    """Tell whether *text* is an RFC 1123 label: what one part of a host name can be."""
    return len(text) <= LONGEST_LABEL and DNS_LABEL_SHAPE.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def is_dns_subdomain(text: str) -> bool:
    """Tell whether *text* is an RFC 1123 subdomain: labels with dots between."""
    return len(text) <= LONGEST_SUBDOMAIN and DNS_SUBDOMAIN_SHAPE.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def is_port_name(text: str) -> bool:
    """Tell whether *text* is an IANA service name, which ports of containers have."""
    return len(text) <= LONGEST_PORT and PORT_SHAPE.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def is_label_key(text: str) -> bool:
    """Tell whether *text* is a key of a label or annotation: a word, with or without a DNS prefix before one '/'."""
    prefix, slash, word = text.rpartition("/")
    return is_label_value(word) and word != "" and (not slash or is_dns_subdomain(prefix))


@lru_cache(maxsize=4096)
def is_label_value(text: str) -> bool:
    """Tell whether *text* is a label's value, which may be empty."""
    return text == "" or (len(text) <= LONGEST_LABEL and WORD_SHAPE.fullmatch(text) is not None)


def is_environment_name(text: str) -> bool:
    """Tell whether *text* can name an environment variable."""
    return ENVIRONMENT_SHAPE.fullmatch(text) is not None


def is_data_key(text: str) -> bool:
    """Tell whether *text* can be a key of a ConfigMap or Secret, and so a file's name."""
    leads_away = text == "." or text.startswith("..")
    return len(text) <= LONGEST_SUBDOMAIN and KEY_SHAPE.fullmatch(text) is not None and not leads_away


def is_path_segment(text: str) -> bool:
    """Tell whether *text* can be a part of a URL's path, which is all that roles' names must be."""
    return text not in {"", ".", ".."} and "/" not in text and "%" not in text


def is_ingress_host(text: str) -> bool:
    """Tell whether *text* is a host name, whose first label may be a wildcard."""
    return is_dns_subdomain(text.removeprefix("*."))


class NameRule(msgspec.Struct, frozen=True):
    """One kind of name: the test, what it wants in words, and how long the name may be."""

    fits: Callable[[str], bool]
    wants: str
    longest: int

    def fault(self, text: str, path: Place, *, key: bool = False) -> Fault | None:
        """Say what is wrong with the name *text*, the value at *path* or the *key* that ends it, if anything is."""
        if self.fits(text):
            return None
        name = "A key" if key else called(path)
        if len(text) > self.longest:
            says = f"{name} has {len(text)} characters, where at most {self.longest} are allowed."
            return Fault(path, says, "Shorten it.")
        given = f"The key {quoted(text)}" if key else f"{name} is {quoted(text)}, which"
        return Fault(path, f"{given} is not {self.wants}.", self.suggestion(text))

    def suggestion(self, text: str) -> str:
        """Offer the nearest name that fits."""
        near = re.sub(r"-{2,}", "-", re.sub(r"[^a-z0-9.-]+", "-", text.lower())).strip("-.")[: self.longest]
        return f"Write '{near}'." if near and self.fits(near) else "Rename it."


ENDS = "with a letter or digit at both ends"
DNS_LABEL = NameRule(is_dns_label, f"made of lower-case letters, digits and '-' {ENDS}", LONGEST_LABEL)
DNS_SUBDOMAIN = NameRule(is_dns_subdomain, f"made of lower-case letters, digits, '-' and '.' {ENDS}", LONGEST_SUBDOMAIN)
PORT_NAME = NameRule(is_port_name, "made of lower-case letters, digits and '-' with a letter among them", LONGEST_PORT)
LABEL_KEY = NameRule(is_label_key, "a word, or a DNS name, '/' and a word", LONGEST_SUBDOMAIN + 1 + LONGEST_LABEL)
LABEL_VALUE = NameRule(is_label_value, f"made of letters, digits, '-', '_' and '.' {ENDS}", LONGEST_LABEL)
ENVIRONMENT_NAME = NameRule(is_environment_name, "made of printable characters without '='", LONGEST_SUBDOMAIN)
DATA_KEY = NameRule(is_data_key, "made of letters, digits, '-', '_' and '.'", LONGEST_SUBDOMAIN)
PATH_SEGMENT = NameRule(is_path_segment, "free of '/' and '%'", LONGEST_SUBDOMAIN)
INGRESS_HOST = NameRule(is_ingress_host, "a host name such as shop.example.com or *.example.com", LONGEST_SUBDOMAIN)
