"""The store's own clock: replicas whose clocks differ still agree on whose turn it is."""

from typing import Any

from sqlalchemy import ColumnElement, Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from fairway_sdk.clock import Clock


class _Epoch(FunctionElement[float]):
    """The seconds since the epoch, with a fraction, at the moment it is evaluated."""

    type = Double()
    inherit_cache = True


@compiles(_Epoch, "postgresql")
def _on_postgresql(_element: _Epoch, _compiler: Any, **_options: Any) -> str:
    return "extract(epoch from clock_timestamp())::float8"


@compiles(_Epoch, "mysql")
@compiles(_Epoch, "mariadb")
def _on_mysql(_element: _Epoch, _compiler: Any, **_options: Any) -> str:
    return "(unix_timestamp(sysdate(6)) + 0e0)"


@compiles(_Epoch, "sqlite")
def _on_sqlite(_element: _Epoch, _compiler: Any, **_options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


def store_now(clock: Clock) -> ColumnElement[float]:
    """Give the expression for the store's time, moved as far as a test moved the clock."""
    return _Epoch() + clock.ahead
