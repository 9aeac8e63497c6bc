"""The login pages. They run in the system's scope: an anonymous request sees no user."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import views as auth
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views import View

from tenants import limits
from tenants.models import User
from tenants.people import send_password_link
from tenants.ratelimit import RateLimit
from tenants.scope import actor_scope, system_scope
from voip.login.forms import LoginForm, ResetForm

RESETS_OF_ACCOUNT = RateLimit("reset-account", limits.PASSWORD_RESETS_PER_ACCOUNT, limits.LOGIN_WINDOW_S)
RESETS_OF_ADDRESS = RateLimit("reset-address", limits.PASSWORD_RESETS_PER_ADDRESS, limits.LOGIN_WINDOW_S)


class InSystemScope(View):
    """Run the whole view in the system's scope."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Enter the scope around the view and its rendering."""
        with system_scope():
            response = super().dispatch(request, *args, **kwargs)
            return response.render() if hasattr(response, "render") else response


class LoginView(InSystemScope, auth.LoginView):
    """One login for all: staff go on to the admin site, tenants to the portal."""

    template_name = "login/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        """Log in, in the user's own name: the audit holds every login."""
        user: User = form.get_user()
        request_id = getattr(self.request, "request_id", "")
        with actor_scope(user.email, self.request.META.get("REMOTE_ADDR", ""), request_id):
            return super().form_valid(form)

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show the form again; 429 when the attempts are used up."""
        status = 429 if form.is_limited else 200
        return self.render_to_response(self.get_context_data(form=form), status=status)

    def get_redirect_url(self, *args: Any) -> str:
        """Return where the user wanted to go, unless it is the admin site, which would send a tenant back here."""
        url = super().get_redirect_url(*args)
        is_staff = getattr(self.request.user, "is_staff", False)
        return url if is_staff or not url.startswith("/admin") else ""

    def get_default_redirect_url(self) -> str:
        """Return the home of staff or of tenants."""
        return home_of(self.request.user)


def home_of(user: Any) -> str:
    """Return the first page of a user."""
    return "/admin/" if user.is_staff else "/"


class LogoutView(auth.LogoutView):
    """Log out by POST; a GET, as by a stale bookmark, leads to where one can."""

    http_method_names = ["get", "post", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        """Send back home."""
        return redirect(home_of(request.user) if request.user.is_authenticated else settings.LOGIN_URL)


class PasswordChangeView(auth.PasswordChangeView):
    """A logged-in user sets a new password; other sessions of the user end."""

    template_name = "login/password_change.html"
    success_url = reverse_lazy("password_change_done")


class PasswordChangedView(auth.PasswordChangeDoneView):
    """Says that it is done."""

    template_name = "login/password_changed.html"


class PasswordResetConfirmView(InSystemScope, auth.PasswordResetConfirmView):
    """Where the mailed link leads."""

    template_name = "login/password_set.html"
    success_url = reverse_lazy("password_reset_complete")


class PasswordSetView(auth.PasswordResetCompleteView):
    """Says that it is done, and leads to the login."""

    template_name = "login/password_is_set.html"


def request_reset(request: HttpRequest) -> HttpResponse:
    """Mail a link to a user. The answer is the same whether there is one or not."""
    form = ResetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"].lower()
        address = request.META.get("REMOTE_ADDR", "")
        if RESETS_OF_ADDRESS.hit(address) is not None:
            return render(request, "login/password_reset.html", {"form": form, "limited": True}, status=429)
        if RESETS_OF_ACCOUNT.hit(email) is None:
            _mail_link(email)
        return HttpResponseRedirect("/password/reset/sent/")
    return render(request, "login/password_reset.html", {"form": form})


def _mail_link(email: str) -> None:
    with system_scope(), transaction.atomic():
        user = User.objects.filter(email=email, is_active=True, tenant__is_active=True).first()
        if user is not None:
            send_password_link(user)


def reset_sent(request: HttpRequest) -> HttpResponse:
    """Say that a mail is on its way, if there is such a user."""
    return render(request, "login/password_reset_sent.html")
