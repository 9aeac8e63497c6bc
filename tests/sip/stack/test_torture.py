"""Messages after the ideas of RFC 4475: valid ones that look wild are read, broken ones are answered or passed over."""

from __future__ import annotations

import pytest

from sip.stack.config import EndpointConfig
from sip.stack.endpoint import Endpoint
from sip.stack.events import RequestReceived
from sip.stack.flow import Flow
from sip.stack.message import Response, Uri, parse_message
from tests.sip.wire import BOB, tokens

FLOW = Flow("UDP", BOB, ("192.0.2.9", 5060))


def outcome(text: str, body: bytes = b"") -> tuple[list[str], list[int]]:
    """Return methods of the requests told and statuses of the responses sent for one datagram."""
    endpoint = Endpoint(EndpointConfig(tokens("t")))
    data = text.replace("\n", "\r\n").encode("utf-8", "surrogateescape") + body
    endpoint.receive_datagram(data, FLOW, 0.0)
    methods: list[str] = []
    event = endpoint.next_event()
    while event is not None:
        if isinstance(event, RequestReceived):
            methods.append(event.request.method)
        event = endpoint.next_event()
    return methods, [int(reply[8:11]) for _, reply in endpoint.messages_to_send()]


def message(first: str = "OPTIONS sip:user@example.com SIP/2.0", **rows: str) -> str:
    """Return a request; a keyword changes a row, ``""`` leaves it out."""
    method = first.partition(" ")[0]
    usual = {
        "Via": "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKkdjuw",
        "From": "<sip:caller@example.net>;tag=323",
        "To": "<sip:user@example.com>",
        "Call_ID": "torture@192.0.2.9",
        "CSeq": f"60 {method}",
        "Max_Forwards": "70",
        "Contact": "<sip:caller@192.0.2.9>",
        "l": "0",
    }
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in {**usual, **rows}.items() if value]
    return "\n".join([first, *lines, "", ""])


def test_a_short_tortuous_invite_is_read() -> None:
    text = (
        "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\n"
        "TO :\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\n"
        'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\n  ;\n  tag = 98asjd8\n'
        "MaX-fOrWaRdS: 0068\nCall-ID: wsinv.ndaksdj@192.0.2.1\nContent-Length   : 5\ncseq: 0009\n  INVITE\n"
        "Via  : SIP  /   2.0\n /UDP\n    192.0.2.2;branch=390skdjuw\ns :\n"
        "NewFangledHeader:   newfangled value\n continued newfangled value\n"
        "UnknownHeaderWithUnusualValue: ;;,,;;,;\nContent-Type: application/sdp\n"
        "Route:\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\n"
        "v:  SIP  / 2.0  / TCP     spindle.example.com   ;\n  branch  =   z9hG4bK9ikj8  ,\n"
        " SIP  /    2.0   / UDP  192.168.255.111   ; branch=\n z9hG4bK30239\n"
        'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =\n      newvalue ;\n'
        "  secondparam ; q = 0.33\n\n"
    )
    parsed = parse_message(text.replace("\n", "\r\n").encode() + b"v=0\r\n")
    assert (parsed.to_tag, parsed.from_tag) == ("1918181833n", "98asjd8")
    assert (parsed.cseq.number, parsed.max_forwards) == (9, 68)
    assert (parsed.from_.display_name, parsed.via.host) == ('J Rosenberg \\"', "192.0.2.2")
    assert (parsed.contacts[0].param("q"), parsed.contacts[0].display_name) == ("0.33", 'Quoted string ""')
    assert len(parsed.values("Via")) == 3
    assert outcome(text, b"v=0\r\n") == (["INVITE"], [])


def test_a_method_of_every_token_character_is_read() -> None:
    method = "!interesting-Method0123456789_*+`.%indeed'~"
    text = message(
        f"{method} sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
        "@example.com SIP/2.0",
        To='"BEL:\\\x07 NUL:\\\x01 DEL:\\\x7f" <sip:1_unusual.URI~(to-be!sure)&isn\'t+it$/crazy?,/;;*@example.com>',
    )
    assert outcome(text) == ([method], [])


def test_escaped_characters_in_uris_are_the_characters() -> None:
    uri = Uri.parse("sip:sips%3Auser%40example.com@example.net")
    assert (uri.user, uri.host) == ("sips:user@example.com", "example.net")
    assert outcome(message("INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0")) == (["INVITE"], [])


def test_an_escaped_nul_stays_escaped_on_its_way() -> None:
    assert str(Uri.parse("sip:null-%00-null@example.com")) == "sip:null-%00-null@example.com"


def test_a_percent_that_is_no_escape_is_read_in_a_method_and_a_name() -> None:
    assert outcome(message("RE%47IST%45R sip:registrar.example.com SIP/2.0")) == (["RE%47IST%45R"], [])


def test_no_blank_between_name_and_bracket_is_read() -> None:
    assert outcome(message(From="caller<sip:caller@example.com>;tag=323")) == (["OPTIONS"], [])


