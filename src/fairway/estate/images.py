"""Names of container images: what a tag pins, and what an image is known to bring."""

import re
from typing import Final

import msgspec

MOVING: Final = frozenset(
    "latest stable edge nightly main master develop dev current canary snapshot lts "  # noqa: SIM905 - reads better
    "mainline rolling".split()
)
_PLACEHOLDER = re.compile(r"[$<{]|^auto$|^PLACEHOLDER|_PLACEHOLDER")
_VERSION = re.compile(r"\d")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


class ImageName(msgspec.Struct, frozen=True, kw_only=True):
    """An image's name in its parts."""

    repository: str
    tag: str
    digest: str

    @property
    def name(self) -> str:
        """Give the last part of the repository: redis of registry.example.com/team/redis."""
        return self.repository.rpartition("/")[2].lower()

    @property
    def floating(self) -> str:
        """Say why nobody knows what runs under this name; empty where the version is fixed."""
        if self.digest or _PLACEHOLDER.search(f"{self.repository}:{self.tag}"):
            return ""
        if not self.tag:
            return "has no tag, which means latest"
        if self.tag.lower() in MOVING:
            return f"has the tag '{self.tag}', which moves"
        if not _VERSION.search(self.tag) and not _COMMIT.fullmatch(self.tag):
            return f"has the tag '{self.tag}', which names no version"
        return ""


def image_name(text: str) -> ImageName:
    """Take an image's name apart; a port of the registry is no tag."""
    rest, _, digest = text.strip().partition("@")
    head, slash, last = rest.rpartition("/")
    name, _, tag = last.partition(":")
    return ImageName(repository=f"{head}{slash}{name}", tag=tag, digest=digest)
