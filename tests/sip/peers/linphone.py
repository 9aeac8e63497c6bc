"""A linphonec phone: registers, calls what it is told to, answers by itself; its sound is files and silence."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from voip.platform import tools

_CONFIG = """[sip]
use_ipv6=0
sip_port={port}
sip_tcp_port=0
sip_tls_port=0
default_proxy=0
register_only_when_network_is_up=0
guess_hostname=0

[auth_info_0]
username={name}
passwd={password}
realm={realm}
algorithm=MD5

[proxy_0]
reg_proxy=<sip:{host}:{server_port};transport=udp>
reg_identity=sip:{name}@{host}
reg_expires=600
reg_sendregister=1
publish=0

[rtp]
audio_rtp_port={rtp}

[video]
enabled=0
capture=0
display=0
"""


@dataclass
class Linphone:
    """One phone on 127.0.0.1 at ``port``; it takes no address of its own."""

    folder: Path
    name: str
    password: str
    realm: str
    port: int
    rtp: int
    server: tuple[str, int]
    answers: bool = False
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it registers by itself."""
        home = self.folder / "home"
        (home / ".local/share/linphone").mkdir(parents=True)
        config = self.folder / "rc"
        values = {"name": self.name, "password": self.password, "realm": self.realm, "port": self.port,
                  "rtp": self.rtp, "host": self.server[0], "server_port": self.server[1]}  # fmt: skip
        config.write_text(_CONFIG.format(**values))
        program = tools.find("linphonec")
        assert program is not None, "linphone-cli is not installed"
        log = str(self.folder / "log")
        with (self.folder / "said").open("wb") as said:
            self.process = subprocess.Popen(
                [str(program), "-c", str(config), "-d", "6", "-l", log, *(["-a"] if self.answers else [])],
                stdin=subprocess.PIPE, stdout=said, stderr=said, cwd=tools.linphone_folder(),
                env=os.environ | {"HOME": str(home)},
            )  # fmt: skip
        self.type("soundcard use files")

    def type(self, command: str) -> None:
        """Type a command."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()

    def said(self) -> str:
        """Return what it told its user."""
        return (self.folder / "said").read_text(errors="replace")

    def log(self) -> str:
        """Return its log, with every message it sent and received."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_for(self, text: str, seconds: float = 20.0) -> None:
        """Wait until it has told its user something, or logged it."""
        until = time.monotonic() + seconds
        while text not in self.said() and text not in self.log():
            assert time.monotonic() < until, f"{self.name} never said {text!r}:\n{self.said()[-2000:]}"
            time.sleep(0.1)

    def stop(self) -> None:
        """End it; it takes its registration back."""
        if self.process is not None and self.process.poll() is None:
            self.type("quit")
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
