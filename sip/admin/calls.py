"""Call records in the admin: a list one can read, a call with all its attempts, and what could not be loaded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from sip.choices import CallStatus
from sip.extensions import CallFact, attach_facts, call_facts
from sip.models import Call, CallAttempt, QuarantinedFrame
from tenants.admin_base import ReadOnlyModelAdmin, display

if TYPE_CHECKING:
    from django.contrib.admin import TabularInline

    _Inline = TabularInline[Any, Any]
    _Paginator = Paginator[Any]
else:
    from unfold.admin import TabularInline as _Inline

    _Paginator = Paginator

COUNTED_MAX = 10_000
"""Rows a list counts: counting ten million takes seconds, and nobody turns 200 pages. Filters lead further."""
_TIMES = ("started", "ringing", "answered", "ended", "loaded")
PAYLOAD_CHARS_SHOWN = 4_000
"""Of a frame that was put aside: a record has some 1,500."""


class CappedPaginator(_Paginator):
    """Counts no further than ``COUNTED_MAX``."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most ``COUNTED_MAX``."""
        rows: Any = self.object_list
        return len(rows[:COUNTED_MAX].values_list("pk")) if isinstance(rows, QuerySet) else len(rows)


class StatusFilter(admin.SimpleListFilter):
    """Calls by how they came out."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [(str(value), str(label)) for value, label in CallStatus.choices]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Narrow the list."""
        return queryset.with_status(self.value()) if self.value() in CallStatus.values else queryset


class AttemptInline(_Inline):
    """What was tried, in order."""

    model = CallAttempt
    fields = ("attempt", "target", "called", "peer", "rang_after", "outcome", "q850_cause", "is_last", "sip_call_id")
    readonly_fields = fields
    extra = 0
    can_delete = False
    verbose_name_plural = "attempts"
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[CallAttempt]:
        """Fetch lines and trunks with the attempts."""
        return super().get_queryset(request).select_related("line", "trunk").order_by("attempt")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes by hand."""
        return False

    @display(description="Target")
    def target(self, obj: CallAttempt) -> str:
        """Return the line or trunk that was tried."""
        return _party(obj.line, obj.line_id, obj.trunk, obj.trunk_id)

    @display(description="Rang after")
    def rang_after(self, obj: CallAttempt) -> str:
        """Return the time from INVITE to ringing."""
        return f"{(obj.ringing_at - obj.started_at).total_seconds():.1f} s" if obj.ringing_at else "–"

    @display(description="Outcome")
    def outcome(self, obj: CallAttempt) -> str:
        """Return the leg's final status."""
        return f"{obj.sip_status} {obj.sip_reason}"


