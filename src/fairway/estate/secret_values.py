"""Tell a secret that is written out from a setting, a reference or the mere name of one. None is ever shown."""

import re
from collections.abc import Collection, Iterator, Sequence

SENSITIVE = {
    **dict.fromkeys(("pass", "passphrase", "passwd", "password", "passwords", "pwd"), "password"),
    **dict.fromkeys(("cred", "credential", "credentials", "creds"), "credential"),
    **dict.fromkeys(("secret", "secrets"), "secret"),
    "apikey": "API key",
    "token": "token",
}
"""Last words of a name that make its value sensitive, each with what it means."""
KEYS = frozenset(
    "access account api auth consumer cookie crypt encryption "  # noqa: SIM905 - words read better without quotes
    "hmac jwt master private secret shared signing".split()
)
"""Words before 'key' that make it a secret; other keys sort, partition or cache."""
ENDINGS = {
    **dict.fromkeys(("passphrase", "passwd", "password", "requirepass"), "password"),
    **dict.fromkeys(("accesskey", "apikey", "privatekey", "secretkey"), "key"),
    "authtoken": "token",
}
"""The same, where a name runs its words together."""
TRAILERS = frozenset({"base", "base64", "b64", "plain", "raw", "value"})  # say only how the secret is written

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SWITCH = re.compile(r"true|false|yes|no|on|off|enabled?|disabled?|none|null|required|optional|[01]", re.IGNORECASE)
_NUMBER = re.compile(r"\d[\d.,_]*\s*(?:ms|s|m|h|d|w|min|sec|days?|hours?|minutes?|seconds?|bits?|bytes)?")
_PLACEHOLDER = re.compile(r"(?:\$\([^)]*\)|\$\{[^}]*\}|%[A-Z_]+%|<[^<>]*>)+|\{\{.*\}\}|\*+|x{3,}|\.{3,}", re.IGNORECASE)
_PATH = re.compile(r"(?:file:|~|\.{1,2})?/(?:[\w.@-]+/)*[\w.@-]*|[\w.-]+\.(?:key|pem|crt|jks|p12|txt)")
_KEPT_ELSEWHERE = re.compile(
    r"(?:vault|ref\+\w+|awssm|awsssm|gcpsm|sm|op|akvs?|secretref|keyvault|k8s|secret|env)://?|vault:|arn:aws|"
    r"@Microsoft\.KeyVault|projects/[^/]+/secrets/",
    re.IGNORECASE,
)
_OBJECT_NAME = re.compile(
    r"[a-z0-9][a-z0-9.-]*-(?:secrets?|tokens?|credentials?|creds?|tls|certs?|keys?|passwords?|auth)"
)
_IN_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:([^/\s@]+)@")
_ASSIGNED = re.compile(
    r"(?:\b(?:pwd|pass)|password|passwd|passphrase|accountkey|sharedaccesskey|api[_-]?key|access[_-]?token|"
    r"client[_-]?secret|secret[_-]?key)=([^;&,\s\"']+)",
    re.IGNORECASE,
)
_IN_SQL = re.compile(r"\b(?:password|identified\s+(?:with\s+\S+\s+)?by)\s+'([^'\n]+)'", re.IGNORECASE)
_ENTRY = re.compile(r"[\"']?([A-Za-z][\w.-]*)[\"']?[ \t]*[:=][ \t]*[\"']?([^\"',}\]\s#]+)")  # of a file: name and value
_FLAG = re.compile(r"--?([A-Za-z][\w.-]*)(?:=(.*))?", re.DOTALL)
_NAMES_ONE = frozenset({"secret", "credential"})  # a flag that ends so mostly says which object it is
_SHAPES = (  # what it is, a part that each has and that is found a hundred times as fast, and its form
    ("an AWS access key", "AKIA", re.compile(r"\bAKIA[0-9A-Z]{16}\b")),
    ("a GitHub token", "gh", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}")),
    ("a GitHub token", "github_pat_", re.compile(r"\bgithub_pat_\w{22,}")),
    ("a GitLab token", "glpat-", re.compile(r"\bglpat-[\w-]{20}")),
    ("a Stripe key", "k_live_", re.compile(r"\b[rs]k_live_[A-Za-z0-9]{16,}")),
    ("a Slack token", "xox", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    ("a Slack webhook", "hooks.slack.com", re.compile(r"\bhooks\.slack\.com/services/T\w{8,}/B\w{8,}/\w{20,}")),
    ("a Google API key", "AIza", re.compile(r"\bAIza[\w-]{35}")),
    ("a signed token", "eyJ", re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+")),
    ("a private key", "PRIVATE KEY-----", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
)


def literal_secret(name: str, value: str, objects: Collection[str] = ()) -> str:
    """Say what shows that the *value* called *name* is a secret; empty where it is none.

    *objects* are names of Secrets: a value that is one of them only says where the secret is.
    """
    if not value.strip():
        return ""
    if shown := _in_value(value):
        return shown
    word = _sensitive(name)
    if not word or value in objects or not _written_out(value) or "://" in value:
        return ""
    if word != "password" and (_NUMBER.fullmatch(value) or _OBJECT_NAME.fullmatch(value)):
        return ""
    return f"its name says '{word}'"


def secret_in_file(text: str) -> str:
    """Say which secret stands in a configuration file or a script, whose lines may hold anything."""
    if what := _shaped(text):
        return f"in it is {what}"
    said = text.lower()
    if ("password" in said or "identified" in said) and any(_written_out(match[1]) for match in _IN_SQL.finditer(text)):
        return "a statement in it sets a password"
    return ""


def entries_with_secrets(text: str) -> bool:
    """Tell whether any line of a file sets a name to a secret, or holds one."""
    return bool(secret_in_file(text)) or any(literal_secret(name, value) for name, value in _ENTRY.findall(text))


def secret_arguments(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give the flags of a command line whose value is a secret, each with what shows it."""
    for position, word in enumerate(words):
        if (flag := _FLAG.fullmatch(word)) is None:
            continue
        following = words[position + 1] if position + 1 < len(words) else ""
        value = flag[2] if flag[2] is not None else ("" if following.startswith("-") else following)
        if _sensitive(flag[1]) not in _NAMES_ONE and (why := literal_secret(flag[1], value)):
            yield word.partition("=")[0], why


def kept_elsewhere(value: str) -> bool:
    """Tell whether *value* only says where a secret is kept."""
    return _KEPT_ELSEWHERE.match(value) is not None


def _shaped(text: str) -> str:
    """Say which secret *text* holds that is known by its form alone."""
    return next((what for what, part, form in _SHAPES if part in text and form.search(text)), "")


def _in_value(value: str) -> str:
    """Say which secret *value* holds, whatever it is called."""
    if what := _shaped(value):
        return f"its value is {what}"
    if any(_written_out(match[1]) for match in _IN_URL.finditer(value)):
        return "its value is a URL with a password in it"
    if any(_written_out(match[1]) for match in _ASSIGNED.finditer(value)):
        return "a password or key is set inside its value"
    return ""


def _sensitive(name: str) -> str:
    """Give the word at the end of *name* that makes it sensitive. PASSWORD_FILE is about a file, not a password."""
    words = [word.lower() for word in _WORDS.findall(name)]
    while len(words) > 1 and (words[-1] in TRAILERS or words[-1].isdigit()):
        words.pop()
    if not words or words == ["pwd"]:  # the shell's working directory
        return ""
    last = words[-1]
    if last in SENSITIVE:
        return SENSITIVE[last]
    if last == "key" and len(words) > 1 and words[-2] in KEYS:
        return f"{words[-2]} key"
    return next((word for ending, word in ENDINGS.items() if last.endswith(ending)), "")


def _written_out(value: str) -> bool:
    """Tell whether *value* is the thing itself: no switch, placeholder, path or reference to where it is kept."""
    return not (
        _SWITCH.fullmatch(value)
        or _PLACEHOLDER.fullmatch(value)
        or _PATH.fullmatch(value)
        or _KEPT_ELSEWHERE.match(value)
    )
