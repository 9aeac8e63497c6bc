"""Errors of the API as RFC 9457 ``application/problem+json``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypedDict

from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent, ValidationError
from django.db import DataError, IntegrityError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from tenants.api.parsers import PayloadTooLarge
from tenants.errors import DomainError

CONTENT_TYPE = "application/problem+json"


class FieldError(TypedDict):
    """One input at fault; ``field`` is a dotted path (``entries.0.amount``), empty for the body as a whole."""

    field: str
    message: str
    code: str


def problem_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Turn what a view raised into a problem; ``None`` (a bug of ours) goes on to Django's 500."""
    error = _as_api_error(exc)
    if error is None:
        return None
    set_rollback()
    request: Request = context["request"]
    errors = list(_field_errors(error.detail)) if isinstance(error, exceptions.ValidationError) else []
    body = problem(
        request,
        error.status_code,
        detail=_detail_text(error, errors),
        code=_code(error),
        errors=errors,
    )
    response = Response(body, status=error.status_code, content_type=CONTENT_TYPE)
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    if (wait := getattr(error, "wait", None)) is not None:
        response["Retry-After"] = str(int(wait))
    return response


def problem(
    request: Request | HttpRequest,
    status: int,
    *,
    detail: str,
    code: str = "",
    errors: Sequence[FieldError] = (),
) -> dict[str, Any]:
    """Return the members of a problem document (RFC 9457 §3.1) with ours: ``request_id`` and ``errors``."""
    inner = request._request if isinstance(request, Request) else request
    title = HTTPStatus(status).phrase
    return {
        "type": f"urn:trunkline:problem:{code or title.lower().replace(' ', '_')}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": inner.path,
        "request_id": getattr(inner, "request_id", ""),
        "errors": list(errors),
    }


def problem_response(request: HttpRequest, status: int, detail: str, code: str = "") -> HttpResponse:
    """Return a problem where no view of the REST framework runs: Django's own 404, 500 and the like."""
    body = json.dumps(problem(request, status, detail=detail, code=code))
    return HttpResponse(body, status=status, content_type=CONTENT_TYPE)


def _as_api_error(exc: Exception) -> exceptions.APIException | None:
    if isinstance(exc, exceptions.APIException):
        return exc
    if isinstance(exc, DomainError):
        return _from_domain_error(exc)
    if isinstance(exc, Http404):
        return exceptions.NotFound("There is no such object.")
    if isinstance(exc, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(exc, ValidationError):
        return exceptions.ValidationError(exc.message_dict if hasattr(exc, "error_dict") else exc.messages)
    return _from_database_error(exc)


def _from_database_error(exc: Exception) -> exceptions.APIException | None:
    if isinstance(exc, RequestDataTooBig | TooManyFieldsSent):
        return PayloadTooLarge()
    if isinstance(exc, ProtectedError | RestrictedError):
        return _with_status(409, "Other objects refer to this one.", "in_use")
    if isinstance(exc, IntegrityError):
        return _with_status(409, "This conflicts with what is already stored.", "conflict")
    if isinstance(exc, DataError):
        return exceptions.ParseError("A value is outside what can be stored.")
    return None


def _from_domain_error(exc: DomainError) -> exceptions.APIException:
    if exc.field is None:
        return _with_status(exc.status, exc.message, exc.code)
    error = exceptions.ValidationError({exc.field: [exceptions.ErrorDetail(exc.message, exc.code)]})
    error.status_code = exc.status
    error.default_code = exc.code
    return error


def _with_status(status: int, message: str, code: str) -> exceptions.APIException:
    error = exceptions.APIException(message, code)
    error.status_code = status
    error.default_code = code
    return error


def _code(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else error.default_code


def _detail_text(error: exceptions.APIException, errors: Sequence[FieldError]) -> str:
    if not errors:
        return str(error.detail)
    return "; ".join(f"{item['field']}: {item['message']}" if item["field"] else item["message"] for item in errors)


def _field_errors(detail: Any, path: str = "") -> Iterator[FieldError]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            own = "" if name in {"non_field_errors", "__all__"} else str(name)
            yield from _field_errors(inner, ".".join(part for part in (path, own) if part))
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            # A list of texts belongs to one field; a list of mappings is one mapping an element.
            nested = isinstance(inner, Mapping)
            if nested and not inner:
                continue
            yield from _field_errors(inner, f"{path}.{index}".lstrip(".") if nested else path)
    else:
        yield FieldError(field=path, message=str(detail), code=getattr(detail, "code", None) or "invalid")
