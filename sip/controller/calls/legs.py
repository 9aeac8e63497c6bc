"""Confirmed dialogs: opening them, ACK, BYE, and the answers of branches that lost."""

from __future__ import annotations

from sip.controller import sending
from sip.controller.addressing import follow, place_of
from sip.controller.calls.call import Branch, Call, Goodbye, Leg
from sip.controller.core import Core
from sip.controller.directory import TrunkEntry
from sip.controller.outbound.login import TrunkLogin, ack_rows, answer, has_credentials, preempt
from sip.controller.q850 import NORMAL_CLEARING, reason_header
from sip.controller.registration.nat import is_behind_nat
from sip.stack.dialog import Dialog
from sip.stack.flow import Flow
from sip.stack.message.grammar import is_address
from sip.stack.message.message import Headers, Request, Response


def make_leg(core: Core, call: Call, dialog: Dialog, flow: Flow, is_a: bool, behind_nat: bool) -> Leg:
    """Register a confirmed dialog."""
    leg = Leg(call, is_a, dialog, flow, behind_nat=behind_nat)
    redirect(leg, flow)
    core.dialogs[dialog.key] = leg
    return leg


def redirect(leg: Leg, flow: Flow) -> None:
    """Find anew where the leg's requests go; ``flow`` is the latest way its party was heard."""
    dialog = leg.dialog
    if dialog.route_set:
        next_hop = dialog.next_hop
        host, port = next_hop.host, next_hop.port
    else:
        host, port = place_of(dialog.remote_target)
    leg.flow = dialog.flow = follow(host, port, flow, leg.behind_nat)


def came_through_nat(request: Request, flow: Flow) -> bool:
    """Tell whether the sender names another address than the one it was heard from: see ``is_behind_nat``."""
    contacts = request.contacts
    return is_behind_nat(request, contacts[0].uri.host if contacts else "", flow)


def contact_is_elsewhere(branch: Branch) -> bool:
    """Tell whether the branch was sent to another address than its Request-URI names: the phone is behind NAT."""
    return place_of(branch.request.uri)[0] != branch.flow.remote[0]


def forget(core: Core, leg: Leg) -> None:
    """Drop a dialog: from now on its requests are answered 481."""
    core.dialogs.pop(leg.dialog.key, None)
    let_go(core, leg.call)


def let_go(core: Core, call: Call) -> None:
    """Cut what a call that is over and its legs know of each other, once neither dialog is there any more.

    Counting references then frees them at once; else they wait for the cycle collector, which stops all other calls.
    """
    legs = [leg for leg in (call.a_leg, call.b_leg) if leg is not None]
    if call.call_id in core.calls or any(leg.dialog.key in core.dialogs for leg in legs):
        return
    for leg in legs:
        leg.other = None
    call.a_leg = call.b_leg = call.winner = call.tx = None


def send_ack(core: Core, leg: Leg, headers: Headers, body: bytes) -> Request:
    """Acknowledge the leg's latest 2xx, with an answer where the 2xx had the offer."""
    ack = leg.dialog.request("ACK", [*headers, *ack_rows(leg.login)], body)
    core.endpoint.send_ack(ack, leg.flow, core.now)
    leg.acked = True
    return ack


def repeat_ack(core: Core, leg: Leg, response: Response) -> bool:
    """Answer a 2xx that came again; returns whether it belongs to this leg."""
    if response.to_tag != leg.dialog.remote_tag:
        return False
    if leg.ack is not None:
        core.endpoint.send_ack(leg.ack, leg.flow, core.now)
    return True


def send_bye(core: Core, leg: Leg, cause: int) -> None:
    """Hang up towards a party, as soon as RFC 3261 §15 allows: not before the ACK of our 2xx."""
    if leg.gone or leg.bye_sent:
        return
    if not leg.acked and leg.is_a:
        leg.bye_reason = cause
        return
    if not leg.acked:
        leg.ack = send_ack(core, leg, [], b"")
    leg.bye_sent = True
    transmit_bye(core, Goodbye(leg), [reason_header(cause)])


def transmit_bye(core: Core, goodbye: Goodbye, headers: Headers) -> None:
    """Send a BYE and remember whose it is."""
    leg = goodbye.leg
    request = make_request(core, leg, "BYE", [*headers, ("User-Agent", core.config.server_name)])
    core.endpoint.send_request(request, leg.flow, core.now).user = goodbye


def on_bye_done(core: Core, goodbye: Goodbye, response: Response | None, request: Request) -> None:
    """Take the end of our BYE, ``None`` for silence; a carrier's challenge is answered once."""
    leg = goodbye.leg
    if response is not None:
        if response.status < 200:
            return
        row = trunk_answer(core, leg, request, response, goodbye.answers)
        if row is not None:
            goodbye.answers += 1
            transmit_bye(core, goodbye, [row, *[pair for pair in request.headers if pair[0] == "Reason"]])
            return
    elif not goodbye.rerouted and _has_named_hop(core, leg):
        goodbye.rerouted = True
        again = Request("BYE", request.uri, [pair for pair in request.headers if pair[0] != "Via"])
        sending.send_to(core, again, leg.dialog.next_hop, goodbye, zone=core.config.listeners.zone_of(leg.flow))
        return
    forget(core, leg)


def _has_named_hop(core: Core, leg: Leg) -> bool:
    """Tell whether a carrier's dialog has a name for its next hop, which may have other servers (RFC 3263 §4.3)."""
    host = leg.dialog.next_hop.host
    return bool(host) and not is_address(host) and _trunk_of(core, leg) is not None


def make_request(core: Core, leg: Leg, method: str, rows: Headers, body: bytes = b"") -> Request:
    """Return the next request in a leg's dialog; a carrier that has challenged us gets its credentials at once."""
    request = leg.dialog.request(method, rows, body)
    if leg.login is not None and not has_credentials(rows):
        trunk = _trunk_of(core, leg)
        row = preempt(leg.login, trunk, request, core.config.token) if trunk is not None else None
        if row is not None:
            request.add(*row)
    return request


def trunk_answer(core: Core, leg: Leg, request: Request, response: Response, answers: int) -> tuple[str, str] | None:
    """Return the credentials a carrier asks for within the dialog; ``None`` for a line or a trunk that has none.

    ``answers`` is how often challenges to this request were answered.
    """
    if response.status not in (401, 407):
        return None
    trunk = _trunk_of(core, leg)
    if trunk is None or not trunk.username:
        return None
    leg.login = leg.login or TrunkLogin()
    return answer(leg.login, trunk, request, response, answers, core.config.token)


def _trunk_of(core: Core, leg: Leg) -> TrunkEntry | None:
    attempt = leg.call.attempt
    trunk_id = leg.call.offer.trunk_id if leg.is_a else None
    if not leg.is_a and attempt is not None and attempt.target.kind == "trunk":
        trunk_id = attempt.target.id
    return core.directory.trunks.get(trunk_id) if trunk_id is not None else None


def hang_up_stray(core: Core, leg: Leg) -> None:
    """Acknowledge and end a dialog nobody wants."""
    leg.ack = send_ack(core, leg, [], b"")
    send_bye(core, leg, NORMAL_CLEARING)
