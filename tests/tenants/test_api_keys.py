"""API keys: what opens the API, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tenants import limits
from tenants.choices import Role
from tenants.models import ApiKey, AuditEntry, Tenant
from tenants.scope import current_tenant_ids, tenant_scope
from tenants.services import create_api_key, hash_api_key, revoke_api_key
from tests.cast import Cast
from tests.tenants.clients import api_client, fields_of


def _status(text: str) -> tuple[int, str]:
    with tenant_scope(()):
        response = APIClient(HTTP_AUTHORIZATION=f"Bearer {text}").get("/api/v1/users/")
    return response.status_code, response.json().get("type", "")


def test_a_fresh_key_opens_the_api_and_its_secret_is_stored_only_as_a_hash(cast: Cast) -> None:
    key, text = create_api_key(tenant=cast.alice, name="export", role=Role.TENANT_ADMIN)
    assert _status(text) == (200, "")
    assert text.startswith(f"tk_{key.prefix}_")
    assert key.key_hash == hash_api_key(text)
    assert text.removeprefix(f"tk_{key.prefix}_") not in str(AuditEntry.objects.values_list("after", flat=True))


@pytest.mark.parametrize(
    "text",
    ["tk_00000000_nothing", "tk_", "nonsense", "tk_" + "x" * 200, "tk_\x00_x", "tk_é_x", ""],
)
def test_a_text_that_is_no_key_is_refused_with_401(cast: Cast, text: str) -> None:
    assert _status(text) == (401, "urn:trunkline:problem:key_invalid")


def test_the_right_prefix_with_a_wrong_secret_is_refused(cast: Cast) -> None:
    _, text = create_api_key(tenant=cast.alice, name="export", role=Role.TENANT_ADMIN)
    assert _status(text[:-1] + ("a" if text[-1] != "a" else "b")) == (401, "urn:trunkline:problem:key_invalid")


def test_a_revoked_key_is_refused_at_once(cast: Cast) -> None:
    key, text = create_api_key(tenant=cast.alice, name="export", role=Role.TENANT_ADMIN)
    revoke_api_key(key)
    assert _status(text) == (401, "urn:trunkline:problem:key_revoked")


def test_a_key_is_refused_from_the_moment_it_expires(cast: Cast) -> None:
    key, text = create_api_key(
        tenant=cast.alice, name="export", role=Role.TENANT_ADMIN, expires_at=timezone.now() + timedelta(hours=1)
    )
    assert _status(text)[0] == 200
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())
    assert _status(text) == (401, "urn:trunkline:problem:key_expired")


def test_a_key_of_a_tenant_that_is_switched_off_is_refused(cast: Cast) -> None:
    _, text = create_api_key(tenant=cast.alice, name="export", role=Role.TENANT_ADMIN)
    Tenant.objects.filter(pk=cast.alice.pk).update(is_active=False)
    assert _status(text) == (401, "urn:trunkline:problem:tenant_inactive")


def test_guessing_keys_from_one_address_ends_in_429_even_for_the_right_key(cast: Cast) -> None:
    _, text = create_api_key(tenant=cast.alice, name="export", role=Role.TENANT_ADMIN)
    assert [_status("tk_bad_x")[0] for _ in range(limits.API_REFUSED_PER_MINUTE)] == [
        401
    ] * limits.API_REFUSED_PER_MINUTE
    assert _status("tk_bad_x")[0] == 429
    assert _status(text)[0] == 429


def test_the_use_of_a_key_is_noted_at_most_once_a_minute_and_not_audited(cast: Cast) -> None:
    client = api_client(cast.alice, Role.TENANT_ADMIN)
    client.get("/api/v1/users/")
    first = ApiKey.objects.get(pk=client.api_key.pk).last_used_at
    client.get("/api/v1/users/")
    assert ApiKey.objects.get(pk=client.api_key.pk).last_used_at == first
    assert AuditEntry.objects.about("tenants_apikey", [client.api_key.pk]).filter(action="update").count() == 0


def test_the_scope_of_a_key_is_left_when_the_request_ends(cast: Cast) -> None:
    client = api_client(cast.alice, Role.TENANT_ADMIN)
    with tenant_scope(()):
        assert client.get("/api/v1/users/").status_code == 200
        assert current_tenant_ids() == frozenset()
        assert Tenant.objects.count() == 0


def test_the_secret_is_in_the_answer_to_post_and_nowhere_else(cast: Cast) -> None:
    client = api_client(cast.alice, Role.TENANT_ADMIN)
    made = client.post("/api/v1/api-keys/", {"name": "pbx", "role": "tenant_user", "scopes": ["users:read"]})
    assert made.status_code == 201
    text = made.json()["key"]
    shown = client.get(f"/api/v1/api-keys/{made.json()['id']}/")
    assert "key" not in shown.json()
    assert shown.json()["prefix"] == text.split("_")[1]
    assert client.delete(f"/api/v1/api-keys/{made.json()['id']}/").status_code == 204
    assert _status(text) == (401, "urn:trunkline:problem:key_revoked")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "tenant_user"}, "name"),
        ({"name": "x", "role": "operator_admin"}, "role"),
        ({"name": "x", "role": "nobody"}, "role"),
        ({"name": "x", "role": "tenant_user", "scopes": ["calls:fly"]}, "scopes"),
        ({"name": "x", "role": "tenant_user", "scopes": ["cals:read"]}, "scopes"),
        ({"name": "x", "role": "tenant_user", "scopes": []}, "scopes"),
        ({"name": "x", "role": "tenant_user", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x" * 81, "role": "tenant_user"}, "name"),
        ({"name": "x", "role": "tenant_user", "tennant": 1}, "tennant"),
    ],
)
def test_a_wrong_key_is_refused_with_its_field(cast: Cast, body: dict[str, object], field: str) -> None:
    response = api_client(cast.alice, Role.TENANT_ADMIN).post("/api/v1/api-keys/", body)
    assert (response.status_code, fields_of(response)) == (400, {field})


def test_a_key_made_without_a_role_gets_the_least_that_can_call(cast: Cast, db: None) -> None:
    response = api_client(cast.alice, Role.TENANT_ADMIN).post("/api/v1/api-keys/", {"name": "pbx"})
    assert response.status_code == 201
    assert response.json()["role"] == "tenant_user"


def test_a_key_cannot_make_a_key_with_more_scopes_than_its_own(cast: Cast) -> None:
    client = api_client(cast.alice, Role.TENANT_ADMIN, scopes=["api-keys:write"])
    wide = client.post("/api/v1/api-keys/", {"name": "x", "role": "tenant_admin", "scopes": ["*"]})
    assert (wide.status_code, fields_of(wide)) == (400, {"scopes"})
    same = client.post("/api/v1/api-keys/", {"name": "x", "role": "tenant_admin", "scopes": ["api-keys:write"]})
    assert same.status_code == 201


def test_a_scope_of_reading_does_not_write_and_one_of_another_resource_does_not_read(cast: Cast) -> None:
    reader = api_client(cast.alice, Role.TENANT_ADMIN, scopes=["users:read"])
    assert reader.get("/api/v1/users/").status_code == 200
    refused = reader.post("/api/v1/users/", {"email": "x@alice.example", "role": "tenant_user"})
    assert refused.status_code == 403
    assert "users:write" in refused.json()["detail"]
    assert reader.get("/api/v1/api-keys/").status_code == 403
