"""Runs moto's stand-in for DynamoDB without what only its other services need: `-m fairway.local.dynamodb WORDS`."""

import contextlib
import ctypes
import sys
from types import ModuleType
from typing import Final

POLICIES: Final = "moto.iam.aws_managed_policies"  # megabytes of text, which DynamoDB never reads but always loads
MAPPED_FROM: Final = 1 << 16  # bytes
M_MMAP_THRESHOLD: Final = -3  # as glibc's <malloc.h> has it


def main(words: list[str]) -> int:
    """Serve as `moto.server` does with these words."""
    with contextlib.suppress(AttributeError):  # not glibc, which else keeps the space of the large files that are read
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MAPPED_FROM)
    empty = ModuleType(POLICIES)
    vars(empty)["aws_managed_policies_data"] = "{}"
    sys.modules[POLICIES] = empty
    from moto.server import main as serve  # noqa: PLC0415 - after what it may not load

    serve(words)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
