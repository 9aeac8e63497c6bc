"""SCTP (RFC 4168): the streams of TCP over another protocol where the kernel has it, one clear line where not."""

from __future__ import annotations

import asyncio
import socket

import pytest

from sip.io.errors import ListenError
from sip.stack.events import ResponseReceived
from sip.stack.flow import Flow
from tests.sip.io.bench import HOST, Bench, message


def kernel_has_sctp() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        return False
    return True


@pytest.mark.asyncio
async def test_sctp_carries_requests_both_ways_or_is_refused_with_one_line() -> None:
    bench, other = Bench("SCTP"), Bench("SCTP")
    if not kernel_has_sctp():
        with pytest.raises(ListenError) as raised:
            await bench.start()
        assert str(raised.value) == f"zone zone0, sctp:{HOST}:0: this kernel has no SCTP"
        return
    await bench.start()
    await other.start()
    try:
        bench.ask(Flow("SCTP", bench.local("SCTP"), other.local("SCTP")))
        await bench.until(lambda: len(bench.events(ResponseReceived)) == 1)
        assert [flow.transport for flow in other.switch.flows] == ["SCTP"]
    finally:
        await other.close()
        await bench.close()


@pytest.mark.asyncio
async def test_without_sctp_the_other_listeners_are_not_left_bound() -> None:
    bench = Bench("TCP", "SCTP")
    if kernel_has_sctp():
        await bench.start()
    else:
        with pytest.raises(ListenError):
            await bench.start()
        assert bench.sockets.listeners.rows == ()
    await bench.sockets.close()
    assert message("x")  # The loop has nothing of ours left to watch.
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
