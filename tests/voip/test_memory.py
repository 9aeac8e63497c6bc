"""When a node collects garbage."""

from __future__ import annotations

import asyncio
import gc

import pytest

from voip.node import limits, memory


@pytest.mark.parametrize(
    ("made", "is_idle", "due"),
    [(10_000, True, False), (10_001, True, True), (2_000_000, False, False), (2_000_001, False, True)],
)
def test_a_node_collects_when_nobody_calls_or_when_there_is_really_much(made: int, is_idle: bool, due: bool) -> None:
    assert memory.is_due(made, is_idle=is_idle) is due


def test_circles_are_collected_once_the_last_call_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GARBAGE_LOOK_S", 0.001)
    calls = {"a call"}

    async def scene() -> tuple[int, int]:
        tidying = asyncio.create_task(memory.tidy(lambda: calls))
        await asyncio.sleep(0)
        assert not gc.isenabled()
        for _ in range(limits.GARBAGE_IDLE_MIN + 1_000):
            circle: list[object] = []
            circle.append(circle)
        await asyncio.sleep(0.02)
        while_up = gc.get_count()[0]
        calls.clear()
        await asyncio.sleep(0.05)
        after = gc.get_count()[0]
        tidying.cancel()
        await asyncio.gather(tidying, return_exceptions=True)
        return while_up, after

    gc.collect()
    while_up, after = asyncio.run(scene())
    assert while_up > limits.GARBAGE_IDLE_MIN > after
    assert gc.isenabled()
