"""Who may see the pages, and in which frame: the operator's staff in the admin site's, tenants in the portal's."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from tenants.choices import Role
from tenants.models import User
from tenants.roles import can

View = Callable[..., HttpResponse]


def page(*apps: str) -> Callable[[View], View]:
    """Let in users whose role may view all these apps; strangers are sent to the login.

    Times on the page are in the zone of the user's tenant.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            user = viewer(request)
            if not all(can(Role(user.role), app, "view") for app in apps):
                raise PermissionDenied("Your role does not show these figures.")
            with timezone.override(zone_of(user)):
                return view(request, *args, **kwargs)

        return inner

    return decorate


def viewer(request: HttpRequest) -> User:
    """Return the logged-in user of a page."""
    assert isinstance(request.user, User)
    return request.user


def zone_of(user: User) -> ZoneInfo:
    """Return the time zone of the user's tenant."""
    return ZoneInfo(user.tenant.time_zone)


def frame(request: HttpRequest, title: str) -> dict[str, Any]:
    """Return the context of the frame a page stands in."""
    user = viewer(request)
    context: dict[str, Any] = {"title": title, "is_operator": user.is_operator, "zone": user.tenant.time_zone}
    if user.is_operator:
        return admin.site.each_context(request) | context | {"frame": "admin/base_site.html", "shell": "an-admin"}
    return context | {"frame": "portal/base.html", "shell": "an-portal"}
