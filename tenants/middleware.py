"""Each request gets an id, its user's scope, and its actor for the audit."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from contextlib import ExitStack

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from tenants.errors import DomainError
from tenants.models import ApiKey, User
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
    """Enter the logged-in user's tenant scope, and leave whatever scope the request entered when it ends."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with ExitStack() as stack:
            request.scope_stack = stack  # type: ignore[attr-defined]
            if request.user.is_authenticated:
                _enter(request, request.user, request.user.email)
            return self.get_response(request)


def enter_key_scope(request: HttpRequest, key: ApiKey) -> None:
    """Enter the scope and actor of an API key until the request ends, whoever is logged in beside it."""
    _enter(request, key, f"key:{key.prefix}")


def _enter(request: HttpRequest, principal: User | ApiKey, actor: str) -> None:
    stack: ExitStack = request.scope_stack  # type: ignore[attr-defined]
    ids = visible_tenant_ids(principal)
    stack.enter_context(system_scope() if ids is None else tenant_scope(ids))
    stack.enter_context(actor_scope(actor, request.META.get("REMOTE_ADDR", ""), request.request_id))  # type: ignore[attr-defined]


class DomainErrorMiddleware:
    """Show what a service refused as a message, where no form or API view has caught it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Go back to the page of the refused action, or where there is none show the message itself."""
        if not isinstance(exception, DomainError):
            return None
        referer = request.headers.get("Referer", "")
        if request.method == "POST" and url_has_allowed_host_and_scheme(referer, {request.get_host()}):
            messages.error(request, exception.message)
            is_htmx = request.headers.get("HX-Request") == "true"
            return HttpResponse(headers={"HX-Redirect": referer}) if is_htmx else HttpResponseRedirect(referer)
        return HttpResponse(exception.message, status=exception.status, content_type="text/plain; charset=utf-8")
