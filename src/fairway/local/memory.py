"""Gives memory back to the machine, which the C library would keep for later."""

import ctypes
import gc
import sys
from typing import Final

TRIMMED: Final = sys.platform == "linux"  # glibc's way; others need none


def let_go() -> None:
    """Let go of what was needed for a start only: a system that runs is left alone for hours."""
    gc.collect()
    if TRIMMED:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
