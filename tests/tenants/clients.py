"""Clients of the API and of the pages, in the name of somebody of the cast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.test import Client
from rest_framework.test import APIClient

from tenants.choices import Role
from tenants.models import ApiKey, Tenant, User
from tenants.services import create_api_key


class KeyClient(APIClient):
    """A program with its key."""

    def __init__(self, key: ApiKey, text: str) -> None:
        super().__init__(HTTP_AUTHORIZATION=f"Bearer {text}")
        self.api_key = key


def api_client(tenant: Tenant, role: Role | str, scopes: Sequence[str] = ("*",)) -> KeyClient:
    """Return a client with a fresh API key."""
    return KeyClient(*create_api_key(tenant=tenant, name="test", role=role, scopes=scopes))


def page_client(user: User) -> Client:
    """Return a browser that is logged in as ``user``."""
    client = Client()
    client.force_login(user)
    return client


def fields_of(response: Any) -> set[str]:
    """Return the fields that a problem names."""
    return {error["field"] for error in response.json()["errors"]}
