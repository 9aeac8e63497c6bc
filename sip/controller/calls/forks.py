"""Which contacts of a line ring at once, and which after them (RFC 3261 §16.6, RFC 5626 §7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sip.controller.calls import outgoing
from sip.controller.calls.call import Attempt, Branch, Call
from sip.controller.calls.states import State
from sip.controller.core import Core
from sip.controller.location import Binding
from sip.controller.registration.limits import SERIAL_RING_S_MIN

Round = list[list[Binding]]
"""Phones that ring together; of each its contacts, the best first: the others are ways to the same phone."""

_FLOW_FAILED: Final = frozenset({408, 430})
"""Answers after which the same phone may be tried over another flow: it has not spoken itself (RFC 5626 §7)."""


def rounds_of(bindings: Sequence[Binding]) -> list[Round]:
    """Return the contacts of a line by falling q-value, and in each round one list a phone.

    A phone with several flows belongs where its best one does; of equal ones the latest registered comes first.
    """
    if len(bindings) == 1:
        return [[list(bindings)]]
    phones: dict[str, list[Binding]] = {}
    for binding in reversed(bindings):
        phones.setdefault(binding.device, []).append(binding)
    rounds: dict[int, Round] = {}
    for flows in reversed(phones.values()):
        flows.sort(key=_falling_rank)
        rounds.setdefault(flows[0].rank, []).append(flows)
    return [rounds[rank] for rank in sorted(rounds, reverse=True)]


def _falling_rank(binding: Binding) -> int:
    return -binding.rank


def ring_s(whole_s: float, rounds: int) -> float:
    """Return how long each of ``rounds`` rings when the line as a whole shall ring ``whole_s``."""
    return whole_s if rounds <= 1 else max(SERIAL_RING_S_MIN, whole_s / rounds)


def add_round(core: Core, call: Call, attempt: Attempt) -> list[Branch]:
    """Add the branches of the next round to the attempt; returns them, not yet sent."""
    line = core.directory.lines.get(attempt.target.id)
    if line is None or not attempt.rounds:
        return []
    branches = []
    for flows in attempt.rounds.pop(0):
        branch = outgoing.line_branch(core, call, attempt, line, flows[0])
        branch.spare = flows[1:]
        branches.append(branch)
    attempt.branches.extend(branches)
    return branches


def try_other_flow(core: Core, branch: Branch) -> bool:
    """Put another flow of the same phone in the place of one that failed; returns whether there was one."""
    call, attempt = branch.call, branch.attempt
    if not branch.spare or call.state is not State.HUNTING:
        return False
    if not branch.failed and branch.final not in _FLOW_FAILED:
        return False
    line = core.directory.lines.get(attempt.target.id)
    if line is None:
        return False
    other = outgoing.line_branch(core, call, attempt, line, branch.spare[0])
    other.spare, branch.spare = branch.spare[1:], []
    attempt.branches.append(other)
    outgoing.send(core, other)
    return True
