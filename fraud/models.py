"""Rules that forbid calls, and the cases their hits open."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from alerts.choices import Severity
from fraud.choices import CaseState, CountedBy, RuleAction, RuleKind
from fraud.limits import NOTE_CHARS_MAX
from fraud.querysets import CaseQuerySet, RuleQuerySet
from fraud.validators import validate_prefixes
from sip.models import Line
from tenants.models import Tenant


class Rule(models.Model):
    """Calls that must not be made. It holds for its tenant and all tenants below: the operator's for everybody."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="fraud_rules")
    line = models.ForeignKey(
        Line,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="fraud_rules",
        help_text="Only this line; empty for all.",
    )
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=20, choices=RuleKind.choices)
    action = models.CharField(max_length=20, choices=RuleAction.choices, default=RuleAction.REFUSE)
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.WARNING)
    counted_by = models.CharField(max_length=6, choices=CountedBy.choices, default=CountedBy.LINE)
    prefixes = models.JSONField(
        default=list, blank=True, validators=[validate_prefixes], help_text='Digits without +, such as ["53", "881"].'
    )
    calls_max = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    spend_max_nanos = models.BigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Nano-units (10⁻⁹) of the currency."
    )
    currency = models.CharField(
        max_length=3, blank=True, help_text="ISO 4217; a spending rule holds for tenants of this currency."
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[RuleQuerySet] = RuleQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("name",)
        constraints: ClassVar = [
            models.CheckConstraint(
                name="rule_has_what_its_kind_needs",
                condition=Q(kind=RuleKind.BARRED_DESTINATION) & ~Q(prefixes=[])
                | Q(kind=RuleKind.CONCURRENT_CALLS, calls_max__gte=1)
                | Q(kind=RuleKind.SPEND_PER_HOUR, spend_max_nanos__gte=1) & ~Q(currency=""),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a rule without what its kind needs, and one for a line of a tenant it does not hold for."""
        needed = {
            RuleKind.BARRED_DESTINATION: ("prefixes", "Name at least one prefix."),
            RuleKind.CONCURRENT_CALLS: ("calls_max", "Say how many calls may be up at once."),
            RuleKind.SPEND_PER_HOUR: ("spend_max_nanos", "Say how much may be spent in an hour."),
        }
        field, message = needed.get(RuleKind(self.kind), ("", "")) if self.kind in RuleKind.values else ("", "")
        if field and not getattr(self, field):
            raise ValidationError({field: message})
        if self.kind == RuleKind.SPEND_PER_HOUR and not self.currency:
            raise ValidationError({"currency": "Say in which currency."})
        if self.line is not None and self.tenant_id not in (self.line.tenant_id, *self.line.tenant.ancestor_ids):
            raise ValidationError({"line": "The line is not of this tenant or one below it."})


class Case(models.Model):
    """Suspected fraud at one line under one rule: one case while it lasts, however many calls are refused."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="fraud_cases", help_text="The line's.")
    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, related_name="cases")
    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="fraud_cases")
    rule_name = models.CharField(max_length=80, help_text="As it was when the case was opened.")
    rule_kind = models.CharField(max_length=20, choices=RuleKind.choices)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    state = models.CharField(max_length=12, choices=CaseState.choices, default=CaseState.OPEN)
    hits = models.PositiveIntegerField(default=0, help_text="Refused calls.")
    first_hit_at = models.DateTimeField()
    last_hit_at = models.DateTimeField()
    unblocked_at = models.DateTimeField(null=True, blank=True, help_text="Hits before it do not block the line again.")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=254, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=254, blank=True)
    note = models.TextField(blank=True, max_length=NOTE_CHARS_MAX)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[CaseQuerySet] = CaseQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-last_hit_at", "-id")
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="case_one_unsettled", fields=["rule", "line"], condition=~Q(state=CaseState.CLOSED)
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "state", "-last_hit_at"], name="case_tenant_state"),
            models.Index(fields=["state", "-last_hit_at"], name="case_state"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.rule_name}"


class Evidence(models.Model):
    """One refused call of a case; append-only."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="evidence")
    call_id = models.UUIDField(unique=True)
    at = models.DateTimeField()
    caller = models.CharField(max_length=80, blank=True)
    called = models.CharField(max_length=80, blank=True)
    peer = models.CharField(max_length=64, blank=True)
    refusal_code = models.CharField(max_length=60)

    class Meta:
        ordering = ("-at", "-id")
        verbose_name_plural = "evidence"
        indexes: ClassVar = [models.Index(fields=["case", "-at"], name="evidence_case_at")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} to {self.called}"
