"""What one does with rules and cases: one use case a function, one transaction each."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from alerts.events import emit
from fraud.choices import RuleAction
from fraud.errors import InvalidRule, RuleInUse
from fraud.limits import NOTE_CHARS_MAX
from fraud.models import Case, Evidence, Rule
from fraud.states import Action, next_state
from sip.cdr.record import CallRecord
from sip.errors import from_validation
from sip.models import Line
from sip.services import block_line, unblock_line
from tenants.models import Tenant

logger = logging.getLogger(__name__)


@transaction.atomic
def create_rule(tenant: Tenant, **fields: Any) -> Rule:
    """Make a rule for a tenant and all below it; running nodes follow it in under a second.

    Raises:
        InvalidRule: a value breaks a rule.
    """
    return _saved(Rule(tenant=tenant, **fields))


@transaction.atomic
def update_rule(rule: Rule, **changes: Any) -> Rule:
    """Change a rule; cases keep the name and severity they were opened with.

    Raises:
        InvalidRule: a value breaks a rule.
    """
    for name, value in changes.items():
        setattr(rule, name, value)
    return _saved(rule)


@transaction.atomic
def delete_rule(rule: Rule) -> None:
    """Delete a rule that never had a case.

    Raises:
        RuleInUse: it has cases.
    """
    try:
        rule.delete()
    except ProtectedError as error:
        raise RuleInUse(f"{rule.name} has cases; switch it off instead.") from error


@transaction.atomic
def record_hits(records: Sequence[CallRecord]) -> None:
    """Open a case for calls a rule refused, or add them to the one that is open; block lines where the rule says so.

    Records of other calls are passed over, and so is a call that is evidence already.
    """
    hits = [record for record in records if record.fraud_rule_id is not None and record.a_line_id is not None]
    if not hits:
        return
    known = set(Evidence.objects.filter(call_id__in=[hit.call_id for hit in hits]).values_list("call_id", flat=True))
    rules = Rule.objects.in_bulk({hit.fraud_rule_id for hit in hits})
    lines = Line.objects.select_related("tenant").in_bulk({hit.a_line_id for hit in hits})
    groups: dict[tuple[int, int], dict[UUID, CallRecord]] = defaultdict(dict)
    for hit in hits:
        rule, line = rules.get(hit.fraud_rule_id or 0), lines.get(hit.a_line_id or 0)
        if rule is None or line is None:
            logger.warning("call %s hit a rule or used a line that was deleted since", hit.call_id)
        elif UUID(hit.call_id) not in known:
            groups[rule.pk, line.pk][UUID(hit.call_id)] = hit
    # In one order for all writers, so that two loaders cannot wait for each other.
    for rule_id, line_id in sorted(groups):
        _add_to_case(rules[rule_id], lines[line_id], groups[rule_id, line_id])


@transaction.atomic
def acknowledge(case_id: int, by: str) -> Case:
    """Say that somebody (an e-mail) is on it.

    Raises:
        WrongState: it is acknowledged or closed.
    """
    case = _locked(case_id)
    case.state = next_state(case.state, Action.ACKNOWLEDGE)
    case.acknowledged_at, case.acknowledged_by = timezone.now(), by
    case.save(update_fields=["state", "acknowledged_at", "acknowledged_by"])
    return case


@transaction.atomic
def close(case_id: int, by: str, note: str = "") -> Case:
    """Settle a case; the next hit opens a new one. The line stays blocked if it is.

    Raises:
        WrongState: it is closed.
    """
    case = _locked(case_id)
    case.state = next_state(case.state, Action.CLOSE)
    case.closed_at, case.closed_by, case.note = timezone.now(), by, (note or case.note)[:NOTE_CHARS_MAX]
    case.save(update_fields=["state", "closed_at", "closed_by", "note"])
    return case


@transaction.atomic
def block(case_id: int) -> bool:
    """Take the case's line out of service; ``False`` when it was blocked already.

    Who did it stands in the audit and nowhere else: the tenant reads reason and event, and need not know the staff.
    """
    case = _locked(case_id)
    return _block(case, f"{case.rule_name} (case {case.pk})")


@transaction.atomic
def unblock(case_id: int) -> bool:
    """Put the case's line back into service; ``False`` when it was not blocked. Older hits do not block it again."""
    case = _locked(case_id)
    case.unblocked_at = timezone.now()
    case.save(update_fields=["unblocked_at"])
    if not unblock_line(case.line_id):
        return False
    subject = f"Line {case.line.username} was unblocked"
    emit("fraud.line_unblocked", tenant_id=case.tenant_id, subject=subject, payload=_payload(case))
    return True


