"""Keeps what Python compiles, where that is forbidden beside the code: else each process would compile it anew."""

import os
import sys

from fairway.local.run_folder import cache_folder

FORBIDDEN = "PYTHONDONTWRITEBYTECODE"
ELSEWHERE = "PYTHONPYCACHEPREFIX"


def keep_bytecode() -> None:
    """Have this process and all below it keep bytecode in the user's cache, where it is not kept with the code.

    Compiling takes two thirds of the time in which a service starts.
    """
    if not sys.dont_write_bytecode or sys.pycache_prefix is not None:
        return
    os.environ.pop(FORBIDDEN, None)
    os.environ[ELSEWHERE] = sys.pycache_prefix = str(cache_folder() / "bytecode")
    sys.dont_write_bytecode = False
