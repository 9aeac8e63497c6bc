"""How long a call may last: talk time that is granted, extended and used up, and signs of life."""

from __future__ import annotations

from sip.controller.calls.call import Call, Leg, Outcome, Probe
from sip.controller.calls.legs import make_request
from sip.controller.calls.saved import open_payload
from sip.controller.calls.states import Input, State
from sip.controller.core import Core
from sip.controller.limits import CALL_S_MAX, EXTEND_MARGIN_S, EXTEND_S_MIN, PROBE_S, RESTORED_PROBE_S
from sip.controller.policy import Authorisation, Refusal
from sip.controller.q850 import TEMPORARY_FAILURE, TIMER_EXPIRED
from sip.stack.message.message import Response


def start(core: Core, call: Call) -> None:
    """Begin to watch a call that is up."""
    _arm(core, call)
    delay_s = RESTORED_PROBE_S if call.restored else PROBE_S
    call.probe_timer = core.after(delay_s, lambda: _probe(core, call))


def stop(call: Call) -> None:
    """Watch no longer."""
    for timer in (call.timer, call.limit_timer, call.probe_timer):
        if timer is not None:
            timer.cancel()


def _arm(core: Core, call: Call) -> None:
    end_at = call.answered_now + call.limit_s
    authorisation = call.authorisation
    if authorisation is not None and authorisation.extendable and call.limit_s < CALL_S_MAX:
        margin_s = min(EXTEND_MARGIN_S, call.limit_s / 10)
        call.limit_timer = core.timers.add(end_at - margin_s, lambda: _extend(core, call))
    else:
        call.limit_timer = core.timers.add(end_at, lambda: _over(core, call))


def _extend(core: Core, call: Call) -> None:
    if call.state is not State.UP or call.plan is None:
        return
    call.limit_timer = core.timers.add(call.answered_now + call.limit_s, lambda: _over(core, call))
    core.policy.extend(call.call_id, call.plan, lambda result: core.post(lambda: _extended(core, call, result)))


def _extended(core: Core, call: Call, result: Authorisation | Refusal) -> None:
    if call.state is not State.UP or isinstance(result, Refusal):
        return
    limit_s = min(result.duration_max_s, CALL_S_MAX)
    if limit_s < call.limit_s + EXTEND_S_MIN:
        return
    call.authorisation, call.limit_s = result, limit_s
    if call.limit_timer is not None:
        call.limit_timer.cancel()
    _arm(core, call)
    core.write(open_payload(core, call), None)


def _over(core: Core, call: Call) -> None:
    """End a call whose talk time is used up: cause 102, recovery on timer expiry."""
    end_by_platform(core, call, TIMER_EXPIRED)


def end_by_platform(core: Core, call: Call, cause: int) -> None:
    """Hang up both parties."""
    if call.state is State.UP and call.outcome is None:
        call.outcome = Outcome(200, "", cause, "platform", cause, cause)
        core.fire(call, Input.HANGUP)


def _probe(core: Core, call: Call) -> None:
    if call.state is not State.UP:
        return
    for leg in (call.a_leg, call.b_leg):
        if leg is not None and not leg.is_timed and not leg.gone:
            request = make_request(core, leg, "OPTIONS", [("User-Agent", core.config.server_name)])
            core.endpoint.send_request(request, leg.flow, core.now).user = Probe(leg)
    call.probe_timer = core.after(PROBE_S, lambda: _probe(core, call))


def on_probe_done(core: Core, leg: Leg, response: Response | None) -> None:
    """Take a sign of life: any answer but 481 and 408 is one; silence (``None``) is none (RFC 3261 §12.2.1.2)."""
    if response is not None and (response.status < 200 or response.status not in (408, 481)):
        return
    if leg.call.state is State.UP:
        leg.gone = True
        end_by_platform(core, leg.call, TEMPORARY_FAILURE)
