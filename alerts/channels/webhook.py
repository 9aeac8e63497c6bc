"""Programs, by a signed POST."""

from __future__ import annotations

import json
import time

import httpx
from celery.exceptions import SoftTimeLimitExceeded

from alerts.errors import ChannelError
from alerts.limits import (
    ATTEMPTS_MAX,
    CONNECT_TIMEOUT_S,
    DELIVERY_S_MAX,
    READ_TIMEOUT_S,
    RESPONSE_BYTES_MAX,
)
from alerts.models import Delivery, Event
from alerts.receivers import UnsafeUrl, public_address
from alerts.signing import SIGNATURE_HEADER, secret_of, sign

_TIMEOUT = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
_GONE = 410
"""The receiver's way to say: never again (RFC 9110 §15.5.11)."""


def body_of(event: Event) -> bytes:
    """Return the event as a webhook's body; the same bytes at every attempt."""
    value = {
        "id": event.pk,
        "kind": event.kind,
        "tenant_id": event.tenant_id,
        "subject": event.subject,
        "severity": event.severity,
        "created_at": event.created_at.isoformat(),
        "data": {key: item for key, item in event.payload.items() if key != "admin_url"},
    }
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class WebhookChannel:
    """Posts to the endpoint's address; any 2xx is an arrival, redirects are not followed."""

    attempts_max = ATTEMPTS_MAX

    def deliver(self, delivery: Delivery) -> None:
        """Post the event, to an address that was looked up and checked just now."""
        endpoint = delivery.endpoint
        if endpoint is None or not endpoint.is_active:
            raise ChannelError("the endpoint was removed or switched off", permanent=True)
        body = body_of(delivery.event)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Trunkline-Webhook/1",
            "Trunkline-Event": delivery.event.kind,
            "Trunkline-Delivery": str(delivery.pk),
            SIGNATURE_HEADER: sign(secret_of(endpoint.salt), body, int(time.time())),
        }
        try:
            status, answer = _post(endpoint.url, body, headers)
        except UnsafeUrl as error:
            raise ChannelError(str(error), permanent=error.permanent) from error
        except SoftTimeLimitExceeded as error:
            raise ChannelError(f"not done in {DELIVERY_S_MAX} s", permanent=False) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ChannelError(f"{type(error).__name__}: {error}", permanent=False) from error
        if not 200 <= status < 300:
            raise ChannelError(f"HTTP {status}", permanent=status == _GONE, status=status, response=answer)


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """Return the status and the beginning of the answer.

    The connection goes to the checked address itself, so that a second look-up cannot lead elsewhere; the name is
    kept for the Host header and the certificate.
    """
    wanted = httpx.URL(url)
    host = wanted.raw_host.decode("ascii")
    address = public_address(host, wanted.port or (443 if wanted.scheme == "https" else 80))
    started = time.monotonic()
    with (
        httpx.Client(timeout=_TIMEOUT, trust_env=False, follow_redirects=False) as client,
        client.stream(
            "POST",
            wanted.copy_with(host=address),
            content=body,
            headers={**headers, "Host": wanted.netloc.decode("ascii")},
            extensions={"sni_hostname": host},
        ) as response,
    ):
        answer = b""
        for chunk in response.iter_raw():
            answer += chunk
            if len(answer) >= RESPONSE_BYTES_MAX or time.monotonic() - started > DELIVERY_S_MAX:
                break
        return response.status_code, answer[:RESPONSE_BYTES_MAX].decode("utf-8", "replace").replace("\x00", "")
