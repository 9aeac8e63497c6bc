"""TLS listeners and connections: RFC 5922 (whose certificate), RFC 5923 (which connection is used again), SNI."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sip.io.errors import ListenError, TlsError
from sip.io.listeners import ListenerConfig, Sockets, StreamSettings, ZoneConfig
from sip.io.streams import StreamLimits
from sip.io.tls import Certificate, Contexts, TlsConfig, carries, parse_certificates, sip_identities
from sip.stack.events import RequestReceived, ResponseReceived, TransportFailed
from sip.stack.flow import Flow
from tests.sip.io.bench import HOST, Bench, message
from tests.sip.io.certificates import Authority, make_authority

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who vouches for everybody here."""
    return make_authority(tmp_path)


def config_of(authority: Authority, *names: str) -> TlsConfig:
    """Return a configuration with one certificate for each name."""
    chosen = names or ("sip.example.com",)
    return TlsConfig(tuple(Certificate(name, authority.issue(name, name)) for name in chosen), authority.path)


@pytest_asyncio.fixture
async def bench(authority: Authority) -> AsyncIterator[Bench]:
    """A TLS and a mutual TLS listener."""
    settings = StreamSettings(config_of(authority, "sip.example.com", "sip.example.net"))
    made = Bench("TLS", settings=settings)
    await made.start()
    yield made
    await made.close()


def client_context(authority: Authority, shown: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.path))
    context.check_hostname = False
    if shown is not None:
        context.load_cert_chain(shown)
    return context


async def connect(bench: Bench, context: ssl.SSLContext, name: str | None = "sip.example.com") -> Streams:
    return await asyncio.open_connection(
        *bench.local("TLS"), ssl=context, server_hostname=name or "", local_addr=(HOST, 0)
    )


async def exchange(streams: Streams, branch: str = "t1", more: str = "", port: int = 5999) -> bytes:
    reader, writer = streams
    writer.write(message(branch, "TLS", port, more))
    return await reader.readuntil(b"\r\n\r\n")


def shown_names(streams: Streams) -> list[str]:
    certificate: dict[str, Any] = streams[1].get_extra_info("peercert")
    return [value for _, value in certificate["subjectAltName"]]


@pytest.mark.asyncio
async def test_a_request_over_tls_is_answered_over_it(bench: Bench, authority: Authority) -> None:
    streams = await connect(bench, client_context(authority))
    assert (await exchange(streams)).startswith(b"SIP/2.0 200 OK")
    [flow] = bench.switch.flows
    assert (flow.transport, flow.local, flow.connection, flow.peer_names) == ("TLS", bench.local("TLS"), 1, ())
    streams[1].close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("sip.example.com", "sip.example.com"),
        ("sip.example.net", "sip.example.net"),
        ("SIP.Example.NET", "sip.example.net"),
        ("unknown.example.org", "sip.example.com"),
        (None, "sip.example.com"),
    ],
)
async def test_the_name_asked_for_chooses_the_certificate(
    bench: Bench, authority: Authority, asked: str | None, shown: str
) -> None:
    streams = await connect(bench, client_context(authority), asked)
    assert shown_names(streams) == [shown]
    streams[1].close()


