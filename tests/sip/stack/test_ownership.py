"""Whose a message is among the workers of a node, read off the tokens the node gave."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.stack.config import EndpointConfig
from sip.stack.endpoint import Endpoint
from sip.stack.flow import Flow
from sip.stack.limits import WORKERS_MAX
from sip.stack.nonces import NonceFactory, NonceVerdict
from sip.stack.ownership import TOKEN_HEX_CHARS, Sorter, mark_of, owner_of
from tests.sip.wire import ALICE, BOB, tokens

HEX = "0123456789abcdef0123"
SECRET = b"0123456789abcdef"
INVITE = (
    "INVITE sip:bob@example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKz{hex}\r\n"
    "From: Alice <sip:alice@example.com>;tag=z{hex}\r\n"
    "{to}\r\n"
    "Call-ID: z{hex}\r\nCSeq: 1 INVITE\r\n{rows}Content-Length: 0\r\n\r\n"
)


def request(to: str = "To: <sip:bob@example.com>", rows: str = "", method: str = "INVITE") -> bytes:
    """Return a request whose sender uses tokens that look like the last worker's: none of them is ours."""
    return INVITE.format(hex=HEX, to=to, rows=rows).replace("INVITE", method).encode()


def response(via: str, rows: str = "") -> bytes:
    return (
        f"SIP/2.0 200 OK\r\n{rows}{via}\r\nFrom: <sip:a@b>;tag=i{HEX}\r\nTo: <sip:b@b>;tag=j{HEX}\r\nCall-ID: c\r\n"
        "CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def credentials(nonce: str, name: str = "Authorization", before: str = "") -> str:
    return f'{name}: Digest username="u", realm="r", {before}nonce="{nonce}", uri="sip:r", response="{HEX}"\r\n'


def tag_of(worker: int) -> str:
    return mark_of(worker) + HEX


@pytest.mark.parametrize("junk", [
    b"", b"\r\n", b"\r\n\r\n", b"SIP/2.0 ", b"SIP/2.0 200 OK", b"SIP/2.0 200 OK\r\nVia\r\n\r\n", b"\0\xff\xfe",
    b"INVITE", b"INVITE x SIP/2.0\r\nTo: \r\n\r\n", b"INVITE x SIP/2.0\r\nTo:", b"X\nTo: <a>;tag=", b":\r\n:\r\n",
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK", b"SIP/2.0 200 OK\r\nVia: ;;;=\r\n\r\n",
    b'BYE x SIP/2.0\r\nTo: "a;tag=g01234567890123456789\r\n\r\n', b"A\r\nAuthorization: Digest nonce=\"\r\n\r\n",
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h; branch = \xff\r\n\r\n",
])  # fmt: skip
def test_junk_is_nobodys(junk: bytes) -> None:
    assert owner_of(junk) is None
    assert Sorter(1, 3, lambda data: False).sort(junk) == 1


@given(st.binary(max_size=400), st.sampled_from([b"SIP/2.0 200 OK\r\n", b"BYE sip:x SIP/2.0\r\n", b""]))
def test_no_bytes_at_all_make_it_raise(data: bytes, start: bytes) -> None:
    owner = owner_of(start + data)
    assert owner is None or 0 <= owner < 32


def test_what_is_no_token_of_ours_by_its_length_is_a_strangers() -> None:
    for tag in ("g", "g" + HEX[1:], "g" + HEX + "0", HEX + "0", HEX[1:], "G" + HEX, "_" + HEX, "z9hG4bK", "3"):
        assert owner_of(request(f"To: <sip:b@b>;tag={tag}")) is None


@pytest.mark.parametrize("worker", range(WORKERS_MAX))
def test_every_worker_is_found_by_its_own_tag_branch_and_nonce(worker: int) -> None:
    assert owner_of(request(f"To: <sip:b@b>;tag={tag_of(worker)}")) == worker
    assert owner_of(response(f"Via: SIP/2.0/UDP h:5060;branch=z9hG4bK{tag_of(worker)};rport=5060")) == worker
    nonce = NonceFactory(SECRET, 60.0, maker=worker).make(1_795_000_000.0, "r")
    assert owner_of(request(rows=credentials(nonce))) == worker


def test_marks_are_told_from_hexadecimal_digits_and_from_each_other() -> None:
    marks = [mark_of(worker) for worker in range(1, WORKERS_MAX)]
    assert mark_of(0) == ""
    assert len(set(marks)) == WORKERS_MAX - 1
    assert not set("".join(marks)) & set("0123456789abcdef")
    assert len(HEX) == TOKEN_HEX_CHARS


@pytest.mark.parametrize("to", [
    "To: <sip:b@b>;tag={tag}",
    "to: <sip:b@b>;tag={tag}",
    "t: <sip:b@b>;tag={tag}",
    "TO \t: <sip:b@b>;tag={tag}",
    "To: sip:b@b;tag={tag}",
    "To: <sip:b@b;tag=i{hex}>;tag={tag}",
    'To: "x>;tag=i{hex}" <sip:b@b>;tag={tag}',
    "To: <sip:b@b>;x=1;TAG={tag};y",
    "To: <sip:b@b> ; tag = {tag} ;y",
    "To: <sip:b@b>\r\n ;tag={tag}",
    "To: <sip:b@b>;\r\n\ttag={tag}\r\n ;x=2",
    'To: <sip:b@b>;x=";tag=i{hex}";tag={tag}',
])  # fmt: skip
def test_the_tag_in_to_is_found_however_to_is_written(to: str) -> None:
    assert owner_of(request(to.format(tag=tag_of(3), hex=HEX))) == 3


@pytest.mark.parametrize("via", [
    "Via: SIP/2.0/UDP h;branch=z9hG4bK{tag}",
    "v: SIP/2.0/UDP h;branch=z9hG4bK{tag}",
    "VIA: SIP/2.0/UDP h;rport=1;branch=z9hG4bK{tag};received=192.0.2.1",
    "Via: SIP / 2.0 / UDP h ; branch = z9hG4bK{tag}",
    "Via:\r\n SIP/2.0/UDP h;branch=z9hG4bK{tag}",
    "Via: SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK{tag}, SIP/2.0/UDP x;branch=z9hG4bKi{hex}",
    "Via: SIP/2.0/UDP h;branch=z9hG4bK{tag}.loop-detection-of-a-proxy",
    "Via: SIP/2.0/UDP h;branch=z9hG4bK{tag}\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKi{hex}",
])  # fmt: skip
@pytest.mark.parametrize("rows", ["", "Server: x;branch=z9hG4bKi0\r\n"])
def test_the_topmost_branch_of_a_response_is_found_however_via_is_written(via: str, rows: str) -> None:
    assert owner_of(response(via.format(tag=tag_of(5), hex=HEX), rows)) == 5


def test_a_branch_of_rfc_2543_is_nobodys() -> None:
    assert owner_of(response(f"Via: SIP/2.0/UDP h;branch=g{HEX}")) is None
    assert owner_of(response("Via: SIP/2.0/UDP h")) is None


def test_the_branch_tags_and_call_id_of_the_other_side_say_nothing_in_a_request() -> None:
    assert owner_of(request()) is None


def test_an_invite_goes_to_the_owner_of_the_dialog_it_replaces() -> None:
    row = f"Replaces: c@x;from-tag=i{HEX};To-Tag={tag_of(2)};early-only\r\n"
    assert owner_of(request(rows=row)) == 2
    assert owner_of(request(rows=row.lower())) == 2
    assert owner_of(request(rows="Replaces: c@x;from-tag=1\r\n")) is None


def test_rows_in_the_body_are_not_read() -> None:
    assert owner_of(request() + f"To: <sip:b@b>;tag={tag_of(2)}\r\n".encode()) is None


def test_keep_alives_before_a_message_do_not_hide_it() -> None:
    assert owner_of(b"\r\n\r\n" + request(f"To: <sip:b@b>;tag={tag_of(2)}")) == 2


def test_credentials_are_read_past_a_cnonce_and_in_both_rows() -> None:
    nonce = NonceFactory(SECRET, 60.0, maker=7).make(1.0, "r")
    other = NonceFactory(SECRET, 60.0, maker=8).make(1.0, "r")
    assert owner_of(request(rows=credentials(nonce, "Proxy-Authorization"))) == 7
    assert owner_of(request(rows=credentials(nonce, before=f'cnonce="{other}", '))) == 7
    assert owner_of(request(rows=credentials("too short"))) is None


def test_a_request_within_a_dialog_goes_to_its_owner_whatever_its_nonce_says() -> None:
    nonce = NonceFactory(SECRET, 60.0, maker=7).make(1.0, "r")
    assert owner_of(request(f"To: <sip:b@b>;tag={tag_of(1)}", credentials(nonce))) == 1


def test_a_nonce_of_another_worker_is_stale_however_it_was_brought_here() -> None:
    nonce = NonceFactory(SECRET, 60.0, maker=1).make(5.0)
    other = NonceFactory(SECRET, 60.0, maker=2)
    assert other.check(nonce, 1, 6.0) is NonceVerdict.STALE
    assert other.is_ours(nonce, 6.0) is NonceVerdict.STALE
    maker = NonceFactory(SECRET, 60.0, maker=1)
    assert maker.check(nonce, 1, 6.0) is NonceVerdict.FRESH
    assert maker.check(nonce, 1, 6.0) is NonceVerdict.STALE


def test_the_maker_in_a_nonce_cannot_be_forged() -> None:
    raw = bytearray(base64.urlsafe_b64decode(NonceFactory(SECRET, 60.0, maker=1).make(5.0)))
    (number,) = struct.unpack("!I", raw[8:12])
    raw[8:12] = struct.pack("!I", number ^ (3 << 27))
    forged = base64.urlsafe_b64encode(bytes(raw)).decode()
    assert owner_of(request(rows=credentials(forged))) == 2
    assert NonceFactory(SECRET, 60.0, maker=2).check(forged, 1, 6.0) is NonceVerdict.FOREIGN


def test_a_worker_keeps_what_is_its_own_or_nobodys_and_gives_up_the_rest() -> None:
    sorter = Sorter(1, 3, lambda data: False)
    assert sorter.sort(request(f"To: <sip:b@b>;tag={tag_of(1)}")) == 1
    assert sorter.sort(request()) == 1
    assert sorter.sort(request(f"To: <sip:b@b>;tag={tag_of(2)}")) == 2
    assert sorter.sort(request(f"To: <sip:b@b>;tag={tag_of(0)}")) == 0


def test_a_message_of_a_worker_that_there_is_no_more_stays_where_it_came() -> None:
    assert Sorter(1, 3, lambda data: False).sort(request(f"To: <sip:b@b>;tag={tag_of(3)}")) == 1


def test_a_cancel_is_asked_for_around_the_workers_and_the_last_one_answers_it() -> None:
    cancel = request(method="CANCEL")
    stranger = [Sorter(worker, 3, lambda data: False) for worker in range(3)]
    assert stranger[1].sort(cancel) == 2
    assert stranger[2].sort_asked(cancel, 2) == 0
    assert stranger[0].sort_asked(cancel, 3) == 0
    assert Sorter(1, 3, lambda data: True).sort(cancel) == 1
    assert Sorter(2, 3, lambda data: True).sort_asked(cancel, 2) == 2
    assert Sorter(0, 1, lambda data: False).sort(cancel) == 0


def test_the_cancel_of_a_re_invite_goes_to_the_dialogs_owner() -> None:
    cancel = request(f"To: <sip:b@b>;tag={tag_of(2)}", method="CANCEL")
    assert Sorter(1, 3, lambda data: False).sort(cancel) == 2


def test_an_ack_whose_invite_is_here_stays_here_whatever_its_tag_looks_like() -> None:
    ack = request(f"To: <sip:b@b>;tag={tag_of(2)}", method="ACK")
    assert Sorter(1, 3, lambda data: True).sort(ack) == 1
    assert Sorter(1, 3, lambda data: False).sort(ack) == 2
    bye = request(f"To: <sip:b@b>;tag={tag_of(2)}", method="BYE")
    assert Sorter(1, 3, lambda data: True).sort(bye) == 2


@pytest.mark.parametrize(("worker", "workers"), [(0, 0), (1, 1), (-1, 2), (0, WORKERS_MAX + 1)])
def test_there_are_no_more_workers_than_marks(worker: int, workers: int) -> None:
    with pytest.raises(ValueError, match=f"worker {worker} of {workers}"):
        Sorter(worker, workers, lambda data: False)


def test_an_endpoint_knows_the_invite_that_a_cancel_or_ack_means() -> None:
    endpoint = Endpoint(EndpointConfig(tokens("a")))
    assert not endpoint.has_invite(request(method="CANCEL"))
    endpoint.receive_datagram(request(rows="Max-Forwards: 70\r\nContact: <sip:a@b>\r\n"), Flow("UDP", ALICE, BOB), 0.0)
    assert endpoint.has_invite(request(method="CANCEL"))
    assert endpoint.has_invite(request(f"To: <sip:b@b>;tag={tag_of(2)}", method="ACK"))
    assert not endpoint.has_invite(request(method="CANCEL").replace(b"z9hG4bKz", b"z9hG4bKy"))
    assert not endpoint.has_invite(b"CANCEL \r\n\r\n")
    assert not endpoint.has_invite(response("Via: SIP/2.0/UDP h;branch=z9hG4bK1"))
