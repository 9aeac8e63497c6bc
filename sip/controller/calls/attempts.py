"""How a target failed: what the caller hears, whether the next one is tried, and the attempt's record."""

from __future__ import annotations

from typing import Final

from sip.cdr.record import AttemptRecord
from sip.controller.addressing import show_peer
from sip.controller.calls.call import Attempt, Branch, Call, Outcome
from sip.controller.core import Core
from sip.controller.q850 import (
    CALL_REJECTED,
    NO_ANSWER,
    NORMAL_CLEARING,
    SUBSCRIBER_ABSENT,
    TEMPORARY_FAILURE,
    TIMER_EXPIRED,
    cause_of_status,
)

_LAST_CHOICE: Final = frozenset({404, 408, 430, 481, 487})
"""Of several phones' answers these say least about the callee."""


def local_failure(status: int, cause: int, code: str) -> Outcome:
    """Return the failure of a target that was not even called."""
    return Outcome(status, "", cause, "platform", cause, 0, code)


def failure_of(attempt: Attempt) -> Outcome:
    """Return what the caller hears of a target that failed, should it be the last."""
    if attempt.timed_out:
        return _timeout_of(attempt)
    branch = best_branch(attempt)
    status, cause = branch.final, branch.cause
    is_trunk = attempt.target.kind == "trunk"
    if not branch.heard and not is_trunk:
        return Outcome(480, "", SUBSCRIBER_ABSENT, "platform", SUBSCRIBER_ABSENT, 0)
    if status == 408 and not branch.heard:
        return Outcome(504, "", TIMER_EXPIRED, "platform", TIMER_EXPIRED, 0)
    if status in (401, 407):
        # A challenge that crossed would make the caller send its own credentials to a stranger.
        shown = 503 if is_trunk else 403
        return Outcome(shown, "", CALL_REJECTED, "callee", cause_of_status(shown), cause)
    if status in (430, 487) or 300 <= status <= 399:
        return Outcome(480, "", cause, "callee", cause_of_status(480), cause)
    if branch.heard:
        return Outcome(status, "", cause, "callee", cause, cause)
    return Outcome(status, "", TEMPORARY_FAILURE, "platform", TEMPORARY_FAILURE, 0)


def _timeout_of(attempt: Attempt) -> Outcome:
    rang = any(branch.ringing for branch in attempt.branches)
    if rang or attempt.target.kind == "line":
        cause = NO_ANSWER if rang else SUBSCRIBER_ABSENT
        return Outcome(480, "", cause, "platform", cause, 0)
    return Outcome(504, "", TIMER_EXPIRED, "platform", TIMER_EXPIRED, 0)


def may_advance(attempt: Attempt, failure: Outcome) -> bool:
    """Tell whether another target may be tried: the network failed, or a line did not answer; not after a "no".

    So 408, 5xx, a broken transport and a carrier's challenge go on; 486, 600, 603, 404, 484, 410 and 480 end it.
    """
    if attempt.timed_out:
        return attempt.target.kind == "line" or failure.status == 504
    status = best_branch(attempt).final
    return status == 408 or 500 <= status <= 599 or (status in (401, 407) and attempt.target.kind == "trunk")


def best_branch(attempt: Attempt) -> Branch:
    """Return the branch whose final response speaks for the target (RFC 3261 §16.7 step 6)."""
    return min(attempt.branches, key=_rank)


def _rank(branch: Branch) -> tuple[int, int]:
    status = branch.final
    if not status:
        return (9, 0)
    if status >= 600:
        return (0, status)
    if status in _LAST_CHOICE:
        return (4, status)
    # Busy says more than "not now", and both more than a fault.
    return (1 if status == 486 else 2 if status == 480 else 3, status)


def close(core: Core, call: Call, attempt: Attempt, outcome: Outcome) -> None:
    """Write the record of a target that is done with, keep how it failed, and give its place back."""
    if attempt.closed:
        return
    call.last_failure = outcome
    branch = best_branch(attempt) if attempt.branches else None
    if branch is None:
        add_record(core, call, attempt, None, outcome.status, "", outcome.cause)
    elif branch.final and not attempt.timed_out:
        add_record(core, call, attempt, branch, branch.final, branch.reason, branch.cause)
    else:
        status = 487 if any(other.heard for other in attempt.branches) else 408
        add_record(core, call, attempt, branch, status, "", outcome.cause)


def close_cancelled(core: Core, call: Call, attempt: Attempt) -> None:
    """Write the record of a target that the caller did not want any more."""
    if not attempt.closed:
        branch = best_branch(attempt) if attempt.branches else None
        if branch is None:  # Its servers were still being looked for.
            add_record(core, call, attempt, None, 487, "", NORMAL_CLEARING)
            return
        add_record(core, call, attempt, branch, branch.final or 487, branch.reason, branch.cause or NORMAL_CLEARING)


def close_answered(core: Core, call: Call, attempt: Attempt, cause: int) -> None:
    """Write the record of the target that answered, at the end of the call."""
    if not attempt.closed:
        add_record(core, call, attempt, call.winner, 200, "OK", cause)


def add_record(
    core: Core, call: Call, attempt: Attempt, branch: Branch | None, status: int, reason: str, cause: int
) -> None:
    """Append one attempt's record; ``is_last`` is set when the call's record is built."""
    attempt.closed = True
    attempt.branches = []
    for timer in (attempt.ring_timer, attempt.trunk_silent):
        if timer is not None:
            timer.cancel()
    if attempt.release is not None:
        attempt.release()
        attempt.release = None
    target = attempt.target
    call.attempts.append(
        AttemptRecord(
            attempt=attempt.number,
            line_id=target.id if target.kind == "line" else None,
            trunk_id=target.id if target.kind == "trunk" else None,
            called=target.called,
            sip_call_id=branch.request.call_id if branch is not None else "",
            started_at=attempt.started_at,
            ringing_at=attempt.ringing_at,
            answered_at=call.answered_at if status == 200 else None,
            ended_at=call.ended_at if call.ended_at is not None else core.wall,
            sip_status=status,
            sip_reason=reason,
            q850_cause=cause,
            is_last=False,
            peer=show_peer(branch.flow) if branch is not None else "",
        )
    )
