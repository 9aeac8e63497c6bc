"""RFC 8489 and RFC 5626 §8: binding requests among SIP datagrams. Vectors of RFC 5769 hold the arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.stack import stun
from sip.stack.config import EndpointConfig
from sip.stack.endpoint import Endpoint
from sip.stack.events import RequestReceived
from sip.stack.flow import Flow
from tests.sip.wire import tokens

SOURCE = ("192.0.2.1", 32853)
SIX = ("2001:db8:1234:5678:11:2233:4455:6677", 32853)
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
REQUEST = stun.message(stun.BINDING_REQUEST, TRANSACTION)


def attribute(kind: int, value: bytes = b"") -> bytes:
    return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)


def test_rfc5769_section_2_2_and_2_3_addresses_are_masked_as_in_the_vectors() -> None:
    assert stun.xor_address(SOURCE, TRANSACTION).hex() == "0001a147e112a643"
    assert stun.xor_address(SIX, TRANSACTION).hex() == "0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"


def test_rfc5769_section_2_1_the_fingerprint_is_that_of_the_vector() -> None:
    vector = bytes.fromhex(
        "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff"
        "80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
        "80280004e57a3bcf"
    )
    assert stun.fingerprint(vector[:-8]) == vector[-4:]
    assert stun.is_stun(vector)
    # PRIORITY (0x0024) belongs to ICE: a server of plain binding does not understand it.
    response = stun.answer(vector, SOURCE)
    assert (
        response is not None
        and response[:2] == b"\x01\x11"
        and attribute(stun.UNKNOWN_ATTRIBUTES, b"\x00\x24") in response
    )


def test_a_binding_request_is_answered_with_the_address_it_came_from() -> None:
    expected = stun.message(stun.BINDING_SUCCESS, TRANSACTION, attribute(0x20, stun.xor_address(SOURCE, TRANSACTION)))
    assert stun.answer(REQUEST, SOURCE) == expected
    assert stun.answer(REQUEST, SOURCE) == expected, "repeated requests are answered alike"


def test_a_signed_request_gets_a_signed_response_and_a_wrong_signature_silence() -> None:
    signed = stun.message(stun.BINDING_REQUEST, TRANSACTION, is_signed=True)
    response = stun.answer(signed, SOURCE)
    assert response is not None and response[-8:-4] == b"\x80\x28\x00\x04"
    assert response[-4:] == stun.fingerprint(response[:-8])
    assert stun.answer(signed[:-1] + bytes([signed[-1] ^ 1]), SOURCE) is None


def test_unknown_attributes_that_must_be_understood_earn_420_and_others_nothing() -> None:
    both = attribute(0x7777, b"abcd") + attribute(0xFFFF, b"xyz") + attribute(0x0003) + attribute(0x0006, b"user")
    response = stun.answer(stun.message(stun.BINDING_REQUEST, TRANSACTION, both), SOURCE)
    types = bytes.fromhex("77770003")
    assert response == stun.message(
        stun.BINDING_ERROR,
        TRANSACTION,
        attribute(stun.ERROR_CODE, b"\x00\x00\x04\x14") + attribute(stun.UNKNOWN_ATTRIBUTES, types),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        REQUEST[:19],
        REQUEST + b"\x00",
        REQUEST[:4] + b"\x00\x00\x00\x00" + REQUEST[8:],
        b"\x80" + REQUEST[1:],
        stun.message(0x0011, TRANSACTION),
        stun.message(stun.BINDING_SUCCESS, TRANSACTION),
        stun.message(stun.BINDING_ERROR, TRANSACTION),
        stun.message(0x0003, TRANSACTION),
        stun.message(stun.BINDING_REQUEST, TRANSACTION, b"\x00\x06\x00\x09abcd"),
        stun.message(stun.BINDING_REQUEST, TRANSACTION, attribute(stun.FINGERPRINT, b"abcd") + attribute(0x0006)),
    ],
)
def test_what_is_no_whole_binding_request_gets_no_answer(data: bytes) -> None:
    assert stun.answer(data, SOURCE) is None


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=20)), max_size=12), st.booleans())
def test_nobody_gets_more_than_one_and_a_half_times_what_came(kinds: list[tuple[int, bytes]], is_signed: bool) -> None:
    body = b"".join([attribute(kind, value) for kind, value in kinds if kind != stun.FINGERPRINT])
    request = stun.message(stun.BINDING_REQUEST, TRANSACTION, body, is_signed)
    for source in (SOURCE, SIX):
        response = stun.answer(request, source)
        assert response is not None, "the bound costs no real client its answer"
        assert len(response) + stun.PACKET_HEADER_BYTES <= 1.5 * (len(request) + stun.PACKET_HEADER_BYTES)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    stun.answer(data, SOURCE)
    stun.answer(REQUEST[:2] + len(data).to_bytes(2, "big") + REQUEST[4:] + data, SIX)


def test_stun_and_sip_share_the_port_and_stun_never_reaches_the_parser() -> None:
    endpoint = Endpoint(EndpointConfig(tokens("s")))
    flow = Flow("UDP", ("192.0.2.9", 5060), SOURCE)
    endpoint.receive_datagram(REQUEST, flow, 0.0)
    assert endpoint.messages_to_send() == [(flow, stun.answer(REQUEST, SOURCE))]
    endpoint.receive_datagram(stun.message(0x0011, TRANSACTION), flow, 0.0)
    endpoint.receive_datagram(b"\r\n\r\n", flow, 0.0)
    assert endpoint.messages_to_send() == []
    assert endpoint.next_event() is None
    endpoint.receive_datagram(
        b"\r\nOPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:x@y>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n",
        flow,
        0.0,
    )
    assert isinstance(endpoint.next_event(), RequestReceived)


def test_over_a_stream_stun_is_no_keep_alive() -> None:
    endpoint = Endpoint(EndpointConfig(tokens("s")))
    endpoint.receive_message(REQUEST, Flow("TCP", ("192.0.2.9", 5060), SOURCE, 1), 0.0)
    assert endpoint.messages_to_send() == []