@admin.register(Call)
class CallAdmin(ReadOnlyModelAdmin):
    """Call records, newest first."""

    list_display = (
        "started",
        "caller",
        "called",
        "tenant",
        "status_label",
        "duration",
        "outcome",
        "direction",
        "ended_by",
    )
    list_filter = (
        ("started_at", RangeDateTimeFilter),
        StatusFilter,
        "direction",
        ("tenant", AutocompleteSelectFilter),
    )
    list_filter_submit = True
    list_select_related = ("tenant",)
    search_fields = ("caller",)  # What is searched is in get_search_results; Django shows the box for this.
    search_help_text = "A caller's or called number, whole, or a call id"
    paginator = CappedPaginator
    ordering = ("-started_at",)
    inlines = (AttemptInline,)

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """Add the facts that higher apps registered, behind the duration."""
        columns: list[Any] = list(self.list_display)
        place = columns.index("duration") + 1
        columns[place:place] = [_column(fact) for fact in call_facts()]
        return tuple(columns)

    def get_fieldsets(self, request: HttpRequest, obj: Call | None = None) -> Any:
        """Group the fields as one asks for them."""
        facts = tuple(_column(fact) for fact in call_facts())
        return (
            ("Call", {"fields": (("caller", "called"), ("dialled", "destination"), ("tenant", "direction"), *facts)}),
            ("Time", {"fields": (("started", "ringing"), ("answered", "ended"), ("duration", "pdd"))}),
            (
                "Outcome",
                {
                    "fields": (
                        ("status_label", "outcome", "ended_by"),
                        ("q850_cause", "a_q850_cause", "b_q850_cause"),
                        ("refusal_code", "fraud_rule_id", "is_emergency"),
                    )
                },
            ),
            ("Parties", {"fields": (("a_party", "b_party"), ("peer", "user_agent"))}),
            ("Identifiers", {"fields": (("call_id", "sip_call_id"), ("from_tag", "node"), "loaded")}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Call | None = None) -> Any:
        """Everything."""
        own = ("status_label", "duration", "pdd", "outcome", "a_party", "b_party", *_TIMES)
        return (*own, *(_column(fact) for fact in call_facts()), *(field.name for field in Call._meta.fields))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Call | None:
        """Fetch the facts with the call."""
        call: Call | None = super().get_object(request, object_id, from_field)
        if call is not None:
            attach_facts([call])
        return call

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Fetch the facts of the whole page, one statement each."""
        changelist = super().get_changelist_instance(request)
        calls = list(changelist.result_list)
        attach_facts(calls)
        changelist.result_list = calls
        return changelist

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Find whole numbers, with or without their plus, and call ids: what indexes can find in ten million rows."""
        term = search_term.strip()[:255]
        if not term:
            return queryset, False
        numbers = [term, f"+{term.removeprefix('+')}"]
        wanted = Q(caller__in=numbers) | Q(called__in=numbers)
        call_id = _uuid(term)
        return queryset.filter(wanted | Q(call_id=call_id) if call_id else wanted), False

    @display(description="Started", ordering="started_at")
    def started(self, obj: Call) -> str:
        """Return when the INVITE came."""
        return _time(obj.started_at)

    @display(description="Ringing")
    def ringing(self, obj: Call) -> str:
        """Return when the called party first rang."""
        return _time(obj.ringing_at)

    @display(description="Answered")
    def answered(self, obj: Call) -> str:
        """Return when the call was answered."""
        return _time(obj.answered_at)

    @display(description="Ended")
    def ended(self, obj: Call) -> str:
        """Return when the call was over."""
        return _time(obj.ended_at)

    @display(description="Loaded")
    def loaded(self, obj: Call) -> str:
        """Return when the record came into the database."""
        return _time(obj.loaded_at)

    @display(description="Status", label={"Answered": "success", "Failed": "warning", "Refused": "danger"})
    def status_label(self, obj: Call) -> str:
        """Return how the call came out."""
        return str(obj.status.label)

    @display(description="Duration", ordering="duration_s")
    def duration(self, obj: Call) -> str:
        """Return the answered time as hours, minutes and seconds."""
        if obj.answered_at is None:
            return "–"
        minutes, seconds = divmod(round(obj.duration_s), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"

    @display(description="Post-dial delay")
    def pdd(self, obj: Call) -> str:
        """Return the time from INVITE to the first sign of ringing."""
        return "–" if obj.pdd_s is None else f"{obj.pdd_s:.2f} s"

    @display(description="Cause")
    def outcome(self, obj: Call) -> SafeString:
        """Return what the caller got, and why the platform refused if it did."""
        text = f"{obj.sip_status} {obj.sip_reason}".strip()
        return (
            format_html("{}<br><small>{}</small>", text, _reason(obj.refusal_code))
            if obj.refusal_code
            else format_html("{}", text)
        )

    @display(description="From")
    def a_party(self, obj: Call) -> str:
        """Return the line or trunk the call came from."""
        return _party(obj.a_line, obj.a_line_id, obj.a_trunk, obj.a_trunk_id)

    @display(description="To")
    def b_party(self, obj: Call) -> str:
        """Return the line or trunk that took the call."""
        return _party(obj.b_line, obj.b_line_id, obj.b_trunk, obj.b_trunk_id)


@admin.register(QuarantinedFrame)
class QuarantinedFrameAdmin(ReadOnlyModelAdmin):
    """Frames of the spool that could not be loaded: each may be a call that was not charged."""

    list_display = ("created_at", "node", "segment", "offset", "call_id", "reason")
    list_filter = (("created_at", RangeDateTimeFilter), "node")
    list_filter_submit = True
    search_fields = ("call_id", "reason")
    fields = ("created_at", "node", "segment", "offset", "call_id", "reason", "text")
    readonly_fields = fields

    @display(description="Found")
    def text(self, obj: QuarantinedFrame) -> SafeString:
        """Return the bytes as text."""
        shown = bytes(obj.payload)[:PAYLOAD_CHARS_SHOWN].decode("utf-8", "backslashreplace")
        return format_html('<pre style="white-space:pre-wrap;overflow-wrap:anywhere">{}</pre>', shown)


def _column(fact: CallFact) -> Callable[[Call], Any]:
    """Return the column of a fact, the same each time: Django compares the fields of a page by identity."""
    if fact.name not in _columns:

        @display(description=fact.label)
        def column(obj: Call) -> Any:
            value = obj.facts.get(fact.name)
            return "–" if value is None else fact.text(value)

        column.__name__ = fact.name
        _columns[fact.name] = column
    return _columns[fact.name]


_columns: dict[str, Callable[[Call], Any]] = {}


def _time(moment: datetime | None) -> str:
    """Return a moment to the millisecond in the page's time zone: calls are told apart by less than a minute."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment)
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d} {local:%Z}"


def _reason(code: str) -> str:
    """Return a refusal's code as words."""
    return code.replace(".", ": ").replace("_", " ")


def _party(line: Any, line_id: int | None, trunk: Any, trunk_id: int | None) -> str:
    """Return a party's name, or its number when it is deleted."""
    if line_id is not None:
        return f"Line {line or line_id}"
    return f"Trunk {trunk or trunk_id}" if trunk_id is not None else "–"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