def test_long_values_are_read() -> None:
    long = "extremely-long-" * 60
    text = message(
        f"INVITE sip:user@example.com;{long} SIP/2.0",
        From=f'"{long}" <sip:{"a" * 500}@example.com>;tag={long}',
        Via=f"SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{long}",
        Call_ID=long,
    )
    assert outcome(text) == (["INVITE"], [])


def test_surplus_after_the_body_of_a_datagram_is_no_second_message() -> None:
    again = message("INVITE sip:other@example.com SIP/2.0").replace("\n", "\r\n").encode()
    assert outcome(message("REGISTER sip:example.com SIP/2.0"), again) == (["REGISTER"], [])


def test_a_semicolon_and_a_question_mark_in_a_user_are_read() -> None:
    uri = Uri.parse("sip:user;par=u%40example.net@example.com")
    assert uri.user == "user;par=u@example.net"
    assert outcome(message("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0")) == (["OPTIONS"], [])


def test_a_response_without_reason_phrase_is_read() -> None:
    text = message("SIP/2.0 100 ", CSeq="1 INVITE").replace("\n", "\r\n").encode()
    parsed = parse_message(text)
    assert isinstance(parsed, Response)
    assert (parsed.status, parsed.reason) == (100, "")


@pytest.mark.parametrize(
    "text",
    [
        message("INVITE sip:user@example.com SIP/2.0", Contact='"Joe <sip:joe@example.org>'),
        message(l="-999"),
        message(l="9999"),
        message("OPTIONS <sip:user@example.com> SIP/2.0"),
        message("OPTIONS sip:user@example.com; lr SIP/2.0"),
        message("OPTIONS sip:user@example.com  SIP/2.0"),
        message("OPTIONS sip:user@example.com SIP/2.0 "),
        message(CSeq="36893488147419103232 OPTIONS"),
        message(Max_Forwards="300"),
        message(Expires="1 0 0 0"),
        message("REGISTER sip:example.com SIP/2.0", Expires="10000000000"),
        message(To='"Mr. J. User <sip:j.user@example.com>'),
        message(From="Bell, Alexander <sip:a.g.bell@example.com>;tag=43"),
        message(CSeq="8 INVITE"),
        message("INVITE sip:user@example.com SIP/2.0", Contact=""),
        message("INVITE sip:user@example.com SIP/2.0", Contact="<sip:a@b>, <sip:c@d>"),
        message(Record_Route="<sip:p"),
        message("OPTIONS sip:user@exam!ple.com SIP/2.0"),
        message(Route="sip:a b"),
    ],
)
def test_a_broken_request_gets_400(text: str) -> None:
    assert outcome(text) == ([], [400])


def test_empty_parameters_and_members_of_lists_are_passed_over() -> None:
    text = message(
        "INVITE sip:user@example.com SIP/2.0",
        Via="SIP/2.0/UDP 192.0.2.15;;,;,,",
        Contact='"Joe" <sip:joe@example.org>;;;;,',
    )
    assert outcome(text) == (["INVITE"], [])


@pytest.mark.parametrize(
    "text",
    [
        message(Via=""),
        message(Via="SIP/2.0/UDP"),
        message(From=""),
        message(To=""),
        message(Call_ID=""),
        message(CSeq=""),
        message("SIP/2.0 4294967301 better not break the receiver", CSeq="1 INVITE"),
        message("SIP/2.0 200 OK", l="99999", CSeq="1 INVITE"),
        message("ACK sip:user@example.com SIP/2.0", l="5"),
        "garbage",
        "",
        "\n\n",
        "\0\0\0\0",
    ],
)
def test_what_cannot_be_answered_is_passed_over_in_silence(text: str) -> None:
    assert outcome(text) == ([], [])


def test_an_unknown_protocol_version_gets_505() -> None:
    assert outcome(message("OPTIONS sip:t.watson@example.org SIP/7.0")) == ([], [505])


def test_an_unknown_scheme_is_the_users_to_refuse() -> None:
    assert outcome(message("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0")) == (["OPTIONS"], [])


def test_an_unknown_method_is_the_users_to_refuse() -> None:
    assert outcome(message("NEWMETHOD sip:user@example.com SIP/2.0")) == (["NEWMETHOD"], [])


def test_two_of_what_may_come_once_gets_400_where_it_can_be_answered() -> None:
    assert outcome(message(Max_Forwards="70\nMax-Forwards: 5")) == ([], [400])
    assert outcome(message(Call_ID="a\nCall-ID: b")) == ([], [])


def test_the_400_says_what_is_wrong_and_goes_back_to_the_sender() -> None:
    endpoint = Endpoint(EndpointConfig(tokens("t")))
    endpoint.receive_datagram(message(l="9999").replace("\n", "\r\n").encode(), FLOW, 0.0)
    [(flow, data)] = endpoint.messages_to_send()
    reply = parse_message(data)
    assert isinstance(reply, Response)
    assert flow == FLOW
    assert reply.reason == "Bad Request (Content-Length: body is shorter)"
    assert (reply.to_tag, reply.call_id, str(reply.cseq)) == ("t1", "torture@192.0.2.9", "60 OPTIONS")
    assert endpoint.transactions == 0
