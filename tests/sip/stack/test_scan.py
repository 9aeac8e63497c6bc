"""The scanner reads what splitting reads, or leaves it alone; in whichever form it runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.stack.errors import RemoteProtocolError
from sip.stack.limits import HEADERS_MAX
from sip.stack.message.parse import split_head
from sip.stack.message.scan import scan

LINE = b"OPTIONS sip:a@b SIP/2.0"
PIECES = [
    b"Via",
    b"v",
    b"X-Odd",
    b"To",
    b"t",
    b":",
    b" ",
    b"\t",
    b"\r\n",
    b"\r",
    b"\n",
    b"\0",
    b"\x01",
    b"\xff",
    b"\xc3\xa9",
]
PIECES += [b"a", b"1;tag=x", b",", b'"', b"CALL-id", b"(", b"\r\n ", b"\r\n\t", b"\r\n\r\n"]


def scanned(head: bytes) -> object:
    return scan(head, HEADERS_MAX - 1)


@pytest.mark.parametrize(
    "head",
    [
        LINE + b"\r\nVia: SIP/2.0/UDP a\r\nv:SIP/2.0/UDP b\r\nX-New-Thing : \t c \t",
        LINE + b"\r\nTo:\r\nSubject: caf\xc3\xa9 \xff\r\ncall-ID: 1@2\r\nCALL-INFO: <x>",
        LINE + b"\r\nA: " + b"b" * 30_000,
        LINE + b"\r\nA: a colon: and one more:\r\nB: \x01\x7f",
        b"".join([LINE, b"\r\nA: b" * (HEADERS_MAX - 1)]),
    ],
)
def test_a_regular_head_is_read_as_splitting_reads_it(head: bytes) -> None:
    assert scanned(head) == split_head(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        LINE,
        LINE + b"\r\n",
        LINE + b"\r\nA: b\r\n",
        LINE + b"\r\nA: b\r\n c",
        LINE + b"\r\nA: b\r\n\tc",
        LINE + b"\r\n A: b",
        LINE + b"\r\nA b",
        LINE + b"\r\n: b",
        LINE + b"\r\n  : b",
        LINE + b"\r\nA B: c",
        LINE + b"\r\nA\xff: c",
        LINE + b"\r\nA: b\nB: c",
        LINE + b"\r\nA: b\rB: c",
        LINE + b"\r\nA: b\0",
        LINE + b"\0\r\nA: b",
        LINE + b"\nA: b",
        b"".join([LINE, b"\r\nA: b" * HEADERS_MAX]),
    ],
)
def test_an_odd_head_is_left_to_who_says_what_is_wrong(head: bytes) -> None:
    assert scanned(head) is None


@given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))
def test_of_any_bytes_the_scanner_says_what_splitting_says_or_nothing(tail: bytes) -> None:
    head = LINE + b"\r\n" + tail
    found = scanned(head)
    if found is None:
        return
    try:
        assert found == split_head(head)
    except RemoteProtocolError as error:
        pytest.fail(f"scanned what is refused: {error}")


@given(
    st.lists(
        st.tuples(
            st.text(
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~", min_size=1, max_size=20
            ),
            st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"]), max_size=30),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_every_row_of_tokens_and_text_is_scanned(rows: list[tuple[str, str]]) -> None:
    head = LINE + b"".join([f"\r\n{name}: {value.strip(' ')}".encode() for name, value in rows])
    assert scanned(head) == split_head(head)
    assert scanned(head) is not None
