"""How often one caller may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants import limits
from tenants.models import ApiKey
from tenants.ratelimit import RateLimit

if TYPE_CHECKING:
    # Not at run time: the framework's settings import this module while its views are being imported.
    from rest_framework.views import APIView

REQUESTS = RateLimit("api-requests", limits.API_REQUESTS_PER_MINUTE, 60)


class CallerThrottle(BaseThrottle):
    """``API_REQUESTS_PER_MINUTE`` for each key, each user and each address that is neither."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request; over the limit it is answered 429 with ``Retry-After``."""
        self._wait_s = REQUESTS.hit(_subject(request))
        return self._wait_s is None

    def wait(self) -> float | None:
        """Return the seconds after which the window has surely ended."""
        return self._wait_s


def _subject(request: Request) -> str:
    user: Any = request.user
    if isinstance(user, ApiKey):
        return f"key:{user.pk}"
    if user is not None and user.is_authenticated:
        return f"user:{user.pk}"
    return f"address:{request.META.get('REMOTE_ADDR', '')}"
