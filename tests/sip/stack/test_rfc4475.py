"""RFC 4475, message by message: its shapes in texts of our own, each with what its prose asks of who receives it.

The messages meet the switch, so that what the transaction user has to say (416, 420, 483 …) is in it. Names are the
RFC's. Some of what a registrar says follows its challenge: those are in ``tests/sip/controller``.
"""

from __future__ import annotations

import pytest

from sip.controller.registration.config import RegistrarConfig
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.framing import StreamFramer
from sip.stack.message import Response, Uri, parse_message
from tests.sip.controller.business import directory, line
from tests.sip.controller.network import SWITCH, Network

PEER = Flow("UDP", SWITCH, ("192.0.2.9", 5060))


def replies(text: str, body: bytes = b"") -> list[Response]:
    """Return what the switch sends back for one datagram."""
    ours = RegistrarConfig(domains=frozenset({"example.com"}))
    network = Network(directory(line(1, "alice")), settings={"registrar": ours})
    network.receive(text.replace("\n", "\r\n").encode("utf-8", "surrogateescape") + body, PEER, 0.0)
    network.switch.process(network.now, network.wall)
    found: list[Response] = []
    for flow, data in network.endpoint.messages_to_send():
        try:
            reply = parse_message(data)
        except RemoteProtocolError:
            reply = Response(int(data[8:11]), "")  # It repeats what was wrong with the request.
        assert isinstance(reply, Response)
        assert flow.remote[0] == "192.0.2.9"
        found.append(reply)
    return found


def statuses(text: str, body: bytes = b"") -> list[int]:
    """Return the statuses of what the switch sends back."""
    return [reply.status for reply in replies(text, body)]


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


