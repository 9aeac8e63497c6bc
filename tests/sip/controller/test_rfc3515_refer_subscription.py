"""RFC 3515 §2.4: the subscription that a REFER makes."""

from __future__ import annotations

from sip.controller.core import Core
from sip.controller.events import refer
from sip.controller.events.subscription import Subscription
from tests.sip.controller.network import Network, alice_and_bob, talking
from tests.sip.controller.phone import Phone
from tests.sip.controller.watching import lose_the_first, state_of, try_subscribe


def referring() -> tuple[Network, Phone, Core, Subscription]:
    """Return alice and bob in a call, and what bob's REFER with CSeq 77 made."""
    network, _alice, bob = talking()
    core = network.core
    core.now = network.now
    [leg] = [leg for leg in core.dialogs.values() if not leg.is_a]
    assert bob.dialog is not None
    bob.dialog.local_cseq = 76
    request = bob.dialog.request("REFER")
    reference = refer.open_reference(core, leg.dialog, request)
    network.run()
    return network, bob, core, reference


def test_a_refer_is_reported_on_from_100_to_the_end() -> None:
    network, bob, core, reference = referring()
    refer.progress(core, reference, 180, "Ringing")
    network.run()
    refer.finish(core, reference, 200, "OK")
    network.run()
    refer.finish(core, reference, 603, "too late")
    network.run()
    notifies = [request for request in bob.requests if request.method == "NOTIFY"]
    lines = [notify.body for notify in notifies]
    assert lines == [b"SIP/2.0 100 Trying\r\n", b"SIP/2.0 180 Ringing\r\n", b"SIP/2.0 200 OK\r\n"]
    assert {notify.get("Event") for notify in notifies} == {"refer;id=77"}
    assert {notify.get("Content-Type") for notify in notifies} == {"message/sipfrag;version=2.0"}
    assert [str(state_of(notify)) for notify in notifies][-1] == "terminated;reason=noresource"
    assert len(core.events) == 0


def test_the_end_is_told_even_when_the_middle_was_overtaken() -> None:
    network, bob, core, reference = referring()
    network.lose = lose_the_first(1, "200 NOTIFY")
    refer.progress(core, reference, 180, "Ringing")
    refer.finish(core, reference, 486, "Busy Here")
    network.advance(1.0)
    notifies = [request.body for request in bob.requests if request.method == "NOTIFY"]
    assert notifies[-1] == b"SIP/2.0 486 Busy Here\r\n"


def test_the_referrer_may_end_it_within_the_calls_dialog() -> None:
    network, bob, core, reference = referring()
    assert bob.dialog is not None
    bob.send(bob.dialog.request("SUBSCRIBE", [("Event", "refer"), ("Expires", "0")]))
    network.run()
    assert bob.responses[-1].status == 200
    assert reference.reason == "timeout"
    assert len(core.events) == 0


def test_nobody_subscribes_to_refer() -> None:
    network, alice, _ = alice_and_bob()
    assert try_subscribe(network, alice, "102", "refer").status == 489
