"""Who calls the API: a program with a key, or a browser with a session."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import cast

from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from tenants import limits
from tenants.middleware import enter_key_scope
from tenants.models import ApiKey, User
from tenants.ratelimit import RateLimit
from tenants.scope import system_scope
from tenants.services import hash_api_key

REFUSED = RateLimit("api-refused", limits.API_REFUSED_PER_MINUTE, 60)
_NO_HASH = hash_api_key("")


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer tk_<prefix>_<secret>``.

    ``request.user`` and ``request.auth`` are then the key itself, and its tenants are the scope until the request ends.
    """

    def authenticate(self, request: Request) -> tuple[ApiKey, ApiKey] | None:
        """Return the key, or ``None`` when the request brings no bearer token.

        Raises:
            AuthenticationFailed: there is a token, but it opens nothing (401).
            Throttled: too many wrong tokens from this address (429).
        """
        scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        address = request.META.get("REMOTE_ADDR", "")
        if REFUSED.exceeded(address):
            raise Throttled(wait=60)
        try:
            key = usable_key(text.strip())
        except AuthenticationFailed:
            REFUSED.hit(address)
            raise
        enter_key_scope(request._request, key)
        return key, key

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return 'Bearer realm="api"'


class PortalSessionAuthentication(SessionAuthentication):
    """A browser that is logged in. Writes need the CSRF token; the scope was entered by the middleware."""


def usable_key(text: str) -> ApiKey:
    """Return the key with this secret text, and note that it was used.

    Raises:
        AuthenticationFailed: unknown, expired or revoked, or its tenant is switched off.
    """
    prefix = text.removeprefix("tk_").partition("_")[0]
    if not text.startswith("tk_") or len(text) > limits.API_KEY_CHARS_MAX or not text.isascii() or "\0" in text:
        raise AuthenticationFailed("The API key is not valid.", "key_invalid")
    with system_scope():
        key = ApiKey.objects.select_related("tenant").filter(prefix=prefix).first()
        if not hmac.compare_digest(hash_api_key(text), key.key_hash if key else _NO_HASH) or key is None:
            raise AuthenticationFailed("The API key is not valid.", "key_invalid")
        _check_usable(key)
        _note_use(key)
    return key


def _check_usable(key: ApiKey) -> None:
    if key.revoked_at is not None:
        raise AuthenticationFailed("The API key was revoked.", "key_revoked")
    if key.expires_at is not None and key.expires_at <= timezone.now():
        raise AuthenticationFailed("The API key has expired.", "key_expired")
    if not key.tenant.is_active:
        raise AuthenticationFailed("The tenant of this API key is switched off.", "tenant_inactive")


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at >= timedelta(seconds=limits.KEY_LAST_USED_EVERY_S):
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def principal(request: Request | HttpRequest) -> User | ApiKey:
    """Return the user or key in whose name an authenticated request runs."""
    return cast("User | ApiKey", request.user)
