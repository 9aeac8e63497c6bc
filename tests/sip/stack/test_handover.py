"""A message and its flow as bytes, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.stack.flow import Flow
from sip.stack.handover import pack_flow, unpack_flow


@pytest.mark.parametrize("payload", [
    b"", b"\n", b"UDP\n", b"UDP a 1 b 2 3 d", b"UDP a x b 2 3 d\n", b"UDP a 1 b 2 3 d e f\n", b"UDP a 1 b 2 \xff d\n",
])  # fmt: skip
def test_what_is_no_flow_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack_flow(payload)


@pytest.mark.parametrize("flow", [
    Flow("UDP", ("192.0.2.1", 5060), ("192.0.2.2", 5061)),
    Flow("TLS", ("2001:db8::1", 5061), ("2001:db8::2", 49152), 57_440_000_003, "sip.example.com"),
])  # fmt: skip
def test_a_flow_comes_back_as_it_was(flow: Flow) -> None:
    assert unpack_flow(pack_flow(flow, b"BYE\n\r\n")) == (flow, b"BYE\n\r\n")
    assert unpack_flow(pack_flow(flow)) == (flow, b"")


def test_the_names_a_peer_proved_go_with_its_message() -> None:
    flow = Flow("TLS", ("192.0.2.1", 5061), ("192.0.2.2", 5061), 7, "", ("a.example", "b.example"))
    assert unpack_flow(pack_flow(flow, b"x"))[0].peer_names == ("a.example", "b.example")


@given(st.binary(max_size=200))
def test_a_message_may_hold_anything(data: bytes) -> None:
    flow = Flow("UDP", ("192.0.2.1", 5060), ("192.0.2.2", 5061))
    assert unpack_flow(pack_flow(flow, data))[1] == data
