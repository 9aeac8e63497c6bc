"""A bind9 of the tests on a loopback address: authoritative for the zones it is given, and for nothing else."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from voip.platform import tools

_CONF = """
options {{
  directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
  listen-on port {port} {{ {host}; }}; listen-on-v6 {{ none; }};
  recursion no; allow-query {{ any; }}; allow-transfer {{ none; }}; notify no; dnssec-validation no;
  minimal-responses yes; querylog no;
}};
controls {{ }};
logging {{ category default {{ default_stderr; }}; }};
"""
_ZONE = 'zone "{name}" {{ type primary; file "{file}"; }};\n'
_SOA = "$TTL {ttl}\n@ IN SOA ns.{name}. admin.{name}. 1 3600 600 86400 {negative}\n@ IN NS ns.{name}.\nns IN A {host}\n"
_START_S_MAX = 15.0


class Named:
    """A server; ``zone`` before ``start``. It listens on 127.0.0.1: bind9 takes only what an interface is named by."""

    host = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port(self.host)
        self._zones: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it answers."""
        return (self.host, self.port)

    def zone(self, name: str, records: str, ttl_s: int = 60, negative_s: int = 30) -> None:
        """Add a zone; ``records`` are lines of a zone file."""
        head = _SOA.format(ttl=ttl_s, negative=negative_s, name=name, host=self.host)
        (self.folder / f"{name}.zone").write_text(head + records + "\n")
        self._zones.append(name)

    def start(self) -> None:
        """Start it and wait until it answers."""
        zones = "".join(_ZONE.format(name=name, file=self.folder / f"{name}.zone") for name in self._zones)
        conf = self.folder / "named.conf"
        conf.write_text(_CONF.format(folder=self.folder, host=self.host, port=self.port) + zones)
        program = tools.find("named")
        assert program is not None, "bind9 is not installed"
        log = (self.folder / "named.log").open("wb")
        command = [str(program), "-g", "-c", str(conf), "-n", "1"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + _START_S_MAX
        while not self._answers():
            assert self._process.poll() is None and time.monotonic() < until, (self.folder / "named.log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(15)

    def _answers(self) -> bool:
        try:
            socket.create_connection(self.address, 0.2).close()
        except OSError:
            return False
        return True


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
