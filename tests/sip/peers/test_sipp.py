"""Calls between sipp and a node of its own process, over real UDP and TCP."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sip.peers import sipp
from tests.sip.peers.conftest import StaticNode

pytestmark = pytest.mark.integration

Ports = Callable[[], int]


def test_a_line_registers_and_takes_a_call_from_another(node: StaticNode, ports: Ports) -> None:
    caller, callee = ports(), ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.answer(), callee)
    node.sipp("uac", sipp.call("1002", 300), caller).wait()
    phone.wait()
    [record] = node.records(1)
    assert (record.sip_status, record.q850_cause, record.ended_by) == (200, 16, "caller")
    assert (record.a_line_id, record.b_line_id) == (1, 2)
    assert 0.25 <= record.duration_s <= 1.0
