"""Pages for a tenant's administrator: users and API keys."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from tenants import people, services
from tenants.choices import TENANT_ROLES, Role
from tenants.errors import DomainError
from tenants.models import ApiKey, User
from voip.portal import limits
from voip.portal.access import may, portal_page, user_of

_ROLES = [(role.value, role.label) for role in Role if role in TENANT_ROLES]


class UserForm(forms.Form):
    """A new user: the person gets a mail with the link to choose a password."""

    email = forms.EmailField(label="E-mail", max_length=254)
    full_name = forms.CharField(label="Name", max_length=120, required=False)
    role = forms.ChoiceField(
        label="Role",
        choices=_ROLES,
        initial=Role.TENANT_USER,
        help_text="Administrators manage lines, users and keys; users see calls and pay; read only sees.",
    )


class UserChangeForm(UserForm):
    """An existing user."""

    is_active = forms.BooleanField(label="May log in", required=False)


class KeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(label="Name", max_length=80, help_text="What uses it, such as “billing export”.")
    role = forms.ChoiceField(label="Role", choices=_ROLES, initial=Role.READ_ONLY)
    scopes = forms.CharField(
        label="Scopes",
        max_length=1_000,
        initial="*",
        help_text="Such as “calls:read lines:write”; “*” is everything the role may.",
    )
    expires_at = forms.DateField(label="Expires", required=False, widget=forms.DateInput(attrs={"type": "date"}))


def add_refusal(form: forms.Form, error: DomainError) -> None:
    """Show what a use case refused at its field, or above the form."""
    form.add_error(error.field if error.field in form.fields else None, error.message)


def _own_users(request: HttpRequest) -> Any:
    return User.objects.filter(tenant=user_of(request).tenant_id)


@portal_page("tenants")
def users(request: HttpRequest) -> HttpResponse:
    """List the users of the tenant."""
    found = _own_users(request).order_by("email")[: limits.LIST_ROWS_MAX]
    return render(request, "portal/users.html", {"users": found, "may_change": may(request, "tenants", "change")})


@portal_page("tenants", "add")
def user_new(request: HttpRequest) -> HttpResponse:
    """Invite a user."""
    form = UserForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = people.invite_user(tenant=user_of(request).tenant, **form.cleaned_data)
        except DomainError as error:
            add_refusal(form, error)
        else:
            messages.success(request, f"{user.email} gets a mail with a link to choose a password.")
            return redirect("portal:users")
    return render(request, "portal/form_page.html", {"form": form, "title": "Invite a user", "submit": "Invite"})


@portal_page("tenants", "change")
def user_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a user, or whether one may log in."""
    user = get_object_or_404(_own_users(request).select_related("tenant"), pk=pk)
    initial = {name: getattr(user, name) for name in UserChangeForm.base_fields}
    form = UserChangeForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            people.update_user(user, form.cleaned_data, by=user_of(request))
        except DomainError as error:
            add_refusal(form, error)
        else:
            messages.success(request, f"{user.email} is changed.")
            return redirect("portal:users")
    context = {"form": form, "title": user.email, "submit": "Save", "user_shown": user}
    return render(request, "portal/user_edit.html", context)


@require_POST
@portal_page("tenants", "delete")
def user_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a user."""
    user = get_object_or_404(_own_users(request), pk=pk)
    people.delete_user(user, by=user_of(request))
    messages.success(request, f"{user.email} is removed.")
    return redirect("portal:users")


@require_POST
@portal_page("tenants", "change")
def user_mail_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Mail a user the link to choose a password."""
    user = get_object_or_404(_own_users(request).select_related("tenant"), pk=pk)
    people.send_password_link(user, invitation=not user.has_usable_password())
    messages.success(request, f"A link is on its way to {user.email}.")
    return redirect("portal:users")


def _own_keys(request: HttpRequest) -> Any:
    return ApiKey.objects.of(user_of(request).tenant)


@portal_page("tenants")
def keys(request: HttpRequest) -> HttpResponse:
    """List the tenant's API keys."""
    context = {
        "keys": _own_keys(request)[: limits.LIST_ROWS_MAX],
        "may_change": may(request, "tenants", "add"),
    }
    return render(request, "portal/keys.html", context)


@portal_page("tenants", "add")
def key_new(request: HttpRequest) -> HttpResponse:
    """Make a key and show its secret on this one page; it goes through no cookie, session or log."""
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            key, text = services.create_api_key(
                tenant=user_of(request).tenant,
                name=data["name"],
                role=data["role"],
                scopes=data["scopes"].replace(",", " ").split(),
                expires_at=_end_of(data["expires_at"]),
                created_by=user_of(request),
            )
        except DomainError as error:
            add_refusal(form, error)
        else:
            response = render(request, "portal/key_made.html", {"key": key, "text": text})
            response["Cache-Control"] = "no-store"
            return response
    return render(request, "portal/form_page.html", {"form": form, "title": "New API key", "submit": "Make the key"})


def _end_of(day: date | None) -> datetime | None:
    """Return the end of a day in the tenant's time zone."""
    return None if day is None else timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


@require_POST
@portal_page("tenants", "delete")
def key_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a key off for good."""
    key = get_object_or_404(_own_keys(request), pk=pk)
    services.revoke_api_key(key)
    messages.success(request, f"{key.name} is revoked.")
    return redirect("portal:keys")
