"""What `make doctor` prints for what is wrong."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from voip.platform import doctor, limits, ports, tools
from voip.platform.doctor import Finding


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    for name in ("DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL", "LISTEN_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def taken_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setenv("LISTEN_HOST", "127.0.0.61")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.61", 0))
        port = int(server.getsockname()[1])
        monkeypatch.setenv("SIP_PORT", str(port))
        monkeypatch.setenv("WEB_PORT", str(port))
        yield port


def wrong(findings: Iterator[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.is_good]


def test_this_machine_can_run_the_platform() -> None:
    assert wrong(doctor.check_python()) == []
    assert wrong(doctor.check_room()) == []
    assert wrong(doctor.check_environment()) == []


def test_a_taken_port_is_named_with_its_holder_and_the_line_that_mends(taken_port: int) -> None:
    (finding,) = wrong(doctor.check_ports())
    assert finding.text.startswith(f"port {taken_port} UDP is taken by ")
    assert "(pid " in finding.text
    assert doctor.line(finding).endswith(f"\n       SIP_PORT={taken_port + 1} make run")


def test_the_holder_of_a_port_is_found(taken_port: int) -> None:
    assert ports.is_free("127.0.0.61", taken_port, socket.SOCK_STREAM)
    assert not ports.is_free("127.0.0.61", taken_port, socket.SOCK_DGRAM)


def test_too_little_disk_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DISK_FREE_BYTES_MIN", 2**62)
    (finding,) = wrong(doctor.check_room())
    assert "VAR_DIR=/larger make run" in finding.mend


def test_a_database_that_nobody_serves_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@127.0.0.61:1/voip")
    texts = [finding.text for finding in wrong(doctor.check_servers())]
    assert texts == ["DATABASE_URL is reachable", "OWNER_DATABASE_URL is not set"]


def test_a_database_on_a_socket_is_reached(redis_url: str) -> None:
    assert doctor.is_reachable(redis_url, 6379)
    assert not doctor.is_reachable("postgresql://app@/voip?host=/nowhere", 5432)


def test_a_missing_test_program_is_a_note_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find", lambda name: None)
    findings = wrong(doctor.check_tools())
    assert [finding.is_needed for finding in findings] == [False] * len(tools.PACKAGES | tools.COMPILERS)
    assert findings[0].mend == "`make test` gets it; or: apt-get install sip-tester"


@pytest.mark.parametrize(("is_needed", "status"), [(True, 1), (False, 0)])
def test_only_what_is_needed_makes_the_doctor_fail(
    monkeypatch: pytest.MonkeyPatch, is_needed: bool, status: int
) -> None:
    finding = Finding("a leg is broken", False, "splint it", is_needed)
    monkeypatch.setattr(doctor, "CHECKS", (lambda: iter([finding]),))
    assert doctor.main() == status
