"""Kamailio as an edge proxy in front of the node: adds Path to REGISTERs, records its route in calls."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from voip.platform import tools

_CONFIG = """
debug=1
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:{host}:{port}
mpath="{modules}"
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "path.so"
modparam("path", "use_received", 1)

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("REGISTER")) {{
        add_path();
        $du = "sip:{node_host}:{node_port}";
        t_relay();
        exit;
    }}
    if (has_totag()) {{
        if (!loose_route()) {{ if (!is_method("ACK")) {{ sl_send_reply("404", "Not Here"); }} exit; }}
        t_relay();
        exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    # The node sends calls to a phone with the Path as their Route; what has none comes from a phone.
    if (is_present_hf("Route")) {{ loose_route(); }} else {{ $du = "sip:{node_host}:{node_port}"; }}
    if (is_method("INVITE")) {{ record_route(); }}
    t_relay();
}}
"""
_START_S_MAX = 15.0


@dataclass
class EdgeProxy:
    """One proxy at ``host``:``port`` in front of ``node``."""

    folder: Path
    host: str
    port: int
    node: tuple[str, int]
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return (self.host, self.port)

    def start(self) -> None:
        """Start it and wait until its socket is there."""
        config = self.folder / "kamailio.cfg"
        values = {"host": self.host, "port": self.port, "node_host": self.node[0], "node_port": self.node[1]}
        config.write_text(_CONFIG.format(modules=tools.kamailio_modules(), **values))
        program = tools.find("kamailio")
        assert program is not None, "kamailio is not installed"
        command = [str(program), "-f", str(config), "-DD", "-E", "-m", "32", "-M", "4", "-Y", str(self.folder)]
        with (self.folder / "kamailio.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + _START_S_MAX
        while not self._listens():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)

    def _listens(self) -> bool:
        where = f"{''.join(f'{int(part):02X}' for part in reversed(self.host.split('.')))}:{self.port:04X}"
        return where in Path("/proc/net/udp").read_text()

    def log(self) -> str:
        """What it said."""
        return (self.folder / "kamailio.log").read_text(errors="replace")

    def stop(self) -> None:
        """End it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
