"""Filtering and ordering that refuse what they do not know: a mistyped filter must not answer with everything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request

from tenants import limits

if TYPE_CHECKING:
    from rest_framework.views import APIView

PAGING_PARAMETERS = frozenset({"cursor", "page_size", "ordering"})


class KnownFilters(DjangoFilterBackend):  # type: ignore[misc]
    """django-filter, with 400 for a parameter that the list does not know."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> Any:
        """Filter by the known parameters.

        Raises:
            ValidationError: unknown or over-long parameters, or values that a filter refuses.
        """
        if view.action == "list":  # type: ignore[attr-defined]
            check_parameters(request, PAGING_PARAMETERS | self._known(queryset, view))
        return super().filter_queryset(request, queryset, view)

    def _known(self, queryset: QuerySet[Any], view: APIView) -> set[str]:
        filterset_class = self.get_filterset_class(view, queryset)
        names: set[str] = set()
        for name, item in (filterset_class.base_filters if filterset_class else {}).items():
            suffixes: list[str] = getattr(item.field.widget, "suffixes", [])
            names |= {f"{name}_{suffix}" if suffix else name for suffix in suffixes} or {name}
        return names


def check_parameters(request: Request, known: Iterable[str]) -> None:
    """Refuse query parameters other than ``known``.

    Raises:
        ValidationError: names every parameter at fault.
    """
    allowed = frozenset(known)
    errors = {}
    for name, value in request.query_params.items():
        if name not in allowed:
            errors[name[:80]] = [ErrorDetail(f"Unknown parameter; known are {', '.join(sorted(allowed))}.", "unknown")]
        elif len(value) > limits.API_QUERY_VALUE_CHARS_MAX or "\0" in value:
            errors[name] = [ErrorDetail(f"At most {limits.API_QUERY_VALUE_CHARS_MAX} characters.", "too_long")]
    if errors:
        raise ValidationError(errors)


class KnownOrdering(OrderingFilter):
    """``?ordering=`` over the view's ``ordering_fields`` only; the paginator makes it a total order."""

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: APIView) -> list[str]:
        """Return the asked or else the view's own order, without tie-break.

        Raises:
            ValidationError: a field that cannot be ordered by, or too many of them.
        """
        text = request.query_params.get(self.ordering_param, "")
        terms = [term.strip() for term in text.split(",") if term.strip()]
        if not terms:
            return list(self.get_default_ordering(view) or ())
        allowed = list(getattr(view, "ordering_fields", ()))
        wrong = [term for term in terms if term.removeprefix("-") not in allowed]
        if wrong or len(terms) > limits.ORDERING_TERMS_MAX:
            known = ", ".join(allowed) or "none"
            message = f"Cannot order by {wrong[0]!r}; known are {known}." if wrong else "Too many fields."
            raise ValidationError({"ordering": [ErrorDetail(message, "unknown")]})
        return terms

    def filter_queryset(self, request: Request, queryset: Any, view: APIView) -> Any:
        """Leave the queryset as it is: ``CursorPage`` asks ``get_ordering`` itself."""
        return queryset
