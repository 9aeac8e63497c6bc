"""Who may see which page, and what surrounds every page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from zoneinfo import ZoneInfo

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from tenants.choices import Role
from tenants.models import User
from tenants.roles import can

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the menu: shown to whom ``tenants.roles`` lets see objects of ``app``."""

    title: str
    url_name: str
    app: str
    icon: str
    """Path of a 24 by 24 drawing."""


NAVIGATION = (
    NavItem("Home", "portal:home", "sip", "M4 11 12 4l8 7v9h-5v-6H9v6H4z"),
    NavItem(
        "Calls",
        "portal:calls",
        "sip",
        "M6 4h3l1.5 5-2 1.5a11 11 0 0 0 5 5l1.5-2 5 1.5v3a2 2 0 0 1-2 2A15 15 0 0 1 4 6a2 2 0 0 1 2-2z",
    ),
    NavItem(
        "Live calls",
        "analytics:live",
        "analytics",
        "M12 12h.01M8.5 15.5a5 5 0 0 1 0-7M15.5 8.5a5 5 0 0 1 0 7M5.5 18.5a9 9 0 0 1 0-13M18.5 5.5a9 9 0 0 1 0 13",
    ),
    NavItem(
        "Balance",
        "portal:balance",
        "billing",
        "M4 7h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H4zM4 7a2 2 0 0 1 2-2h10v2M16 13h.5",
    ),
    NavItem("Figures", "analytics:billing", "analytics", "M4 20V4M4 20h16M8 16v-5M12 16V7M16 16v-3"),
    NavItem("Invoices", "portal:invoices", "billing", "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6"),
    NavItem("Lines", "portal:lines", "sip", "M7 3h10v18H7zM10 17h4M10 6h4"),
    NavItem("Numbers", "portal:numbers", "dids", "M9 4 7 20M17 4l-2 16M4 9h16M4 15h16"),
    NavItem("Connect your phone", "portal:connect", "sip", "M5 9a11 11 0 0 1 14 0M8 12.5a6 6 0 0 1 8 0M12 17h.01"),
    NavItem("Users", "portal:users", "tenants", "M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0"),
    NavItem(
        "API keys", "portal:keys", "tenants", "M14 10a4 4 0 1 0-4 4c.7 0 1.400-.2 2-.5L14 15h2v2h2v2h3v-3l-7.300-5z"
    ),
)


def portal_page(app: str, action: str = "view") -> Callable[[View], View]:
    """Let in tenants' users whose role has the right; staff are sent to the admin site, strangers to the login.

    Times on the page are in the tenant's time zone.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def inner(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            user = request.user
            if user.is_staff:
                return redirect("/admin/")
            if not can(Role(user.role), app, action):
                raise PermissionDenied(
                    "Your role does not allow this. An administrator of your account can change that."
                )
            with timezone.override(ZoneInfo(user.tenant.time_zone)):
                return view(request, *args, **kwargs)

        return inner

    return decorate


def user_of(request: HttpRequest) -> User:
    """Return the logged-in user of a portal page."""
    assert isinstance(request.user, User)
    return request.user


def may(request: HttpRequest, app: str, action: str) -> bool:
    """Return whether a page should offer something."""
    return can(Role(user_of(request).role), app, action)
