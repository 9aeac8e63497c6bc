"""Values of the session extensions: Session-Expires (RFC 4028), RAck (RFC 3262), Replaces (RFC 3891)."""

from __future__ import annotations

import pytest

from sip.stack.message.rack import RAck, parse_rseq
from sip.stack.message.replaces import Replaces
from sip.stack.message.session_expires import SessionExpires
from sip.stack.session import SESSION, SessionAction, SessionInput, SessionState, refresh_delay_s, watch_delay_s


@pytest.mark.parametrize("text", ["1800", "90;refresher=uac", "4000;refresher=uas;x=y"])
def test_session_expires_is_text_and_value(text: str) -> None:
    assert str(SessionExpires.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "delta_s", "refresher"),
    [("1800", 1800, ""), (" 90 ; refresher=UAC", 90, "uac"), ("90;Refresher=uas", 90, "uas")],
)
def test_session_expires_is_read(text: str, delta_s: int, refresher: str) -> None:
    value = SessionExpires.parse(text)
    assert (value.delta_s, value.refresher) == (delta_s, refresher)


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "4294967296", "90;refresher=me", "90 uac", "90;=x"])
def test_a_bad_session_expires_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        SessionExpires.parse(text)


def test_rack_is_text_and_value() -> None:
    assert str(RAck.parse("776656 1 INVITE")) == "776656 1 INVITE"
    assert RAck.parse(" 4294967295   2147483647 INVITE ") == RAck(4294967295, 2147483647, "INVITE")


@pytest.mark.parametrize(
    "text", ["", "1 1", "0 1 INVITE", "1 1 INVITE x", "a 1 INVITE", "1 -1 INVITE", "4294967296 1 INVITE", "1 1 IN VITE"]
)
def test_a_bad_rack_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        RAck.parse(text)


@pytest.mark.parametrize("text", ["0", "", "x", "4294967296"])
def test_a_bad_rseq_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_rseq(text)


@pytest.mark.parametrize("text", ["98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff", "a;to-tag=1;from-tag=2"])
def test_replaces_is_text_and_value(text: str) -> None:
    assert str(Replaces.parse(text)) == text


def test_replaces_names_the_dialog_of_who_receives_it() -> None:
    value = Replaces.parse("12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only")
    assert value.key == ("12adf2f34456gs5", "12345", "54321")
    assert value.early_only
    assert not Replaces.parse("a;to-tag=0;from-tag=0").early_only


@pytest.mark.parametrize(
    "text",
    ["", ";to-tag=1;from-tag=2", "a", "a;to-tag=1", "a;from-tag=1", "a b;to-tag=1;from-tag=2", "a;to-tag=1;to-tag=1"],
)
def test_a_bad_replaces_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Replaces.parse(text)


def test_every_state_of_a_session_ends_with_its_time_and_none_that_is_off_does_anything_by_itself() -> None:
    ends = {state for (state, given), (_, action) in SESSION.items() if action is SessionAction.END}
    assert ends == {SessionState.WATCHING, SessionState.WAITING, SessionState.REFRESHING}
    assert {given for state, given in SESSION if state is SessionState.OFF} == {
        SessionInput.PEER_REFRESHES,
        SessionInput.WE_REFRESH,
    }


@pytest.mark.parametrize(("interval_s", "watch_s"), [(90, 60.0), (96, 64.0), (1800, 1768.0)])
def test_the_deadlines_are_those_of_rfc_4028_section_10(interval_s: int, watch_s: float) -> None:
    assert (watch_delay_s(interval_s), refresh_delay_s(interval_s)) == (watch_s, interval_s / 2)