@pytest.mark.asyncio
async def test_a_clients_certificate_names_it_and_one_of_a_stranger_ends_the_handshake(
    bench: Bench, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    known = authority.issue("carrier", "sip:carrier.example", "Ignored.Example")
    streams = await connect(bench, client_context(authority, known))
    assert (await exchange(streams)).startswith(b"SIP/2.0 200 OK")
    assert bench.switch.flows[0].peer_names == ("carrier.example",)
    (tmp_path / "other").mkdir()
    stranger = make_authority(tmp_path / "other", "Other Authority").issue("mallory", "sip:carrier.example")
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await exchange(await connect(bench, client_context(authority, stranger)), "t2")
    assert len(bench.events(RequestReceived)) == 1
    await bench.until(lambda: any("no handshake" in record.getMessage() for record in caplog.records))
    await bench.until(lambda: bench.sockets._census.total == 1)
    streams[1].close()


@pytest.mark.asyncio
async def test_a_mutual_listener_takes_nobody_without_a_certificate(authority: Authority) -> None:
    bench = Bench("MTLS", settings=StreamSettings(config_of(authority)))
    await bench.start()
    try:
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await exchange(await connect(bench, client_context(authority)))
        known = authority.issue("carrier", "carrier.example")
        streams = await connect(bench, client_context(authority, known))
        assert (await exchange(streams)).startswith(b"SIP/2.0 200 OK")
        assert [flow.peer_names for flow in bench.switch.flows] == [("carrier.example",)]
        streams[1].close()
    finally:
        await bench.close()


@pytest.mark.asyncio
async def test_who_does_not_finish_the_handshake_is_closed_and_its_place_is_free(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    limits = StreamLimits(handshake_s=0.2, connections_per_source=1)
    bench = Bench("TLS", settings=StreamSettings(config_of(authority), limits=limits))
    await bench.start()
    try:
        reader, writer = await asyncio.open_connection(*bench.local("TLS"))
        await bench.until(lambda: bench.sockets._census.total == 1)
        second, second_writer = await asyncio.open_connection(*bench.local("TLS"))
        assert await second.read() == b"", "a half-open handshake counts as a connection"
        assert await reader.read() == b""
        await bench.until(lambda: bench.sockets._census.total == 0)
        writer.close()
        second_writer.close()
        assert [record.getMessage() for record in caplog.records if "no handshake" in record.getMessage()] != []
    finally:
        await bench.close()


@pytest.mark.asyncio
async def test_new_certificates_are_shown_to_new_connections_and_old_ones_stay_up(
    bench: Bench, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    old = await connect(bench, client_context(authority))
    assert (await exchange(old)).startswith(b"SIP/2.0 200 OK")
    authority.issue("sip.example.com", "sip.example.com", "new.example.com")
    bench.sockets.reload()
    new = await connect(bench, client_context(authority))
    assert shown_names(new) == ["sip.example.com", "new.example.com"]
    assert (await exchange(old, "t2")).startswith(b"SIP/2.0 200 OK")
    assert len(bench["TLS"]) == 2
    assert bench.sockets._tls is not None and not bench.sockets._tls.reload_if_changed()
    for streams in (old, new):
        streams[1].close()


def test_a_changed_file_is_noticed_and_a_broken_one_changes_nothing(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_of(authority)
    contexts = Contexts(config)
    before = contexts.client
    assert not contexts.reload_if_changed()
    chain = config.certificates[0].chain
    whole = chain.read_bytes()
    chain.write_bytes(whole[:300])
    assert not contexts.reload_if_changed()
    assert contexts.client is before
    assert not contexts.reload_if_changed(), "what is broken is said once"
    assert sum("former ones stay" in record.getMessage() for record in caplog.records) == 1
    chain.write_bytes(whole)
    os.utime(chain, ns=(1, 1))
    assert contexts.reload_if_changed()
    assert contexts.client is not before


class FarEnd:
    """A TLS server that answers requests and shows a certificate."""

    def __init__(self, authority: Authority, shown: Path) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(shown)
        self.context.load_verify_locations(authority.path)
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.connections = 0
        self.requests: list[bytes] = []
        self.client_names: list[Any] = []

    async def start(self) -> tuple[str, int]:
        """Listen; returns where."""
        self.server = await asyncio.start_server(self._serve, HOST, 0, ssl=self.context)
        name = self.server.sockets[0].getsockname()
        return (name[0], name[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.client_names.append(sip_identities(writer.get_extra_info("peercert")))
        while True:
            try:
                request = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            self.requests.append(request)
            rows = [row for row in request.split(b"\r\n") if row[:4] in (b"Via:", b"From", b"Call", b"CSeq")]
            rows += [b"To: <sip:y@b>;tag=2", b"Content-Length: 0", b"", b""]
            writer.write(b"\r\n".join([b"SIP/2.0 200 OK", *rows]))


@pytest.mark.asyncio
async def test_a_connection_of_ours_is_used_again_for_its_domain_and_for_no_other(
    bench: Bench, authority: Authority
) -> None:
    far = FarEnd(authority, authority.issue("far", "one.example", "two.example"))
    remote = await far.start()
    for number, domain in enumerate(("one.example", "one.example", "two.example", "one.example"), 1):
        bench.ask(Flow("TLS", bench.local("TLS"), remote, 0, domain), f"c{number}")
        await bench.until(lambda count=number: len(bench.events(ResponseReceived)) == count)  # type: ignore[misc]
    assert far.connections == 2
    assert far.client_names == [("sip.example.com",)] * 2
    assert all(b";alias" in request.split(b"\r\n")[1] for request in far.requests)
    far.server.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("names", "domain", "is_verified"),
    [
        (("one.example",), "one.example", True),
        (("sip:one.example", "two.example"), "one.example", True),
        (("sip:one.example", "two.example"), "two.example", False),
        (("sip:bob@one.example",), "one.example", False),
        (("*.example",), "one.example", False),
        (("two.example",), "one.example", False),
        ((HOST,), "", True),
        (("one.example",), "", False),
    ],
)
async def test_nothing_is_sent_to_a_server_whose_certificate_is_of_another(
    bench: Bench, authority: Authority, names: tuple[str, ...], domain: str, is_verified: bool
) -> None:
    far = FarEnd(authority, authority.issue("far", *names))
    remote = await far.start()
    bench.ask(Flow("TLS", bench.local("TLS"), remote, 0, domain))
    await bench.until(lambda: bool(bench.events(ResponseReceived) or bench.events(TransportFailed)))
    assert len(bench.events(TransportFailed)) == (0 if is_verified else 1)
    assert len(far.requests) == (1 if is_verified else 0)
    await bench.until(lambda: bench.sockets._census.total == (1 if is_verified else 0))
    far.server.close()


@pytest.mark.asyncio
async def test_a_domain_that_cannot_be_asked_for_is_a_transport_failure(bench: Bench, authority: Authority) -> None:
    far = FarEnd(authority, authority.issue("far", "one.example"))
    remote = await far.start()
    for number, domain in enumerate((".example", "a..example", "x" * 70 + ".example"), 1):
        bench.ask(Flow("TLS", bench.local("TLS"), remote, 0, domain), f"c{number}")
        await bench.until(lambda count=number: len(bench.events(TransportFailed)) == count)  # type: ignore[misc]
    assert far.requests == []
    await bench.until(lambda: bench.sockets._census.total == 0)
    far.server.close()


@pytest.mark.asyncio
async def test_nothing_is_sent_to_a_server_nobody_vouches_for(
    bench: Bench, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    stranger = make_authority(tmp_path / "other", "Other Authority").issue("far", "one.example")
    far = FarEnd(authority, stranger)
    remote = await far.start()
    bench.ask(Flow("TLS", bench.local("TLS"), remote, 0, "one.example"))
    await bench.until(lambda: len(bench.events(TransportFailed)) == 1)
    assert far.requests == []
    far.server.close()


@pytest.mark.asyncio
async def test_alias_of_a_verified_peer_lets_its_connection_carry_requests_to_its_domain_only(
    bench: Bench, authority: Authority
) -> None:
    known = authority.issue("carrier", "carrier.example")
    streams = await connect(bench, client_context(authority, known))
    await exchange(streams, "t1", ";alias", 6061)
    bench.ask(Flow("TLS", bench.local("TLS"), (HOST, 6061), 0, "other.example"), "c1")
    await bench.until(lambda: len(bench.events(TransportFailed)) == 1)
    bench.ask(Flow("TLS", bench.local("TLS"), (HOST, 6061), 0, "carrier.example"), "c2")
    request = await asyncio.wait_for(streams[0].readuntil(b"\r\n\r\n"), 3)
    assert request.startswith(b"OPTIONS sip:y@b SIP/2.0\r\n") and b"Call-ID: c2\r\n" in request
    streams[1].close()


@pytest.mark.asyncio
@pytest.mark.parametrize(("shows", "more"), [(False, ";alias"), (True, "")])
async def test_without_a_certificate_or_without_alias_a_connection_that_came_carries_no_request_of_another_kind(
    bench: Bench, authority: Authority, shows: bool, more: str
) -> None:
    known = authority.issue("carrier", "carrier.example") if shows else None
    streams = await connect(bench, client_context(authority, known))
    await exchange(streams, "t1", more, 6061)
    bench.ask(Flow("TLS", bench.local("TLS"), (HOST, 6061), 0, "carrier.example"), "c1")
    await bench.until(lambda: len(bench.events(TransportFailed)) == 1)
    own = bench.switch.flows[0]
    bench.ask(own, "c2")
    assert b"Call-ID: c2\r\n" in await streams[0].readuntil(b"\r\n\r\n"), "its own dialogs go over it all the same"
    streams[1].close()


def test_identities_are_sip_uris_else_dns_names_else_the_common_name() -> None:
    subject = ((("commonName", "cn.example"),),)
    uri, dns = ("URI", "SIP:A.example;x=1"), ("DNS", "b.example")
    assert sip_identities({"subject": subject, "subjectAltName": (dns, uri)}) == ("a.example",)
    assert sip_identities({"subject": subject, "subjectAltName": (dns, ("URI", "https://a.example"))}) == ("b.example",)
    assert sip_identities({"subject": subject, "subjectAltName": (("IP Address", "192.0.2.1"),)}) == ()
    assert sip_identities({"subject": subject}) == ("cn.example",)
    assert sip_identities({}) == sip_identities(None) == ()
    assert not carries(None, "a.example", "192.0.2.1")


def test_an_address_is_compared_as_an_address() -> None:
    certificate = {"subjectAltName": (("IP Address", "2001:DB8:0:0:0:0:0:1"),)}
    assert carries(certificate, "", "2001:db8::1")
    assert not carries(certificate, "", "2001:db8::2")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("chain.pem", "is not name=chain.pem"),
        ("a.example=", "is not name=chain.pem"),
        ("a.example=chain.pem+", "is not name=chain.pem"),
        ("a.example=x.pem,A.example=y.pem", "a name stands twice"),
    ],
)
def test_a_wrong_setting_of_certificates_says_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(TlsError, match="SIP_TLS_CERTIFICATES: ") as raised:
        parse_certificates(text)
    assert complaint in str(raised.value)


def test_certificates_are_read_from_the_setting() -> None:
    assert parse_certificates("A.example=/x/a.pem, b.example=/x/b.pem+/x/b.key,") == (
        Certificate("a.example", Path("/x/a.pem")),
        Certificate("b.example", Path("/x/b.pem"), Path("/x/b.key")),
    )
    assert parse_certificates("") == ()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("TLS", "a TLS listener needs SIP_TLS_CERTIFICATES"),
        ("WSS", "a TLS listener needs SIP_TLS_CERTIFICATES"),
    ],
)
async def test_what_cannot_be_listened_on_is_refused_with_one_line(word: str, complaint: str) -> None:
    zones = [ZoneConfig("a", (ListenerConfig(word, HOST, 0),))]
    sockets = Sockets(asyncio.get_running_loop(), zones)
    with pytest.raises(ListenError) as raised:
        await sockets.open()
    assert complaint in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.asyncio
async def test_a_certificate_that_is_not_there_and_a_mutual_listener_without_authority_are_refused(
    authority: Authority,
) -> None:
    chain = authority.issue("a", "a.example")
    missing = TlsConfig((Certificate("a.example", authority.folder / "none.pem"),), authority.path)
    nobody = TlsConfig((Certificate("a.example", chain),))
    for tls, complaint in ((missing, "none.pem"), (nobody, "needs SIP_TLS_CA")):
        zones = [ZoneConfig("a", (ListenerConfig("MTLS", HOST, 0),))]
        with pytest.raises(ListenError, match=complaint):
            await Sockets(asyncio.get_running_loop(), zones, StreamSettings(tls)).open()
