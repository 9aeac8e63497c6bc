"""A Kamailio of the tests: a stateful proxy that stays in the path (Record-Route, loose routing), on loopback."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from voip.platform import tools

_CFG = """#!KAMAILIO
children=1
tcp_children=1
log_stderror=yes
debug=2
auto_aliases=no
listen=udp:{host}:{port}
mpath="{modules}"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
modparam("tm", "failure_reply_mode", 3)
modparam("rr", "enable_full_lr", 1)
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (has_totag()) {{
        # Nothing within a dialog gets past that does not come by the route this proxy has set.
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK")) {{ if (t_check_trans()) t_relay(); exit; }}
        sl_send_reply("404", "Not Here");
        exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    t_check_trans();
    if (is_method("INVITE")) record_route();
    $du = "sip:{target_host}:{target_port}";
    t_relay();
}}
"""
_START_S_MAX = 15.0


class Kamailio:
    """A proxy that sends what opens a dialog to ``target``."""

    def __init__(self, folder: Path, address: tuple[str, int], target: tuple[str, int]) -> None:
        self.folder = folder / "kamailio"
        self.address = address
        self._target = target
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = tools.find("kamailio")
        assert program is not None, "kamailio is not installed"
        self.folder.mkdir()
        conf = self.folder / "kamailio.cfg"
        text = _CFG.format(
            host=self.address[0],
            port=self.address[1],
            modules=tools.kamailio_modules(),
            target_host=self._target[0],
            target_port=self._target[1],
        )
        conf.write_text(text)
        log = (self.folder / "log").open("wb")
        command = [str(program), "-DD", "-E", "-f", str(conf), "-m", "32", "-M", "4", "-Y", str(self.folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + _START_S_MAX
        while not self._listens():
            assert self._process.poll() is None and time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """End it and its children."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(15)

    def _listens(self) -> bool:
        number = f"{self.address[1]:04X}"
        rows = Path("/proc/net/udp").read_text().splitlines()[1:]
        return any(row.split()[1].endswith(f":{number}") for row in rows)
