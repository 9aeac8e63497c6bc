"""Forms of the login pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from tenants import limits
from tenants.ratelimit import RateLimit

BY_PAIR = RateLimit("login-pair", limits.LOGIN_FAILURES_PER_PAIR, limits.LOGIN_WINDOW_S)
BY_ACCOUNT = RateLimit("login-account", limits.LOGIN_FAILURES_PER_ACCOUNT, limits.LOGIN_WINDOW_S)
BY_ADDRESS = RateLimit("login-address", limits.LOGIN_FAILURES_PER_ADDRESS, limits.LOGIN_WINDOW_S)


class LoginForm(AuthenticationForm):
    """E-mail and password; too many wrong ones are refused before the password is looked at."""

    username = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}),
        error_messages={"required": "Enter your e-mail."},
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=limits.PASSWORD_CHARS_MAX,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Enter your password."},
    )
    error_messages = {
        "invalid_login": "E-mail and password do not match an active account.",
        "inactive": "E-mail and password do not match an active account.",
        "limited": "Too many wrong passwords. Try again in a quarter of an hour, or reset your password.",
    }

    def clean(self) -> dict[str, Any]:
        """Check the password, and count it if it is wrong."""
        email: str = self.cleaned_data.get("username", "").lower()
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        counted = ((BY_PAIR, f"{email} {address}"), (BY_ACCOUNT, email), (BY_ADDRESS, address))
        if any(limit.exceeded(subject) for limit, subject in counted):
            raise ValidationError(self.error_messages["limited"], "limited")
        try:
            cleaned = super().clean()
        except ValidationError:
            for limit, subject in counted:
                limit.hit(subject)
            raise
        if self.user_cache is not None:
            BY_PAIR.forget(f"{email} {address}")
        return cleaned or {}

    @property
    def is_limited(self) -> bool:
        """Whether the answer is 429."""
        return self.has_error("__all__", "limited")


class ResetForm(forms.Form):
    """Asks whose password it is."""

    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}),
    )
