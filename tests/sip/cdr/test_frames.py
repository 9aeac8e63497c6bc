"""Frames: what is written is read, and damage costs only what it hit."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.cdr.frames import HEADER_BYTES, Frame, FrameTooLong, Gap, decode, encode
from sip.cdr.limits import FRAME_BYTES_MAX

ONE, TWO, THREE = (encode(payload) for payload in (b'{"n":1}', b'{"n":2}', b'{"n":3}'))


def payloads(data: bytes) -> list[bytes]:
    return [item.payload for item in decode(data) if isinstance(item, Frame)]


def gaps(data: bytes) -> list[Gap]:
    return [item for item in decode(data) if isinstance(item, Gap)]


@given(st.lists(st.binary(min_size=1, max_size=200)))
def test_what_is_encoded_is_decoded_in_order(items: list[bytes]) -> None:
    assert [item.payload for item in decode(b"".join(map(encode, items))) if isinstance(item, Frame)] == items


def test_a_frame_is_length_checksum_payload_in_network_order() -> None:
    assert encode(b"{}") == bytes.fromhex("00000002 a3a6bf43") + b"{}"
    assert len(encode(b"{}")) == HEADER_BYTES + 2


def test_frames_say_where_they_lie() -> None:
    assert [(item.start, item.end) for item in decode(ONE + TWO)] == [(0, 15), (15, 30)]


def test_decoding_may_begin_at_any_frame() -> None:
    assert [item.start for item in decode(ONE + TWO, len(ONE))] == [15]


@pytest.mark.parametrize("size", [0, FRAME_BYTES_MAX + 1])
def test_a_payload_that_is_empty_or_over_long_is_our_own_mistake(size: int) -> None:
    with pytest.raises(FrameTooLong, match=f"payload of {size} bytes"):
        encode(b"x" * size)


def test_the_longest_payload_passes() -> None:
    assert payloads(encode(b"x" * FRAME_BYTES_MAX)) == [b"x" * FRAME_BYTES_MAX]


def test_every_torn_tail_is_told_as_torn() -> None:
    for cut in range(1, len(TWO)):
        assert payloads(ONE + TWO[:cut]) == [b'{"n":1}']
        assert gaps(ONE + TWO[:cut]) == [Gap(15, 15 + cut, "torn")]


def test_a_wrong_checksum_costs_one_frame() -> None:
    bad = bytearray(TWO)
    bad[-1] ^= 1
    assert payloads(ONE + bytes(bad) + THREE) == [b'{"n":1}', b'{"n":3}']
    assert gaps(ONE + bytes(bad) + THREE) == [Gap(15, 30, "damaged")]


def test_a_damaged_length_costs_one_frame() -> None:
    bad = b"\xff\xff\xff\xff" + TWO[4:]
    assert payloads(ONE + bad + THREE) == [b'{"n":1}', b'{"n":3}']


def test_a_tail_of_zeros_as_a_crash_leaves_it_is_damage() -> None:
    assert gaps(ONE + bytes(64)) == [Gap(15, 79, "damaged")]


def test_any_one_flipped_bit_costs_at_most_one_frame() -> None:
    clean = ONE + TWO + THREE
    for position in range(len(clean)):
        data = bytearray(clean)
        data[position] ^= 1 << random.Random(position).randrange(8)
        assert len(payloads(bytes(data))) == 2


@given(st.binary(max_size=400))
def test_garbage_is_one_gap_and_no_error(data: bytes) -> None:
    items = list(decode(data))
    assert items == [] if not data else items[-1].end == len(data)
