"""Mails that tasks send, without a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from django.core import mail

from tenants.tasks import send_text_mail

Mails = Callable[[], AbstractContextManager[list[Any]]]


@pytest.fixture
def mails(django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch) -> Mails:
    """Return a context whose code's mails are sent at its end, as if it had committed."""
    monkeypatch.setattr(send_text_mail, "delay", send_text_mail)

    @contextmanager
    def sent() -> Iterator[list[Any]]:
        with django_capture_on_commit_callbacks(execute=True):
            yield mail.outbox

    return sent
