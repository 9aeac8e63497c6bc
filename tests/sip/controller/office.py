"""An office of three phones and a carrier, in which calls are handed on."""

from __future__ import annotations

from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import Network
from tests.sip.controller.phone import OFFER, Phone

CAROL = OFFER.replace(b"s=offer", b"s=carol")
AGAIN = OFFER.replace(b"s=offer", b"s=again")


class Office:
    """alice, bob and carol are lines 101, 102 and 103; a carrier is at 198.51.100.1."""

    def __init__(self, policy: FakePolicy | None = None, **carol: object) -> None:
        lines = [line(1, "alice"), line(2, "bob"), line(3, "carol", **carol)]
        self.network = Network(directory(*lines, trunk(1, "198.51.100.1")), policy or FakePolicy((1,)))
        self.alice = self.network.phone("192.0.2.10", "alice", "pw-alice")
        self.bob = self.network.phone("192.0.2.20", "bob", "pw-bob")
        self.carol = self.network.phone("192.0.2.30", "carol", "pw-carol")
        self.carrier = self.network.phone("198.51.100.1")
        for phone in (self.alice, self.bob, self.carol):
            phone.register()
        self.network.run()
        self.carol.reply_body = CAROL
        self.alice.reply_body = AGAIN

    def talk(self, caller: Phone, callee: Phone, number: str) -> None:
        """Have two parties talk for two seconds; re-INVITEs are answered from now on."""
        callee.on_invite = (180, 200)
        caller.call(number)
        self.network.advance(2.0)
        caller.on_invite = callee.on_invite = (200,)

    def refer(self, who: Phone, to: str, *rows: tuple[str, str]) -> None:
        who.in_dialog("REFER", b"", ("Refer-To", to), *rows)
        self.network.advance(1.0)

    def records(self) -> list[tuple[int | None, int | None, float, str, int]]:
        """Return calling line, called line, seconds, who ended it and status of each record, in order."""
        return [
            (row.a_line_id, row.b_line_id, round(row.duration_s, 1), row.ended_by, row.sip_status)
            for row in self.network.journal.records
        ]

    def is_empty(self) -> bool:
        """Tell whether nothing is left of any call."""
        self.network.advance(80.0)
        core = self.network.switch._core
        return not (core.calls or core.dialogs or core.early or core.line_calls or core.events.all()) and (
            self.network.endpoint.transactions == 0
        )


def frags(phone: Phone) -> list[str]:
    """Return what the NOTIFYs said, in order."""
    return [request.body.decode().strip() for request in phone.requests if request.method == "NOTIFY"]


def methods(phone: Phone) -> list[str]:
    return [request.method for request in phone.requests if request.method != "NOTIFY"]


def status_of(phone: Phone, method: str = "REFER") -> int:
    return next(response.status for response in reversed(phone.responses) if response.cseq.method == method)


def replaces(phone: Phone) -> str:
    """Return the Refer-To that stands for the far end of the phone's present call."""
    dialog = phone.dialog
    assert dialog is not None
    call_id = dialog.call_id.replace("@", "%40")
    return f"<sip:x@trunkline.test?Replaces={call_id}%3Bto-tag%3D{dialog.remote_tag}%3Bfrom-tag%3D{dialog.local_tag}>"
