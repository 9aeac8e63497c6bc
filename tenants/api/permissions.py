"""What a caller may do: the table of roles, and for a key its scopes as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from tenants.choices import Role
from tenants.models import ApiKey
from tenants.roles import can

if TYPE_CHECKING:
    # Not at run time: the framework's settings import this module while its views are being imported.
    from rest_framework.views import APIView

RESOURCES: set[str] = set()
"""Every view's ``scope_resource``: what a key's scopes can name."""

_RIGHT = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}


class RoleAndScope(BasePermission):
    """Ask ``tenants.roles`` about the view's app, and a key's scopes about the view's resource.

    The view says ``scope_resource``; ``rights_app`` where it has no queryset; ``rights`` (action name to right) where
    an action of its own is not what its HTTP method says.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return whether role and scopes allow it; without authentication nothing is."""
        user: Any = request.user
        if user is None or not user.is_authenticated:
            return False
        right = right_of(request.method or "GET", view)
        if not can(Role(user.role), app_label_of(view), right):
            self.message = f"The role {Role(user.role).label!r} may not {right} here."
            return False
        if isinstance(request.auth, ApiKey):
            wanted = f"{view.scope_resource}:{'read' if right == 'view' else 'write'}"  # type: ignore[attr-defined]
            if not {"*", wanted} & set(request.auth.scopes):
                self.message = f"The API key lacks the scope {wanted!r}."
                return False
        return True


def right_of(method: str, view: APIView) -> str:
    """Return which of view, add, change, delete a request asks for."""
    action = getattr(view, "action", None)
    own: str | None = getattr(view, "rights", {}).get(action)
    if own is not None:
        return own
    if method in SAFE_METHODS:
        return "view"
    if method == "POST" and getattr(view, "detail", False):
        return "change"  # An action on an existing object.
    return _RIGHT.get(method, "change")


def app_label_of(view: Any) -> str:
    """Return the app whose row in the table of roles counts for this view."""
    label = getattr(view, "rights_app", "")
    return str(label or view.queryset.model._meta.app_label)
