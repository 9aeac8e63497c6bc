"""The base of all our Celery tasks, and the sending of mails to users."""

from __future__ import annotations

from smtplib import SMTPException
from typing import Any

from celery import Task, shared_task
from django.core.mail import send_mail

from tenants.scope import actor_scope, system_scope

MAIL_RETRIES_MAX = 16
"""With back-off of at most ten minutes each: about two hours, the longest a mail server is restarted in passing."""


class SystemTask(Task[..., Any]):
    """A task that may see all tenants and is named in the audit by its own name."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with system_scope(), actor_scope(f"task:{self.name}", request_id=self.request.id or ""):
            return super().__call__(*args, **kwargs)


@shared_task(
    base=SystemTask, bind=True, autoretry_for=(OSError, SMTPException), retry_backoff=True, max_retries=MAIL_RETRIES_MAX
)
def send_text_mail(self: SystemTask, recipient: str, subject: str, text: str) -> None:
    """Send one plain-text mail; a mail server that is away is tried again for about two hours."""
    send_mail(subject, text, None, [recipient])
