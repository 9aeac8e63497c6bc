"""Pages by key, not by offset: the last page of ten million rows costs what the first does."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import Field, Model, Q, QuerySet
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from tenants import limits
from tenants.api.filters import KnownOrdering

if TYPE_CHECKING:
    from rest_framework.views import APIView


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows: the order's values of the row beside it, and which way to go from there."""

    backwards: bool
    ordering: tuple[str, ...]
    values: tuple[str | None, ...]

    def __str__(self) -> str:
        text = json.dumps([int(self.backwards), self.ordering, self.values], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str, ordering: tuple[str, ...]) -> Cursor:
        """Read a cursor that was made for this very order.

        Raises:
            ValueError: it is not one of ours, or was made for another order.
        """
        decoded = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(decoded, list) or len(decoded) != 3:
            raise ValueError("not a cursor")
        backwards, order, values = decoded
        if backwards not in (0, 1) or order != list(ordering) or not isinstance(values, list):
            raise ValueError("a cursor of another list")
        if len(values) != len(order) or not all(value is None or isinstance(value, str) for value in values):
            raise ValueError("a cursor of another list")
        return cls(bool(backwards), ordering, tuple(values))


@dataclass(frozen=True, slots=True)
class _Term:
    """One column of the order. PostgreSQL sorts NULL after all values (before them when descending)."""

    name: str
    descending: bool
    field: Field[Any, Any]

    def after(self, value: Any, backwards: bool) -> Q:
        """Return the condition for rows strictly behind ``value``."""
        towards_low = self.descending != backwards
        if value is None:
            return Q(**{f"{self.name}__isnull": False}) if towards_low else Q(pk__in=[])
        if towards_low:
            return Q(**{f"{self.name}__lt": value})
        beyond = Q(**{f"{self.name}__gt": value})
        return beyond | Q(**{f"{self.name}__isnull": True}) if self.field.null else beyond

    def at(self, value: Any) -> Q:
        """Return the condition for rows at ``value``."""
        return Q(**{f"{self.name}__isnull": True}) if value is None else Q(**{self.name: value})

    def parse(self, text: str | None) -> Any:
        return None if text is None else self.field.to_python(text)

    def text(self, row: Model) -> str | None:
        value = getattr(row, self.field.attname)
        return None if value is None else str(value)


class CursorPage(BasePagination):
    """``{"next", "previous", "results"}``; ``?page_size=`` (1 to 200), ``?ordering=``, ``?cursor=`` out of the links.

    The view's ``tie_break`` names a unique column; without it the last column of the primary key is taken.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """Return one page's rows.

        Raises:
            ValidationError: ``cursor`` or ``page_size`` is not what it should be.
        """
        self._request = request
        self._size = self.size_of(request)
        self._terms = _terms(queryset, self.ordering_of(queryset, request, view), view)
        self._names = tuple(("-" if term.descending else "") + term.name for term in self._terms)
        cursor = self._cursor(request)
        backwards = cursor is not None and cursor.backwards
        names = [_turned(name) if backwards else name for name in self._names]
        rows = queryset.order_by(*names)
        if cursor is not None:
            rows = rows.filter(self._behind(cursor))
        found = list(rows[: self._size + 1])
        more, found = len(found) > self._size, found[: self._size]
        if backwards:
            found.reverse()
        self._has_next = more if not backwards else True
        self._has_previous = more if backwards else cursor is not None
        self._page = found
        return found

    def size_of(self, request: Request) -> int:
        """Return how many rows a page has.

        Raises:
            ValidationError: ``page_size`` is not a whole number from 1 to ``PAGE_SIZE_MAX``.
        """
        text = request.query_params.get("page_size")
        if text is None:
            return limits.PAGE_SIZE_DEFAULT
        if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= limits.PAGE_SIZE_MAX):
            message = f"A whole number from 1 to {limits.PAGE_SIZE_MAX}."
            raise ValidationError({"page_size": [ErrorDetail(message, "invalid")]})
        return int(text)

    def ordering_of(self, queryset: QuerySet[Any], request: Request, view: Any) -> Sequence[str]:
        """Return the names to order by: those asked for, else the view's, else the model's."""
        asked = KnownOrdering().get_ordering(request, queryset, view) if view is not None else []
        return asked or [name for name in queryset.model._meta.ordering if isinstance(name, str)]

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with its links."""
        return Response({"next": self.next_link(), "previous": self.previous_link(), "results": data})

    def next_link(self) -> str | None:
        """Return the address of the page behind this one, if there is one."""
        return self._link(self._page[-1], backwards=False) if self._has_next and self._page else None

    def previous_link(self) -> str | None:
        """Return the address of the page before this one, if there is one."""
        return self._link(self._page[0], backwards=True) if self._has_previous and self._page else None

    def _link(self, row: Model, backwards: bool) -> str:
        cursor = Cursor(backwards, self._names, tuple(term.text(row) for term in self._terms))
        url = remove_query_param(self._request.build_absolute_uri(), "cursor")
        return str(replace_query_param(url, "cursor", str(cursor)))

    def _cursor(self, request: Request) -> Cursor | None:
        text = request.query_params.get("cursor")
        if not text:
            return None
        try:
            return Cursor.parse(text, self._names)
        except ValueError as error:
            raise _bad_cursor() from error

    def _behind(self, cursor: Cursor) -> Q:
        try:
            values = [term.parse(text) for term, text in zip(self._terms, cursor.values, strict=True)]
        except (DjangoValidationError, ValueError, OverflowError) as error:
            raise _bad_cursor() from error
        condition = Q(pk__in=[])
        for term, value in reversed(list(zip(self._terms, values, strict=True))):
            condition = term.after(value, cursor.backwards) | (term.at(value) & condition)
        first, value = self._terms[0], values[0]
        if value is not None and not first.field.null:
            # The alternatives above hide the range from the planner; said again, an index or a partition serves it.
            towards_low = first.descending != cursor.backwards
            condition &= Q(**{f"{first.name}__{'lte' if towards_low else 'gte'}": value})
        return condition

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe a page for OpenAPI."""
        link = {"type": "string", "nullable": True, "format": "uri"}
        properties = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """Describe the paging parameters for OpenAPI."""
        size = {"type": "integer", "minimum": 1, "maximum": limits.PAGE_SIZE_MAX, "default": limits.PAGE_SIZE_DEFAULT}
        return [
            {"name": "cursor", "in": "query", "required": False, "schema": {"type": "string"}},
            {"name": "page_size", "in": "query", "required": False, "schema": size},
        ]


def _terms(queryset: QuerySet[Any], ordering: Sequence[str], view: APIView | None) -> list[_Term]:
    meta = queryset.model._meta
    tie_break: str = getattr(view, "tie_break", "") or meta.pk_fields[-1].name
    names = [name.replace("pk", tie_break, 1) if name.lstrip("-") == "pk" else name for name in ordering]
    if tie_break not in {name.lstrip("-") for name in names}:
        names.append(("-" if names and names[0].startswith("-") else "") + tie_break)
    terms = []
    for name in names:
        terms.append(_Term(name.lstrip("-"), name.startswith("-"), meta.get_field(name.lstrip("-"))))
        if name.lstrip("-") == tie_break:
            break  # Unique: nothing behind it can matter.
    return terms


def _turned(name: str) -> str:
    return name.removeprefix("-") if name.startswith("-") else f"-{name}"


def _bad_cursor() -> ValidationError:
    return ValidationError({"cursor": [ErrorDetail("This is not a cursor of this list and order.", "invalid")]})