INVITE = "INVITE sip:user@example.com SIP/2.0"
REGISTER = "REGISTER sip:example.com SIP/2.0"
TWICE = "5 INVITE\nCSeq: 6 INVITE"
EVERYBODY = "SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKb"
WSINV = (
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


def test_3_1_1_1_wsinv_every_blank_where_one_may_stand() -> None:
    parsed = parse_message(WSINV.replace("\n", "\r\n").encode() + b"v=0\r\n")
    assert (parsed.to_tag, parsed.from_tag) == ("1918181833n", "98asjd8")
    assert (parsed.cseq.number, parsed.max_forwards) == (9, 68)
    assert (parsed.from_.display_name, parsed.via.host) == ('J Rosenberg \\"', "192.0.2.2")
    assert (parsed.contacts[0].param("q"), parsed.contacts[0].display_name) == ("0.33", 'Quoted string ""')
    assert len(parsed.values("Via")) == 3
    # A To tag names a dialog, and there is none.
    assert statuses(WSINV, b"v=0\r\n") == [481]


def test_3_1_1_2_intmeth_every_character_that_may_stand() -> None:
    method = "!interesting-Method0123456789_*+`.%indeed'~"
    text = message(
        f"{method} sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
        "@example.com SIP/2.0",
        Via="SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK-.!%66*_+`'~",
        To='"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_unusual.URI~(to-be!sure)&isn\'t+it$/crazy?,/;;*@example.com>',
        From="token1~` token2'+_ token3*%!.- <sip:mundane@example.com>"
        ";fromParam''~+*_!.-%=\"тест\";tag=_token~1'+`*%!-.",
        Call_ID="intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
        CSeq=f"139122385 {method}",
        Max_Forwards="255",
    ).replace("\n\n", "\nextensionHeader-!.%*+_`'~:﻿大停電\n\n")
    [reply] = replies(text)
    assert (reply.status, reply.call_id) == (501, "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{")
    assert reply.to.display_name == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert reply.get("Allow") is not None


def test_3_1_1_3_esc01_escaped_characters_are_the_characters() -> None:
    uri = Uri.parse("sip:sips%3Auser%40example.com@example.net")
    assert (uri.user, uri.host) == ("sips:user@example.com", "example.net")
    assert statuses(message("INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0")) == [407]


def test_3_1_1_4_escnull_an_escaped_nul_stays_escaped() -> None:
    assert str(Uri.parse("sip:null-%00-null@example.com")) == "sip:null-%00-null@example.com"
    text = message(REGISTER, To="<sip:null-%00-null@example.com>", Contact="<sip:%00@h>, <sip:%00%00@h>")
    assert statuses(text) == [401]


def test_3_1_1_5_esc02_a_percent_is_no_escape_in_a_method() -> None:
    assert statuses(message("RE%47IST%45R sip:registrar.example.com SIP/2.0")) == [501]


def test_3_1_1_6_lwsdisp_no_blank_between_name_and_bracket() -> None:
    assert statuses(message(From="caller<sip:caller@example.com>;tag=323")) == [200]


def test_3_1_1_7_longreq_long_values() -> None:
    long = "extremely-long-" * 60
    text = message(
        f"INVITE sip:user@example.com;{long} SIP/2.0",
        From=f'"{long}" <sip:{"a" * 500}@example.com>;tag=1',
        Via=f"SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK{long}",
        Call_ID="long",
    )
    assert statuses(text) == [407]


def test_3_1_1_8_dblreq_what_follows_the_body_of_a_datagram_is_no_second_message() -> None:
    again = message("INVITE sip:other@example.com SIP/2.0").replace("\n", "\r\n").encode()
    assert statuses(message(REGISTER), again) == [401]


def test_3_1_1_9_semiuri_a_semicolon_in_a_user() -> None:
    uri = Uri.parse("sip:user;par=u%40example.net@example.com")
    assert (uri.user, uri.params) == ("user;par=u@example.net", ())
    assert statuses(message("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0")) == [200]


def test_3_1_1_10_transports_known_and_unknown_in_via() -> None:
    further = [f"SIP/2.0/{name} t{name}.example.com;branch=z9hG4bK{name}" for name in ("SCTP", "TLS", "UNKNOWN", "TCP")]
    assert statuses(message(Via="\nVia: ".join(["SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKudp", *further]))) == [200]


def test_3_1_1_11_mpart01_a_body_of_many_parts_with_any_bytes() -> None:
    body = b"--7a9c\r\nContent-Type: text/plain\r\n\r\nHello\r\n--7a9c\r\n\r\n\x00\xff\r\n--7a9c--\r\n"
    text = message("MESSAGE sip:a@example.com SIP/2.0", Contact="", l=str(len(body)))
    text = text.replace("\n\n", "\nContent-Type: multipart/mixed;boundary=7a9c\n\n")
    assert parse_message(text.replace("\n", "\r\n").encode() + body).body == body
    assert all(status >= 400 for status in statuses(text, body))


def test_3_1_1_12_unreason_a_reason_phrase_of_any_characters() -> None:
    reason = "= 2**3 * 5**2 но сто девяносто девять - простое"
    text = message(f"SIP/2.0 200 {reason}", CSeq="35 INVITE", To="<sip:a@b>;tag=1")
    parsed = parse_message(text.replace("\n", "\r\n").encode())
    assert isinstance(parsed, Response)
    assert parsed.reason == reason
    assert statuses(text) == []


def test_3_1_1_13_noreason_an_empty_reason_phrase() -> None:
    parsed = parse_message(message("SIP/2.0 100 ", CSeq="1 INVITE").replace("\n", "\r\n").encode())
    assert isinstance(parsed, Response)
    assert (parsed.status, parsed.reason) == (100, "")


def many(name: str, text: str, *expected: int) -> object:
    return pytest.param(text, list(expected), id=name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        many("3.1.2.1 badinv01", message(INVITE, Via="SIP/2.0/UDP 192.0.2.15;;,;,,", Contact="<sip:j@e>;;;;"), 400),
        many("3.1.2.1 contact alone", message(INVITE, Contact='"Joe" <sip:joe@example.org>;;;;'), 400),
        many("3.1.2.2 clerr", message(INVITE, l="9999"), 400),
        many("3.1.2.3 ncl", message(INVITE, l="-999"), 400),
        many("3.1.2.4 scalar02 cseq", message(CSeq="36893488147419103232 OPTIONS"), 400),
        many("3.1.2.4 scalar02 max-forwards", message(Max_Forwards="300"), 400),
        many("3.1.2.4 scalar02 expires", message(REGISTER, Expires="10000000000"), 400),
        many("3.1.2.5 scalarlg", message("SIP/2.0 503 x", CSeq="9292394834772304023312 OPTIONS"), *()),
        many("3.1.2.6 quotbal", message(To='"Mr. J. User <sip:j.user@example.com>'), 400),
        many("3.1.2.7 ltgtruri", message("INVITE <sip:user@example.com> SIP/2.0"), 400),
        many("3.1.2.8 lwsruri", message("INVITE sip:user@example.com; lr SIP/2.0"), 400),
        many("3.1.2.9 lwsstart", message("INVITE  sip:user@example.com  SIP/2.0"), 400),
        many("3.1.2.10 trws", message("OPTIONS sip:user@example.com SIP/2.0  "), 400),
        many("3.1.2.11 escruri", message("INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0"), 400),
        # Dates are for people: what is no date is no reason to refuse a call, which the RFC leaves open.
        many("3.1.2.12 baddate", message(INVITE, Date="Fri, 01 Jan 2010 16:00:00 EST"), 407),
        # Blanks around an address, as it says, may be passed over.
        many("3.1.2.14 badaspec", message(To='"Watson, Thomas" < sip:t.watson@example.org >'), 200),
        many("3.1.2.15 baddn", message(From="Bell, Alexander <sip:a.g.bell@example.com>;tag=43"), 400),
        many("3.1.2.16 badvers", message("OPTIONS sip:t@e.org SIP/7.0", Via="SIP/7.0/UDP h;branch=z9hG4bK1"), 505),
        many("3.1.2.17 mismatch01", message(CSeq="8 INVITE"), 400),
        many("3.1.2.18 mismatch02", message("NEWMETHOD sip:user@example.com SIP/2.0", CSeq="8 INVITE"), 400),
        many("3.1.2.19 bigcode", message("SIP/2.0 4294967301 better not break the receiver", CSeq="1 INVITE"), *()),
        # No identifier after the cookie: the transaction is found as RFC 2543 has it.
        many("3.2.1 badbranch", message(Via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"), 200),
        many("3.3.1 insuf", message(INVITE, From="", To="", Call_ID=""), 400),
        many("3.3.2 unkscm", message("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"), 416),
        many("3.3.3 novelsc", message("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"), 416),
        many("3.3.5 bext01", message(Require="nothingSupportsThis", Proxy_Require="noProxiesSupportThis"), 420),
        # What is in the body is the callee's to judge, as for any proxy.
        many("3.3.6 invut", message(INVITE, Content_Type="application/unknownformat"), 407),
        many("3.3.7 regaut01", message(REGISTER, Authorization="NoOneKnowsThisScheme opaque-data=here"), 401),
        many(
            "3.3.8 multi01",
            message(INVITE, From="<sip:a@b>;tag=1\nFrom: <sip:c@d>;tag=2", CSeq=TWICE),
            400,
        ),
        many("3.3.9 mcl01", message(l="0\nContent-Length: 4"), 400),
        many(
            "3.3.10 bcast",
            message("SIP/2.0 200 OK", Via=EVERYBODY, CSeq="1 INVITE"),
            *(),
        ),
        many("3.3.11 zeromf", message(Max_Forwards="0"), 483),
        many("3.3.12 cparam01", message(REGISTER, Contact="sip:+19725552222@gw1.example.net;unknownparam"), 401),
        many("3.3.13 cparam02", message(REGISTER, Contact="<sip:+19725552222@gw1.example.net;unknownparam>"), 401),
        # Which bodies are wanted is for the two parties to say.
        many("3.3.15 sdp01", message(INVITE, Accept="text/nobodyKnowsThis"), 407),
    ],
)
def test_a_message_gets_the_answer_its_section_asks_for(text: str, expected: list[int]) -> None:
    assert statuses(text) == expected


def test_3_3_5_bext01_names_what_is_not_supported() -> None:
    [reply] = replies(message(Require="nothingSupportsThis, nothingSupportsThisEither", Proxy_Require="noProxiesToo"))
    assert reply.values("Unsupported") == ["nothingSupportsThis", "nothingSupportsThisEither", "noProxiesToo"]


def test_3_3_9_mcl01_ends_a_stream() -> None:
    framer = StreamFramer()
    with pytest.raises(RemoteProtocolError, match="Content-Length") as caught:
        framer.feed(message(l="0\nContent-Length: 4").replace("\n", "\r\n").encode() + b"v=0\r")
    assert caught.value.status == 400
    assert framer.failure is caught.value


def test_3_4_1_inv2543_is_read_but_a_call_needs_a_contact() -> None:
    """No branch, no From tag, no Max-Forwards, no Content-Length: all read. RFC 3261 §8.1.1.8 wants a Contact."""
    text = message(
        INVITE, Via="SIP/2.0/UDP iftgw.example.com", From="<sip:+19805551212@e>", Max_Forwards="", l="", Contact=""
    )
    assert statuses(text) == [400]
    assert statuses(text.replace("CSeq", "Contact: <sip:a@192.0.2.9>\nCSeq"), b"v=0\r\n" * 20) == [407]


@pytest.mark.parametrize(
    "text",
    [
        message(Via=""),
        message(Via="SIP/2.0/UDP"),
        message(CSeq=""),
        message("SIP/2.0 200 OK", l="99999", CSeq="1 INVITE"),
        message("ACK sip:user@example.com SIP/2.0", l="5"),
        "garbage",
        "",
        "\n\n",
        "\0\0\0\0",
    ],
)
def test_what_cannot_be_answered_is_passed_over_in_silence(text: str) -> None:
    assert statuses(text) == []


@pytest.mark.parametrize(
    "text",
    [
        message(INVITE, Contact='"Joe <sip:joe@example.org>'),
        message(INVITE, Contact="<sip:a@b>, <sip:c@d>"),
        message(Expires="1 0 0 0"),
        message(Record_Route="<sip:p"),
        message("OPTIONS sip:user@exam!ple.com SIP/2.0"),
        message(Route="sip:a b"),
        message(Max_Forwards="70\nMax-Forwards: 5"),
        message(Call_ID="a\nCall-ID: b"),
    ],
)
def test_a_broken_request_gets_400(text: str) -> None:
    assert statuses(text) == [400]


def test_the_400_says_what_is_wrong_and_leaves_nothing_behind() -> None:
    network = Network(directory())
    network.receive(message(l="9999").replace("\n", "\r\n").encode(), PEER, 0.0)
    [(flow, data)] = network.endpoint.messages_to_send()
    reply = parse_message(data)
    assert isinstance(reply, Response)
    assert flow == PEER
    assert reply.reason == "Bad Request (Content-Length: body is shorter)"
    assert (reply.to_tag, reply.call_id, str(reply.cseq)) == ("sw1t1", "torture@192.0.2.9", "60 OPTIONS")
    assert network.endpoint.transactions == 0
