"""Who may do what: the one table of roles, asked by the admin site, the portal and the API."""

from __future__ import annotations

from tenants.choices import Role

ALL = frozenset({"view", "add", "change", "delete"})
VIEW = frozenset({"view"})
EDIT = frozenset({"view", "add", "change"})
NONE: frozenset[str] = frozenset()

_APPS = ("tenants", "alerts", "sip", "billing", "dids", "fraud", "analytics", "voip")

RIGHTS: dict[Role, dict[str, frozenset[str]]] = {
    Role.OPERATOR_ADMIN: dict.fromkeys(_APPS, ALL),
    # Support mends service (lines, numbers, cases) and reads money.
    Role.OPERATOR_SUPPORT: dict.fromkeys(_APPS, VIEW) | {"sip": EDIT, "dids": EDIT, "fraud": EDIT, "alerts": EDIT},
    Role.OPERATOR_FINANCE: dict.fromkeys(_APPS, VIEW) | {"billing": EDIT},
    Role.TENANT_ADMIN: dict.fromkeys(_APPS, VIEW)
    | {"tenants": ALL, "sip": ALL, "dids": EDIT, "alerts": ALL, "billing": EDIT},
    Role.TENANT_USER: dict.fromkeys(_APPS, VIEW) | {"tenants": NONE, "billing": EDIT},
    Role.READ_ONLY: dict.fromkeys(_APPS, VIEW),
}
"""Role → app → actions. A right never reaches beyond the tenant scope of its holder."""


def can(role: Role, app_label: str, action: str) -> bool:
    """Return whether ``role`` may ``view``, ``add``, ``change`` or ``delete`` objects of the app."""
    return action in RIGHTS[role].get(app_label, NONE)
