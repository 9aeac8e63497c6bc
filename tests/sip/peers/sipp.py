"""sipp scenarios put together from steps, and sipp runs with what came of them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from html import escape
from pathlib import Path

_HEAD = """      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
      Max-Forwards: 70
      From: <sip:[field0]@{realm}>;tag=[pid]T[call_number]
      To: <sip:{to}@{realm}>{tag}
      Call-ID: [call_id]
      CSeq: {cseq} {method}
      Contact: <sip:[field0]@[local_ip]:[local_port]>
      User-Agent: sipp
"""
_SDP = """      Content-Type: application/sdp
      Content-Length: [len]

      v=0
      o=- 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 8
      a=rtpmap:8 PCMA/8000

"""
_EMPTY = "      Content-Length: 0\n\n"
REALM = "trunkline.test"


def _send(text: str, repeats: bool) -> str:
    retrans = ' retrans="500"' if repeats else ""
    return f"<send{retrans}><![CDATA[\n\n{text}\n]]></send>\n"


def send(
    method: str, to: str, cseq: int, *, extra: str = "", sdp: bool = False, in_dialog: bool = False, body: str = ""
) -> str:  # fmt: skip
    """Return the step that sends a request; within a dialog it goes to the peer's Contact."""
    uri = "[next_url]" if in_dialog else f"sip:{to}@[remote_ip]:[remote_port]"
    head = _HEAD.format(realm=REALM, to=to, tag="[peer_tag_param]" if in_dialog else "", cseq=cseq, method=method)
    row = f"      {extra}\n" if extra else ""
    content = f"      Content-Length: [len]\n\n{body}" if body else _SDP if sdp else _EMPTY
    return _send(f"      {method} {uri} SIP/2.0\n{head}{row}{content}", method != "ACK")


def ack_failure(to: str, cseq: int) -> str:
    """Return the step that acknowledges a failure, on the INVITE's branch."""
    return _send(
        f"      ACK sip:{to}@[remote_ip]:[remote_port] SIP/2.0\n      [last_Via:]\n      Max-Forwards: 70\n"
        f"      [last_From:]\n      [last_To:]\n      Call-ID: [call_id]\n      CSeq: {cseq} ACK\n{_EMPTY}",
        False,
    )


def reply(
    status: str, *, sdp: bool = False, tag: bool = True, cseq: str = "[last_CSeq:]", via: str = "[last_Via:]",
    extra: str = "",
) -> str:  # fmt: skip
    """Return the step that answers the last request, or with ``cseq`` (and ``via``) another one before it."""
    row = f"      {extra}\n" if extra else ""
    to = "[last_To:];tag=[pid]U[call_number]" if tag else "[last_To:]"
    return _send(
        f"      SIP/2.0 {status}\n      {via}\n      [last_Record-Route:]\n      [last_From:]\n      {to}\n"
        f"      [last_Call-ID:]\n      {cseq}\n      Contact: <sip:[local_ip]:[local_port]>\n"
        f"{row}{_SDP if sdp else _EMPTY}",
        sdp,
    )


def cancel(to: str, cseq: int) -> str:
    """Return the step that takes the INVITE back that was answered last, on its branch."""
    return _send(
        f"      CANCEL sip:{to}@[remote_ip]:[remote_port] SIP/2.0\n"
        f"      [last_Via:]\n"
        f"      Max-Forwards: 70\n      From: <sip:[field0]@{REALM}>;tag=[pid]T[call_number]\n"
        f"      To: <sip:{to}@{REALM}>\n      Call-ID: [call_id]\n      CSeq: {cseq} CANCEL\n{_EMPTY}",
        True,
    )


def recv(
    what: str | int, *, optional: bool = False, auth: bool = False, route: bool = False, log: str = "",
    timeout_ms: int = 0, jump: str = "", check: str = "", keep: str = "",
) -> str:  # fmt: skip
    """Return the step that waits for a request (a method) or a response (a status).

    With ``log`` a line ``<log> <Call-ID>`` goes to the peer's log (``Run.logged``) when it came; after ``timeout_ms``
    the scenario goes on at the label ``late``; an optional one that came goes on at the label ``jump``. ``check`` is a
    regular expression that must be found in it; of the header ``keep`` the value becomes ``[$kept]``.
    """
    kind = f'request="{what}"' if isinstance(what, str) else f'response="{what}"'
    flags = {"optional": optional, "auth": auth, "rrs": route}
    chosen = "".join(f' {name}="true"' for name, wanted in flags.items() if wanted)
    chosen += f' timeout="{timeout_ms}" ontimeout="late"' if timeout_ms else ""
    chosen += f' next="{jump}"' if jump else ""
    actions = f'<log message="{log} [call_id]"/>' if log else ""
    actions += f'<ereg regexp="{escape(check)}" search_in="msg" check_it="true" assign_to="checked"/>' if check else ""
    actions += f'<ereg regexp="[^ ].*" search_in="hdr" header="{keep}:" assign_to="kept"/>' if keep else ""
    return f"<recv {kind}{chosen}>{f'<action>{actions}</action>' if actions else ''}</recv>\n"


