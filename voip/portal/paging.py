"""The API's cursor pages, for pages of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from tenants.api.pagination import CursorPage


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list with the addresses of its neighbours."""

    items: list[Any]
    next: str | None
    previous: str | None


class _Sized(CursorPage):
    """A page of the size the template is made for."""

    def __init__(self, size: int, ordering: Sequence[str] | None) -> None:
        self.size_fixed = size
        self.ordering_fixed = ordering

    def size_of(self, request: Request) -> int:
        """Ignore ``page_size``."""
        return self.size_fixed

    def ordering_of(self, queryset: QuerySet[Any], request: Request, view: Any) -> Sequence[str]:
        """Ignore ``ordering``."""
        return self.ordering_fixed or super().ordering_of(queryset, request, None)


def page_of(request: HttpRequest, queryset: QuerySet[Any], size: int, *, ordering: Sequence[str] | None = None) -> Page:
    """Return the page that ``?cursor=`` asks for, in ``ordering`` or else the model's own order.

    Raises:
        BadRequest: the cursor is not one of this list.
    """
    pager = _Sized(size, ordering)
    try:
        items = pager.paginate_queryset(queryset, Request(request))
    except ValidationError as error:
        raise BadRequest("bad cursor") from error
    return Page(items, pager.next_link(), pager.previous_link())
