"""How the admin site looks and what its sidebar offers, in the order in which an operator needs it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from voip import environment as env

_TEAL = {
    "50": "oklch(98.4% .014 180.72)",
    "100": "oklch(95.3% .051 180.801)",
    "200": "oklch(91% .096 180.426)",
    "300": "oklch(85.5% .138 181.071)",
    "400": "oklch(77.7% .152 181.912)",
    "500": "oklch(70.4% .14 182.503)",
    "600": "oklch(60% .118 184.704)",
    "700": "oklch(51.1% .096 186.391)",
    "800": "oklch(43.7% .078 188.216)",
    "900": "oklch(38.6% .063 188.416)",
    "950": "oklch(27.7% .046 192.524)",
}


def environment_label(request: HttpRequest) -> list[str] | None:
    """Return the label beside the user menu: none where it is named production."""
    name = env.text("ENVIRONMENT", "demo")
    return None if name == "production" else [name.capitalize(), "warning"]


def _link(name: str) -> Any:
    return lambda request: reverse(name)


def _may(permission: str) -> Any:
    return lambda request: request.user.has_perm(permission)


def _item(title: str, icon: str, name: str, permission: str, badge: str = "") -> dict[str, Any]:
    item = {"title": title, "icon": icon, "link": _link(name), "permission": _may(permission)}
    return item | ({"badge": badge, "badge_variant": "danger", "badge_style": "solid"} if badge else {})


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Trunkline",
    "SITE_HEADER": "Trunkline",
    "SITE_SUBHEADER": "Carrier platform",
    "SITE_URL": "/admin/",
    "SITE_ICON": lambda request: static("portal/icon.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("portal/icon.svg")},
    ],
    "ENVIRONMENT": "voip.unfold.environment_label",
    "DASHBOARD_CALLBACK": "voip.dashboard.dashboard",
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {"primary": _TEAL},
    "STYLES": [
        lambda request: static("admin_own/dashboard.css"),
        lambda request: static("alerts/alerts.css"),
    ],
    "SCRIPTS": [lambda request: static("alerts/alerts.js")],
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "navigation": [
            {
                "title": "Now",
                "items": [
                    _item("Overview", "space_dashboard", "admin:index", "tenants.view_tenant"),
                    _item("Live calls", "sensors", "analytics:live", "sip.view_call"),
                    _item("Billing dashboard", "monitoring", "analytics:billing", "billing.view_account"),
                    _item(
                        "Fraud cases",
                        "gpp_maybe",
                        "admin:fraud_case_changelist",
                        "fraud.view_case",
                        "voip.dashboard.open_cases_badge",
                    ),
                    _item("Fraud rules", "rule", "admin:fraud_rule_changelist", "fraud.view_rule"),
                ],
            },
            {
                "title": "Network",
                "separator": True,
                "items": [
                    _item("Calls", "call_log", "admin:sip_call_changelist", "sip.view_call"),
                    _item("Lines", "deskphone", "admin:sip_line_changelist", "sip.view_line"),
                    _item("Trunks", "cable", "admin:sip_trunk_changelist", "sip.view_trunk"),
                    _item("Routes", "alt_route", "admin:sip_route_changelist", "sip.view_route"),
                    _item("Numbers", "dialpad", "admin:dids_did_changelist", "dids.view_did"),
                ],
            },
            {
                "title": "Money",
                "separator": True,
                "items": [
                    _item("Rates", "price_change", "admin:billing_ratedeck_changelist", "billing.view_ratedeck"),
                    _item("Accounts", "account_balance", "admin:billing_account_changelist", "billing.view_account"),
                    _item("Invoices", "receipt_long", "admin:billing_invoice_changelist", "billing.view_invoice"),
                    _item("Payments", "credit_card", "admin:billing_payment_changelist", "billing.view_payment"),
                ],
            },
            {
                "title": "Alerts",
                "separator": True,
                "items": [
                    _item("Events", "notifications", "admin:alerts_event_changelist", "alerts.view_event"),
                    _item(
                        "Webhooks", "webhook", "admin:alerts_webhookendpoint_changelist", "alerts.view_webhookendpoint"
                    ),
                    _item("Deliveries", "outbox", "admin:alerts_delivery_changelist", "alerts.view_delivery"),
                    _item(
                        "Recipients", "forward_to_inbox", "admin:alerts_recipient_changelist", "alerts.view_recipient"
                    ),
                ],
            },
            {
                "title": "People",
                "separator": True,
                "items": [
                    _item("Tenants", "domain", "admin:tenants_tenant_changelist", "tenants.view_tenant"),
                    _item("Users", "group", "admin:tenants_user_changelist", "tenants.view_user"),
                    _item("API keys", "key", "admin:tenants_apikey_changelist", "tenants.view_apikey"),
                    _item("Audit", "history", "admin:tenants_auditentry_changelist", "tenants.view_auditentry"),
                ],
            },
        ],
    },
}
