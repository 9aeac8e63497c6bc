"""Where payment providers tell us what happened."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.gateways.base import BadSignature, GatewayError
from billing.gateways.registry import gateway_of
from billing.limits import WEBHOOK_BYTES_MAX
from billing.services.payments import take_notice
from tenants.errors import Conflict, DomainError

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def payment_webhook(request: HttpRequest, gateway: str) -> HttpResponse:
    """Take an event: 200 when it is taken or was before, 400 for a bad signature or body, 404 for no such provider.

    A trouble of ours is a 503, after which the provider sends it again.
    """
    try:
        provider = gateway_of(gateway)
    except DomainError:
        return JsonResponse({"detail": "no such payment provider"}, status=404)
    if int(request.headers.get("Content-Length") or 0) > WEBHOOK_BYTES_MAX:
        return JsonResponse({"detail": "too long"}, status=413)
    try:
        # The raw body: what was signed, before anything has parsed and written it anew.
        notice = provider.read_notice(request.body, request.headers)
    except (BadSignature, ValueError) as error:
        logger.warning("webhook of %s refused: %s", gateway, error)
        return JsonResponse({"detail": "bad signature or body"}, status=400)
    except GatewayError as error:
        logger.warning("webhook of %s: %s", gateway, error)
        return JsonResponse({"detail": "try again"}, status=503)
    try:
        is_new = take_notice(gateway, notice)
    except Conflict as error:
        logger.error("webhook of %s, event %s: %s", gateway, notice.event_id, error)
        return JsonResponse({"detail": str(error)}, status=409)
    return JsonResponse({"received": True, "new": is_new})