def recv_keeping(what: str | int, **headers: str) -> str:
    """Return the step that waits and keeps header values: ``recv_keeping("ACK", own="To")`` makes ``[$own]``."""
    kind = f'request="{what}"' if isinstance(what, str) else f'response="{what}" rrs="true"'
    pattern = '<ereg regexp="{}" search_in="hdr" header="{}:" assign_to="{}"/>'
    kept = [pattern.format("sip:[^>;]*" if row == "Contact" else "[^ ].*", row, name) for name, row in headers.items()]
    return f"<recv {kind}><action>{''.join(kept)}</action></recv>\n"


def recv_open(method: str) -> str:
    """Wait for a request that ``reply_open`` answers once others have come."""
    name = method.lower()
    rows = {"via": "Via", "cseq": "CSeq", "from": "From", "to": "To"}
    return recv_keeping(method, **{f"{name}_{row}": header for row, header in rows.items()})


def reply_open(method: str, status: str, *, sdp: bool = False) -> str:
    """Answer what ``recv_open`` left open, within a dialog."""
    name = method.lower()
    return _send(
        f"      SIP/2.0 {status}\n      Via: [${name}_via]\n      From: [${name}_from]\n      To: [${name}_to]\n"
        f"      Call-ID: [call_id]\n      CSeq: [${name}_cseq]\n      Contact: <sip:[local_ip]:[local_port]>\n"
        f"{_SDP if sdp else _EMPTY}",
        sdp,
    )


def answer_keeping_dialog() -> str:
    """Answer at once and keep what ``callee_sends`` needs."""
    return (
        recv_keeping("INVITE", party="From", target="Contact") + reply("180 Ringing") + reply("200 OK", sdp=True)
        + recv_keeping("ACK", own="To")
    )  # fmt: skip


def callee_sends(method: str, cseq: int = 1, *, extra: str = "", sdp: bool = False) -> str:
    """Return the step in which the called party sends a request in the dialog of ``answer_keeping_dialog``."""
    row = f"      {extra}\n" if extra else ""
    text = (
        f"      {method} [$target] SIP/2.0\n"
        "      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport\n"
        "      Max-Forwards: 70\n      From: [$own]\n      To: [$party]\n      Call-ID: [call_id]\n"
        f"      CSeq: {cseq} {method}\n      Contact: <sip:[local_ip]:[local_port]>\n{row}{_SDP if sdp else _EMPTY}"
    )
    return _send(text, method != "ACK")


def label(name: str) -> str:
    """Return the mark that steps jump to."""
    return f'<label id="{name}"/>\n'


def pause(milliseconds: int) -> str:
    """Return the step that waits."""
    return f'<pause milliseconds="{milliseconds}"/>\n'


def register(expires_s: int = 600) -> str:
    """Register with digest; for 0 s, take the registration back."""
    return (
        send("REGISTER", "[field0]", 1) + recv(401, auth=True)
        + send("REGISTER", "[field0]", 2, extra=f"[field1]\n      Expires: {expires_s}") + recv(200)
    )  # fmt: skip


def invite(to: str, *, sdp: bool = True) -> str:
    """INVITE, challenged, INVITE with credentials, up to the 100."""
    return (
        send("INVITE", to, 1, sdp=sdp) + recv(100, optional=True) + recv(407, auth=True) + ack_failure(to, 1)
        + send("INVITE", to, 2, sdp=sdp, extra="[field1]") + recv(100, optional=True)
    )  # fmt: skip


def invite_again(to: str, cseq: int) -> str:
    """Return the step that sends the INVITE that was answered last once more, on its branch."""
    return _send(
        f"      INVITE sip:{to}@[remote_ip]:[remote_port] SIP/2.0\n      [last_Via:]\n      Max-Forwards: 70\n"
        f"      From: <sip:[field0]@{REALM}>;tag=[pid]T[call_number]\n      To: <sip:{to}@{REALM}>\n"
        f"      Call-ID: [call_id]\n      CSeq: {cseq} INVITE\n"
        f"      Contact: <sip:[field0]@[local_ip]:[local_port]>\n{_SDP}",
        False,
    )


def call(to: str, talk_ms: int, *, log: str = "") -> str:
    """Call, talk, hang up."""
    return (
        invite(to) + recv(180, optional=True) + recv(183, optional=True) + recv(200, route=True, log=log)
        + hang_up_after(to, talk_ms)
    )  # fmt: skip


