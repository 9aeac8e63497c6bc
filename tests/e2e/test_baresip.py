"""Two real phones talk through the whole platform and hear each other."""

from __future__ import annotations

import pytest

from tests.e2e.office import PASSWORD
from tests.e2e.peers import Peers
from tests.e2e.platform import wait_for
from tests.sip.peers.baresip import RATE, Baresip, tone_power

pytestmark = pytest.mark.integration

CALLER_HZ, CALLEE_HZ = 440.0, 1000.0
HEARD_BYTES = 2 * 2 * RATE
"""Two seconds of 16-bit samples: the recogniser looks at halves of a second."""


def has_heard(phone: Baresip) -> bool:
    return any(path.stat().st_size > HEARD_BYTES for path in phone.folder.glob("*-dec.wav"))


def test_two_phones_register_talk_and_hear_each_other_and_a_record_stays(peers: Peers) -> None:
    customer = peers.customer()
    server = peers.platform.sip
    (host, first), (_, second) = peers.free_place(), peers.free_place()
    callee = Baresip(
        peers.folder / "callee", customer.user("101"), PASSWORD, host, first, 30_000, server, CALLEE_HZ, True
    )
    caller = Baresip(peers.folder / "caller", customer.user("100"), PASSWORD, host, second, 30_020, server, CALLER_HZ)
    try:
        callee.start(seconds=60)
        wait_for("the callee is registered", lambda: "[1 binding]" in callee.log())
        caller.start(f"/dial sip:101@{server[0]}:{server[1]}", seconds=60)
        wait_for("the call is up", lambda: "Call established" in caller.log())
        wait_for("both have heard something", lambda: has_heard(caller) and has_heard(callee))
    finally:
        caller.stop()
    [record] = peers.records(customer, 1)
    callee.stop()
    assert (record["sip_status"], record["ended_by"]) == (200, "caller")
    assert (record["a_line_id"], record["b_line_id"]) == tuple(customer.lines.values())
    assert record["duration_s"] >= 1.5
    assert tone_power(callee.heard(), CALLER_HZ) > 0.8
    assert tone_power(caller.heard(), CALLEE_HZ) > 0.8
    assert tone_power(caller.heard(), CALLER_HZ) < 0.1