def _add_to_case(rule: Rule, line: Line, hits: dict[UUID, CallRecord]) -> None:
    times = sorted(_moment(hit.started_at) for hit in hits.values())
    case, is_new = _unsettled_case(rule, line, times[0])
    Evidence.objects.bulk_create(_evidence(case, call_id, hit) for call_id, hit in hits.items())
    case.hits += len(hits)
    case.first_hit_at = min(case.first_hit_at, times[0])
    case.last_hit_at = max(case.last_hit_at, times[-1])
    case.save(update_fields=["hits", "first_hit_at", "last_hit_at"])
    if is_new:
        emit(
            "fraud.case_opened",
            tenant_id=case.tenant_id,
            subject=f"{rule.name}: line {line.username} of {line.tenant.name}",
            payload=_payload(case) | {"called": next(iter(hits.values())).called},
            severity=case.severity,
            dedupe_key=f"case:{case.pk}",
        )
    is_fresh = case.unblocked_at is None or times[-1] > case.unblocked_at
    if rule.action == RuleAction.REFUSE_AND_BLOCK and is_fresh:
        _block(case, f"{rule.name} (case {case.pk})")


def _unsettled_case(rule: Rule, line: Line, at: datetime) -> tuple[Case, bool]:
    """Return the locked case of this rule and line, and whether it was opened just now."""
    opened = Case(
        tenant_id=line.tenant_id,
        rule=rule,
        line=line,
        rule_name=rule.name,
        rule_kind=rule.kind,
        severity=rule.severity,
        first_hit_at=at,
        last_hit_at=at,
    )
    Case.objects.bulk_create([opened], ignore_conflicts=True)
    case = Case.objects.unsettled().select_for_update().get(rule=rule, line=line)
    return case, case.hits == 0


def _evidence(case: Case, call_id: UUID, hit: CallRecord) -> Evidence:
    return Evidence(
        tenant_id=case.tenant_id,
        case=case,
        call_id=call_id,
        at=_moment(hit.started_at),
        caller=hit.caller[:80],
        called=(hit.called or hit.dialled)[:80],
        peer=hit.peer[:64],
        refusal_code=hit.refusal_code[:60],
    )


def _block(case: Case, reason: str) -> bool:
    if not block_line(case.line_id, reason):
        return False
    emit(
        "fraud.line_blocked",
        tenant_id=case.tenant_id,
        subject=f"Line {case.line.username} was blocked: {reason}",
        payload=_payload(case),
        severity="critical",
    )
    return True


def _payload(case: Case) -> dict[str, Any]:
    return {
        "case_id": case.pk,
        "rule": case.rule_name,
        "rule_kind": case.rule_kind,
        "line_id": case.line_id,
        "line": case.line.username,
        "hits": case.hits,
        # Written out: reversing it would load the whole web site into the record loader.
        "admin_url": f"/admin/fraud/case/{case.pk}/change/",
    }


def _locked(case_id: int) -> Case:
    return Case.objects.select_for_update(of=("self",)).select_related("line").get(pk=case_id)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _saved(rule: Rule) -> Rule:
    try:
        rule.full_clean()
    except ValidationError as error:
        raise from_validation(error, InvalidRule) from error
    rule.save()
    return rule
