"""Errors, the schema, the documentation, and the admin's pages."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from tenants.choices import Role
from tenants.models import ApiKey, Tenant, User
from tests.cast import Cast
from tests.tenants.clients import page_client


def test_the_schema_is_valid_and_says_something_of_every_field(db: None) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=StringIO())


def test_the_documentation_needs_no_other_server(db: None) -> None:
    text = Client().get("/api/docs/").content.decode()
    assert "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js" in text
    assert "https://" not in text


def test_a_missing_page_has_our_own_look_and_a_request_id(db: None) -> None:
    answer = Client().get("/nothing/here/", HTTP_X_REQUEST_ID="r-404")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()
    assert "r-404" in answer.content.decode()


def test_a_bug_has_our_own_look_and_a_problem_under_the_api(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    from tenants.api.tenant_views import UserViewSet
    from tests.tenants.clients import api_client

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(UserViewSet, "list", broken)
    client = api_client(cast.alice, Role.TENANT_ADMIN)
    client.raise_request_exception = False
    answer = client.get("/api/v1/users/")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert "a bug" not in answer.content.decode()


def test_a_form_of_another_site_is_refused_with_advice(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.ann)
    answer = client.post("/keys/new/", {"name": "x"})
    assert answer.status_code == 403
    assert "Reload it" in answer.content.decode()


MODELS: list[type[Model]] = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.mark.parametrize("model", MODELS, ids=[model._meta.label for model in MODELS])
def test_every_list_of_the_admin_opens(cast: Cast, model: type[Model]) -> None:
    meta = model._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    client = page_client(cast.olga)
    assert client.get(address).status_code == 200
    assert client.get(f"{address}?q=x").status_code in {200, 302}


def test_the_overview_shows_what_needs_attention(cast: Cast) -> None:
    text = page_client(cast.olga).get("/admin/").content.decode()
    for words in ("Open fraud cases", "Blocked lines", "Unrated calls", "Failed payments", "Processes"):
        assert words in text


def test_every_entry_of_the_sidebar_leads_somewhere(cast: Cast) -> None:
    text = page_client(cast.olga).get("/admin/tenants/tenant/").content.decode()
    assert 'href="#"' not in text.split("nav-sidebar")[-1].split("</nav>")[0]


def test_a_tenant_is_made_in_the_admin(cast: Cast) -> None:
    form = {
        "kind": "customer", "parent": cast.trunkco.pk, "name": "Dora", "slug": "dora", "country": "US",
        "time_zone": "UTC", "currency": "USD", "is_active": "on", "users-TOTAL_FORMS": "0", "users-INITIAL_FORMS": "0",
    }  # fmt: skip
    client = page_client(cast.olga)
    assert client.post("/admin/tenants/tenant/add/", form).status_code == 302
    assert Tenant.objects.get(slug="dora").ancestor_ids == [cast.trunkco.pk]
    refused = client.post("/admin/tenants/tenant/add/", form | {"slug": "dora2", "time_zone": "Mars/Olympus"})
    assert "unknown time zone" in refused.content.decode()
    assert Tenant.objects.filter(slug="dora2").count() == 0


def test_a_key_made_in_the_admin_is_shown_once_and_not_kept_in_the_browser(cast: Cast) -> None:
    client = page_client(cast.olga)
    form = {"tenant": cast.alice.pk, "name": "pbx", "role": "tenant_user", "scopes": "*"}
    answer = client.post("/admin/tenants/apikey/add/", form)
    key = ApiKey.objects.get(name="pbx")
    secret = answer.content.decode().split(f"tk_{key.prefix}_")[1][:43]
    assert len(secret) == 43
    assert "no-store" in answer["Cache-Control"]
    assert secret not in str(client.cookies)
    assert secret not in str(dict(client.session))


def test_a_change_by_an_admins_action_takes_a_post(cast: Cast) -> None:
    client = page_client(cast.olga)
    client.post(
        "/admin/tenants/apikey/add/", {"tenant": cast.alice.pk, "name": "p", "role": "read_only", "scopes": "*"}
    )
    key = ApiKey.objects.get(name="p")
    address = reverse("admin:tenants_apikey_revoke", args=[key.pk])
    client.get(address)
    key.refresh_from_db()
    assert key.state == "usable"
    assert client.post(address, {"_form_submitted": "True"})["HX-Redirect"].endswith(f"/{key.pk}/change/")
    key.refresh_from_db()
    assert key.state == "revoked"


def test_the_last_administrator_cannot_be_deleted_in_the_admin(cast: Cast) -> None:
    client = page_client(cast.olga)
    answer = client.post(
        f"/admin/tenants/user/{cast.ann.pk}/delete/",
        {"post": "yes"},
        HTTP_REFERER=f"http://testserver/admin/tenants/user/{cast.ann.pk}/change/",
        follow=True,
    )
    assert "without an administrator" in answer.content.decode()
    assert User.objects.filter(pk=cast.ann.pk).count() == 1


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (Role.OPERATOR_SUPPORT, "/admin/sip/line/add/", 200),
        (Role.OPERATOR_SUPPORT, "/admin/tenants/tenant/add/", 403),
        (Role.OPERATOR_FINANCE, "/admin/sip/line/add/", 403),
        (Role.OPERATOR_FINANCE, "/admin/tenants/auditentry/", 200),
    ],
)
def test_the_admin_follows_the_table_of_roles(cast: Cast, role: Role, path: str, status: int) -> None:
    User.objects.filter(pk=cast.olga.pk).update(role=role)
    assert page_client(User.objects.get(pk=cast.olga.pk)).get(path).status_code == status


def test_every_action_of_the_admin_that_changes_something_asks_first_and_takes_a_post() -> None:
    opens_a_page = {"pdf", "show_rates", "import_file"}
    by_link = {
        name
        for model_admin in admin.site._registry.values()
        for name in getattr(model_admin, "actions_detail", ()) or ()
        if getattr(getattr(model_admin, name), "dialog", None) is None
    }
    assert by_link == opens_a_page
