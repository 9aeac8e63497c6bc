"""Each request gets an id, its user's scope, and its actor for the audit."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from contextlib import ExitStack

from django.http import HttpRequest, HttpResponse

from tenants.scope import actor_scope, system_scope, tenant_scope
from tenants.services import visible_tenant_ids

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestScopeMiddleware:
    """Give the request an id (the caller's ``X-Request-ID`` if it is a sane one) and name its address."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(12)  # type: ignore[attr-defined]
        with actor_scope("anonymous", request.META.get("REMOTE_ADDR", ""), request.request_id):  # type: ignore[attr-defined]
            response = self.get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response


class UserScopeMiddleware:
    """Enter the logged-in user's tenant scope. API keys enter theirs in the API's authentication."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with ExitStack() as stack:
            if request.user.is_authenticated:
                enter_scope(stack, request)
            return self.get_response(request)


def enter_scope(stack: ExitStack, request: HttpRequest) -> None:
    """Push the scope and the actor of ``request.user`` on the stack."""
    ids = visible_tenant_ids(request.user)  # type: ignore[arg-type]
    stack.enter_context(system_scope() if ids is None else tenant_scope(ids))
    stack.enter_context(
        actor_scope(request.user.email, request.META.get("REMOTE_ADDR", ""), request.request_id)  # type: ignore[union-attr,attr-defined]
    )