def hang_up_after(to: str, talk_ms: int, cseq: int = 2) -> str:
    """Acknowledge the 200 of the INVITE with this CSeq, talk, hang up."""
    return (
        send("ACK", to, cseq, in_dialog=True) + pause(talk_ms) + send("BYE", to, cseq + 1, in_dialog=True) + recv(200)
    )  # fmt: skip


def open_call(to: str, talk_ms: int) -> str:
    """Call as a peer that is known by its address: nobody challenges it."""
    return (
        send("INVITE", to, 1, sdp=True) + recv(100, optional=True) + recv(180, optional=True)
        + recv(200, route=True) + hang_up_after(to, talk_ms, 1)
    )  # fmt: skip


def stop() -> str:
    """End the scenario here, before the labels that follow."""
    return '<nop next="end"/>\n'


def answer(ring_ms: int = 20) -> str:
    """Ring, answer, wait for BYE."""
    return (
        recv("INVITE") + reply("180 Ringing") + pause(ring_ms) + reply("200 OK", sdp=True) + recv("ACK") + recv("BYE")
        + reply("200 OK", tag=False)
    )  # fmt: skip


def ring_until_cancelled() -> str:
    """Ring, and take the CANCEL."""
    return (
        recv("INVITE") + reply("180 Ringing") + recv("CANCEL") + reply("200 OK")
        + reply("487 Request Terminated", cseq="CSeq: 1 INVITE") + recv("ACK")
    )  # fmt: skip


@dataclass
class Run:
    """A sipp that runs, or has run."""

    process: subprocess.Popen[bytes]
    folder: Path
    name: str

    def wait(self, timeout_s: float = 60.0) -> None:
        """Wait until all its calls are over.

        Raises:
            AssertionError: a call did not go as the scenario says; the text is sipp's error log.
        """
        try:
            status = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = -1
        log = self.folder / f"{self.name}.err"
        assert status == 0, f"{self.name}: sipp said {status}\n{log.read_text()[:3000] if log.exists() else ''}"

    def fails(self, timeout_s: float = 60.0) -> bool:
        """Wait until all its calls are over and tell whether one did not go as the scenario says."""
        return self.process.wait(timeout_s) != 0

    def over(self, timeout_s: float = 60.0) -> None:
        """Wait until all its calls are over, however they went."""
        self.process.wait(timeout_s)

    def logged(self, word: str) -> list[str]:
        """Return the Call-IDs of the lines that begin with ``word``, in their order."""
        path = self.folder / f"{self.name}.log"
        rows = (line.split() for line in (path.read_text().splitlines() if path.exists() else ()))
        return [row[1] for row in rows if len(row) == 2 and row[0] == word]

    def heard(self) -> list[str]:
        """Return what came, repetitions too, which sipp answers unseen: first line and CSeq; ``traces`` it must."""
        texts = (self.folder / f"{self.name}.msg").read_text().split("-" * 47)
        came = [text.partition(" bytes :\n\n")[2] for text in texts if " message received [" in text]
        return [f"{text.splitlines()[0]}, {cseq[0]}" for text in came if (cseq := re.findall("CSeq: .*", text))]

    def stop(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def _references(steps: str) -> str:
    """Return what keeps sipp from complaining of a variable that is set and not read."""
    names = sorted({name for name in re.findall(r'assign_to="([a-z]\w*)"', steps) if f"[${name}]" not in steps})
    return f'<Reference variables="{",".join(names)}"/>\n' if names else ""


def start(
    folder: Path, name: str, steps: str, local: tuple[str, int], remote: tuple[str, int], *,
    user: str = "u1", password: str = "secret", calls: int = 1, rate: int = 10, extra: tuple[str, ...] = (),
    traces: bool = False,
) -> Run:  # fmt: skip
    """Start sipp with a scenario; its files stand in ``folder``, with ``traces`` all messages too (``Run.heard``)."""
    scenario = folder / f"{name}.xml"
    scenario.write_text(
        '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
        f'<scenario name="{name}">\n{steps}{_references(steps)}</scenario>\n'
    )
    data = folder / f"{name}.csv"
    data.write_text(f"SEQUENTIAL\n{user};[authentication username={user} password={password}]\n")
    command = [
        "sipp", f"{remote[0]}:{remote[1]}", "-sf", str(scenario), "-inf", str(data), "-i", local[0], "-p",
        str(local[1]), "-mi", local[0], "-m", str(calls), "-r", str(rate), "-l", "2000", "-nostdin", "-trace_err",
        "-error_file", str(folder / f"{name}.err"), "-trace_logs", "-log_file", str(folder / f"{name}.log"),
        "-auth_uri", f"{remote[0]}:{remote[1]}", *extra,
    ]  # fmt: skip
    command += ["-trace_msg", "-message_file", str(folder / f"{name}.msg")] if traces else []
    quiet = subprocess.DEVNULL
    return Run(subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet), folder, name)
