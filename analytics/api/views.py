"""Views of the figures: the roll-ups themselves, and figures made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ViewSetMixin

from analytics import limits
from analytics.api.filters import TenantTrafficFilter, TrafficFilter
from analytics.api.serializers import KpisSerializer, OperatorTrafficSerializer, TrafficSerializer
from analytics.choices import Basis
from analytics.kpis import KPIS
from analytics.models import HourlyTraffic
from sip.choices import Direction
from tenants.api.auth import principal
from tenants.api.filters import check_parameters
from tenants.api.viewsets import ScopedAPIView, ScopedViewSet

GROUPS = ("tenant", "trunk", "destination", "hour")
DEFAULT_DAYS = 7


class TrafficViewSet(ScopedViewSet[HourlyTraffic]):
    """Hourly roll-ups. A tenant is shown its calls; trunks and costs are the operator's."""

    queryset = HourlyTraffic.objects.all()
    serializer_class = TrafficSerializer
    scope_resource = "traffic"
    ordering_fields = ("id", "hour", "seizures", "revenue_nanos")
    ordering = ("-hour",)

    @property
    def filterset_class(self) -> type[TrafficFilter] | type[TenantTrafficFilter]:
        """Offer the filters of what the caller is shown."""
        return TrafficFilter if self._is_operator() else TenantTrafficFilter

    def get_serializer_class(self) -> type[BaseSerializer[HourlyTraffic]]:
        """Show what the caller may see."""
        return OperatorTrafficSerializer if self._is_operator() else TrafficSerializer

    def get_queryset(self) -> QuerySet[HourlyTraffic]:
        """Leave trunks' rows to the operator."""
        rows = HourlyTraffic.objects.visible()
        return rows if self._is_operator() else rows.of_calls()

    def _is_operator(self) -> bool:
        # The OpenAPI document is made without a caller; it shows the whole.
        return self.request is None or not self.request.user.is_authenticated or principal(self.request).is_operator


@dataclass(frozen=True, slots=True)
class _Question:
    start: datetime
    end: datetime
    group_by: str
    tenant_id: int | None
    direction: str


class KpiViewSet(ViewSetMixin, ScopedAPIView):
    """ASR, NER, ACD, PDD, minutes and money of a window, in all or by group."""

    scope_resource = "kpis"
    rights_app = "analytics"

    @extend_schema(
        parameters=[
            OpenApiParameter("from", datetime, description="First moment, RFC 3339; seven days ago when left out."),
            OpenApiParameter("to", datetime, description="First moment after the window; now when left out."),
            OpenApiParameter("group_by", str, enum=GROUPS, description="trunk is for the operator's staff only."),
            OpenApiParameter("tenant", int),
            OpenApiParameter("direction", str, enum=[str(value) for value in Direction.values]),
        ],
        responses=forced_singular_serializer(KpisSerializer),  # type: ignore[no-untyped-call]
    )
    def list(self, request: Request) -> Response:
        """Return the figures. Hours count whole: those that begin in ``[from, to)``."""
        from analytics import queries  # Late: pandas is for who asks.

        question = _question(request)
        selection = queries.Selection(question.start, question.end, question.tenant_id, question.direction)
        by = [question.group_by] if question.group_by else []
        basis = Basis.TRUNK if question.group_by == "trunk" else Basis.CALL
        rows = queries.figures(selection, by, basis)
        if len(rows) > limits.KPI_ROWS_MAX:
            raise _wrong("group_by", f"More than {limits.KPI_ROWS_MAX} rows; ask for a shorter window.")
        names: Mapping[Any, str] = {}
        if question.group_by not in {"", "hour"}:
            names = queries.labels_of(question.group_by, [row[question.group_by] for row in rows])
        is_operator = principal(request).is_operator
        return Response(
            {
                "start": question.start,
                "end": question.end,
                "group_by": question.group_by,
                "definitions": {key: kpi.definition for key, kpi in KPIS.items() if is_operator or key in _FOR_TENANTS},
                "results": [_row(row, question.group_by, names, is_operator) for row in rows],
            }
        )


_FOR_TENANTS = frozenset(
    {"seizures", "answered", "refused", "minutes", "asr", "ner", "acd_s", "pdd_mean_s", "pdd_p95_s", "revenue"}
)
_OPERATORS_MONEY = frozenset({"cost_nanos", "margin_nanos", "margin_percent", "uncosted"})


def _row(row: dict[str, Any], group_by: str, names: Mapping[Any, str], is_operator: bool) -> dict[str, Any]:
    key = row.pop(group_by) if group_by else ""
    money = [{"currency": currency} | sums for currency, sums in row.pop("money").items()]
    if not is_operator:
        money = [{name: value for name, value in sums.items() if name not in _OPERATORS_MONEY} for sums in money]
    shown = key.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(key, datetime) else str(key)
    return {"key": shown, "name": names.get(key, shown), **row, "money": money}


def _question(request: Request) -> _Question:
    check_parameters(request, {"from", "to", "group_by", "tenant", "direction"})
    values = request.query_params
    end = _moment(values.get("to"), "to") or timezone.now()
    start = _moment(values.get("from"), "from") or end - timedelta(days=DEFAULT_DAYS)
    if not timedelta(0) < end - start <= timedelta(days=limits.WINDOW_DAYS_MAX):
        raise _wrong("from", f"The window is empty or longer than {limits.WINDOW_DAYS_MAX} days.")
    group_by = values.get("group_by", "")
    if group_by and group_by not in GROUPS:
        raise _wrong("group_by", f"Known are {', '.join(GROUPS)}.")
    if group_by == "trunk" and not principal(request).is_operator:
        raise _wrong("group_by", "Figures by trunk are for the operator's staff.")
    tenant = values.get("tenant", "")
    if tenant and not (tenant.isascii() and tenant.isdigit() and len(tenant) < 19):
        raise _wrong("tenant", "A tenant's id.")
    direction = values.get("direction", "")
    if direction and direction not in Direction.values:
        raise _wrong("direction", f"Known are {', '.join(Direction.values)}.")
    return _Question(start, end, group_by, int(tenant) if tenant else None, direction)


def _moment(text: str | None, name: str) -> datetime | None:
    if not text:
        return None
    try:
        # A plus that a client did not escape came as a space.
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _wrong(name, "A time with its zone, such as 2026-11-23T00:00:00Z.")
    return moment


def _wrong(field: str, message: str) -> ValidationError:
    return ValidationError({field: [ErrorDetail(message, "invalid")]})
