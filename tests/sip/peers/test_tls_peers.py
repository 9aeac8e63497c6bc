"""TLS judged from outside: openssl as client (as testssl does), baresip phones, certificates replaced during a call."""

from __future__ import annotations

import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sip.io.certificates import Authority, make_authority
from tests.sip.peers.baresip import Baresip
from tests.sip.peers.conftest import HOST, StaticNode, free_port
from tests.sip.peers.test_baresip import wait_for

pytestmark = pytest.mark.integration

NAMES = ("sip.example.com", "sip.example.net")
OPTIONS = (
    "OPTIONS sip:trunkline.test SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:trunkline.test>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who vouches for the node and for carriers."""
    return make_authority(tmp_path)


@pytest.fixture
def node(tmp_path: Path, authority: Authority) -> Iterator[StaticNode]:
    """A node on UDP, on TLS one port above and on mutual TLS two above, with a certificate for each of two names."""
    chains = {name: authority.issue(name, name, HOST) for name in NAMES}
    port = free_port()
    made = StaticNode(tmp_path, port, settings={
        "listen": f"default=udp:{HOST}:{port},tls:{HOST}:{port + 1};carrier=mtls:{HOST}:{port + 2}",
        "certificates": ",".join(f"{name}={chain}" for name, chain in chains.items()),
        "ca": str(authority.path),
    })  # fmt: skip
    try:
        made.start()
        yield made
    finally:
        made.stop()


def s_client(node: StaticNode, *options: str, step: int = 1, say: bytes = b"") -> tuple[int, str]:
    """Return how ``openssl s_client`` ended and all it said; ``say`` goes in after the handshake."""
    ca = node.settings["ca"]
    command = ["openssl", "s_client", "-connect", f"{HOST}:{node.port + step}", "-CAfile", str(ca), *options]
    ended = subprocess.run(command, input=say, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    return ended.returncode, ended.stdout.decode(errors="replace")


@pytest.mark.parametrize(
    ("options", "protocol"),
    [
        (("-tls1_2",), "TLSv1.2"),
        (("-tls1_3",), "TLSv1.3"),
        (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"), "TLSv1.2"),
        (("-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"), "TLSv1.2"),
    ],
)
def test_what_is_strong_is_accepted_and_verified(node: StaticNode, options: tuple[str, ...], protocol: str) -> None:
    status, text = s_client(
        node, *options, "-verify_return_error", "-verify_hostname", NAMES[0], "-servername", NAMES[0]
    )
    assert status == 0
    assert f"New, {protocol}, Cipher is " in text and "Verify return code: 0 (ok)" in text
    assert "Compression: NONE" in text


@pytest.mark.parametrize(
    "options",
    [
        ("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
        ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "AES128-GCM-SHA256:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "aNULL:eNULL:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "PSK:@SECLEVEL=0"),
    ],
)
def test_what_is_old_or_weak_is_refused(node: StaticNode, options: tuple[str, ...]) -> None:
    _, text = s_client(node, *options)
    assert re.search(r"New, (TLS|SSL)v1", text) is None
    assert "Cipher is (NONE)" in text
    assert s_client(node, "-tls1_2")[0] == 0, "and the node goes on"


def test_renegotiation_is_refused(node: StaticNode) -> None:
    _, text = s_client(node, "-tls1_2", say=b"R\n")
    assert "RENEGOTIATING" in text
    assert "no renegotiation" in text or "renegotiation" in text.partition("RENEGOTIATING")[2]


@pytest.mark.parametrize(("asked", "shown"), [(NAMES[0], NAMES[0]), (NAMES[1], NAMES[1]), ("other.example", NAMES[0])])
def test_the_name_asked_for_picks_the_certificate(node: StaticNode, asked: str, shown: str) -> None:
    _, text = s_client(node, "-servername", asked)
    assert f"subject=CN = {shown}" in text


def test_mutual_tls_takes_who_shows_a_certificate_of_the_authority_and_nobody_else(
    node: StaticNode, authority: Authority, tmp_path: Path
) -> None:
    carrier = str(authority.issue("carrier", "carrier.example"))
    (tmp_path / "other").mkdir()
    stranger = str(make_authority(tmp_path / "other", "Other Authority").issue("mallory", "carrier.example"))
    expired = str(authority.issue("expired", "carrier.example", days=-1))
    ping = b"\r\n\r\n"
    status, text = s_client(node, "-tls1_2", "-cert", carrier, "-key", carrier, step=2, say=ping)
    assert status == 0 and "Cipher is ECDHE-ECDSA-AES" in text and "alert" not in text
    for options in ((), ("-cert", stranger, "-key", stranger), ("-cert", expired, "-key", expired)):
        status, _ = s_client(node, "-tls1_2", *options, step=2, say=ping)
        assert status != 0


def connect(node: StaticNode, authority: Authority) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(authority.path))
    plain = socket.create_connection((HOST, node.port + 1), timeout=10)
    return context.wrap_socket(plain, server_hostname=NAMES[0])


def ask(stream: ssl.SSLSocket, branch: str) -> bytes:
    stream.sendall(OPTIONS.format(branch=branch).encode())
    return stream.recv(65_535)


def serial_of(stream: ssl.SSLSocket) -> object:
    certificate = stream.getpeercert()
    assert certificate is not None
    return certificate["serialNumber"]


def tls_phone(node: StaticNode, authority: Authority, name: str, rtp: int, answers: bool) -> Baresip:
    """Return a baresip that speaks TLS and verifies the node's certificate."""
    port = free_port()
    return Baresip(
        node.folder / name, name, "secret", HOST, port, rtp, (HOST, node.port + 1), 440.0, answers,
        transport="tls", extra_config=f"sip_cafile {authority.path}\nsip_verify_server yes\n",
    )  # fmt: skip


def test_baresip_calls_over_tls_and_new_certificates_come_during_the_call(
    node: StaticNode, authority: Authority
) -> None:
    callee = tls_phone(node, authority, "u2", 30_100, True)
    caller = tls_phone(node, authority, "u1", 30_120, False)
    with connect(node, authority) as old:
        try:
            callee.start()
            wait_for(callee, "[1 binding]")
            caller.start(f"/dial sip:1002@{HOST}:{node.port + 1};transport=tls")
            wait_for(caller, "Call established")
            before = serial_of(old)
            for name in NAMES:
                authority.issue(name, name, HOST)
            assert node.process is not None
            node.process.send_signal(signal.SIGHUP)
            assert ask(old, "old").startswith(b"SIP/2.0 200"), "a connection of before goes on"
            with connect(node, authority) as new:
                assert serial_of(new) != before
                assert ask(new, "new").startswith(b"SIP/2.0 200")
            assert "Call terminated" not in caller.log() and "session closed" not in caller.log()
        finally:
            caller.stop()
            wait_for(callee, "session closed")
            callee.stop()
    [record] = node.records(1)
    assert (record.sip_status, record.ended_by, record.b_line_id) == (200, "caller", 2)
