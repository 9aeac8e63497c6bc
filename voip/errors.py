"""Error pages, and problems for what fails under ``/api/`` outside of the REST framework."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tenants.api.problems import problem_response

_TEXT = {
    400: ("This request cannot be read", "Something in it is not what this page expects. Go back and try again."),
    403: ("You may not do this", "Your role does not allow it. An administrator of your account can change that."),
    404: ("There is no such page", "It may have moved, or it belongs to somebody else."),
    413: ("That is too much at once", "The file or form is larger than what we accept."),
    500: ("Something went wrong on our side", "It has been logged with the number below. Please try again."),
}


def _answer(request: HttpRequest, status: int, detail: str = "", code: str = "") -> HttpResponse:
    title, text = _TEXT[status]
    if request.path.startswith("/api/"):
        return problem_response(request, status, detail or HTTPStatus(status).description or title, code)
    context = {
        "status": status,
        "title": title,
        "text": detail or text,
        "request_id": getattr(request, "request_id", ""),
    }
    return render(request, "error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, or 413 where Django raised it for size."""
    too_big = type(exception).__name__ in {"RequestDataTooBig", "TooManyFieldsSent", "TooManyFilesSent"}
    return _answer(request, 413 if too_big else 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return _answer(request, 403, str(exception))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, without saying what was looked for: a foreign id looks like a missing one."""
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500."""
    return _answer(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that another site sent, or whose page is older than the session."""
    return _answer(request, 403, "The page was open too long or you logged in anew. Reload it and try again.")
