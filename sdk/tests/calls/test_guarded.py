"""Calls that neither client speaks pass the same guard."""

import asyncio
from pathlib import Path

import pytest

from fairway_sdk import CallError, Service, SetupError, remaining
from fairway_sdk.calls.failures import BreakerOpenError, DeadlineError
from fairway_sdk.contract.binding import Breaker, Call, Retries
from fairway_sdk.testing import placed


async def test_any_coroutine_runs_under_the_deadline_breaker_and_retries_of_its_callee(folder: Path) -> None:
    """A connection that fails is tried again; one that hangs is given up; then the callee is left alone."""
    service = Service("notifications")
    mail = service.guarded("mail")
    tries: list[float | None] = []

    async def send(text: str, fails: int = 0) -> str:
        tries.append(remaining())
        if text == "hang":
            await asyncio.sleep(60)
        if len(tries) <= fails:
            raise ConnectionResetError
        return text

    bound = Call(
        address="mail:25",
        protocol="tcp",
        timeout=0.3,
        idempotent=True,
        retries=Retries(tries=3, first_pause=0.01),
        breaker=Breaker(failures=3, pause=60),
    )
    placed(service, folder, calls={"mail": bound})
    async with service.running():
        assert mail.bound.address == "mail:25"
        assert await mail(send, "hello", fails=2) == "hello"
        assert len(tries) == 3
        assert all(left is not None and left <= 0.3 for left in tries)
        with pytest.raises(ValueError, match="mine"):
            await mail(_broken)
        with pytest.raises(DeadlineError):
            await mail(send, "hang")
        with pytest.raises(CallError, match="ConnectionResetError"):
            await mail(send, "hello", fails=100)
        with pytest.raises(BreakerOpenError):
            await mail(send, "hello")


async def _broken() -> None:
    raise ValueError("mine")


async def test_a_callee_nobody_declared_stops_the_start(folder: Path) -> None:
    """A guarded call is a declared one."""
    service = placed(Service("notifications"), folder)
    service.guarded("mail")
    with pytest.raises(SetupError, match=r"'mail', which its facts do not declare. It declares none."):
        await service.start()
