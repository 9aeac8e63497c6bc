"""A strict double of Stripe's HTTP API: it refuses what Stripe refuses, and its objects have all of Stripe's fields.

Parameters it does not know, missing ones, a wrong key, and an idempotency key used for another request are errors with
Stripe's own shape. ``fail_next`` makes it lose the answer after doing the work, or answer with a status.
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe

OBJECTS: dict[str, Any] = json.loads((Path(__file__).parent / "stripe_objects.json").read_text(encoding="utf-8"))
API_KEY = "sk_test_double"
WEBHOOK_SECRET = "whsec_double"

DECLINES = {
    "pm_card_chargeDeclined": "generic_decline",
    "pm_card_chargeDeclinedInsufficientFunds": "insufficient_funds",
}
GOOD = {"pm_card_visa", "pm_card_mastercard"}
INTENT_PARAMS = {"amount", "currency", "payment_method", "confirm", "return_url", "description"}
SESSION_PARAMS = {"mode", "success_url", "cancel_url", "client_reference_id"}

Params = dict[str, str]
Answer = tuple[int, dict[str, Any]]


class StripeDouble:
    """One account's state, served on an ephemeral port of 127.0.0.1."""

    def __init__(self) -> None:
        self.intents: dict[str, dict[str, Any]] = {}
        self.charges: dict[str, dict[str, Any]] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str, Params]] = []
        self.fail_next: str = ""
        """"" | "lose" (do it, then hang up) | "429" | "500" (do nothing)."""
        self._answers: dict[str, tuple[tuple[str, Params], Answer]] = {}
        self._count = 0
        handler = type("Handler", (_Handler,), {"double": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Listen."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, target: str, headers: Any, body: str) -> Answer | None:
        """Return status and object; ``None`` to hang up without an answer."""
        path = urlsplit(target).path
        params = dict(parse_qsl(body if method == "POST" else urlsplit(target).query, keep_blank_values=True))
        self.requests.append((method, path, params))
        if headers.get("Authorization") != f"Bearer {API_KEY}":
            return _error(401, "invalid_request_error", "Invalid API Key provided")
        failing, self.fail_next = self.fail_next, ""
        if failing in {"429", "500"}:
            return _error(int(failing), "api_error", "try again")
        answer = self._once(headers.get("Idempotency-Key", ""), path, params, lambda: self._route(method, path, params))
        return None if failing == "lose" else answer

    def _once(self, key: str, path: str, params: Params, work: Callable[[], Answer]) -> Answer:
        if not key:
            return work()
        if key in self._answers:
            before, answer = self._answers[key]
            if before != (path, params):
                return _error(400, "idempotency_error", "Keys for idempotent requests can only be used with the same")
            return answer
        self._answers[key] = ((path, params), work())
        return self._answers[key][1]

    def _route(self, method: str, path: str, params: Params) -> Answer:
        parts = path.strip("/").split("/")
        if method == "POST" and path == "/v1/payment_intents":
            return self._create_intent(params)
        if method == "POST" and path == "/v1/checkout/sessions":
            return self._create_session(params)
        if method == "POST" and path == "/v1/refunds":
            return self._create_refund(params)
        if method == "GET" and path == "/v1/payment_intents/search":
            return self._search(params)
        if method == "GET" and path.startswith("/v1/payment_intents/"):
            return self._found(self.intents.get(parts[-1]), params)
        if method == "GET" and path.startswith("/v1/checkout/sessions/"):
            return self._found(self.sessions.get(parts[-1]), params)
        return _error(404, "invalid_request_error", f"Unrecognized request URL ({method}: {path})")

    def _create_intent(self, params: Params) -> Answer:
        wrong = _check(params, INTENT_PARAMS, {"amount", "currency"}, ("metadata[",))
        if wrong:
            return wrong
        if params["currency"] != params["currency"].lower() or not params["amount"].isdigit():
            return _error(400, "invalid_request_error", "Invalid currency or integer", param="amount")
        if params.get("confirm") == "true" and "payment_method" not in params:
            return _error(400, "invalid_request_error", "You cannot confirm this PaymentIntent", param="payment_method")
        intent = self._new_intent(int(params["amount"]), params["currency"], _metadata(params, "metadata["))
        intent["description"] = params.get("description")
        return self._confirm(intent, params.get("payment_method", ""), params.get("return_url", ""))

    def _new_intent(self, amount: int, currency: str, metadata: dict[str, str]) -> dict[str, Any]:
        intent: dict[str, Any] = copy.deepcopy(OBJECTS["payment_intent"])
        intent |= {"id": self._id("pi"), "amount": amount, "currency": currency, "metadata": metadata}
        intent |= {"status": "requires_payment_method", "last_payment_error": None, "next_action": None}
        intent |= {"latest_charge": None, "created": int(time.time())}
        self.intents[intent["id"]] = intent
        return intent

    def _confirm(self, intent: dict[str, Any], method: str, return_url: str) -> Answer:
        if method in DECLINES:
            message = "Your card was declined."
            error = {"code": "card_declined", "decline_code": DECLINES[method]}
            intent["last_payment_error"] = {"type": "card_error", "message": message, **error}
            return _error(402, "card_error", message, payment_intent=intent, **error)
        if method == "pm_card_authenticationRequired":
            url = f"https://hooks.stripe.test/redirect/{intent['id']}"
            redirect = {"redirect_to_url": {"return_url": return_url, "url": url}, "type": "redirect_to_url"}
            intent |= {"status": "requires_action", "next_action": redirect}
            return 200, intent
        if method not in GOOD:
            return _error(400, "invalid_request_error", f"No such PaymentMethod: '{method}'", code="resource_missing")
        self.succeed(intent["id"])
        return 200, intent

    def succeed(self, intent_id: str) -> dict[str, Any]:
        """Let a payment succeed, as after the payer confirmed it."""
        intent = self.intents[intent_id]
        charge: dict[str, Any] = copy.deepcopy(OBJECTS["charge"])
        charge |= {"id": self._id("ch"), "amount": intent["amount"], "currency": intent["currency"], "paid": True}
        charge |= {"payment_intent": intent_id, "amount_refunded": 0, "metadata": dict(intent["metadata"])}
        charge["payment_method_details"] = {"type": "card", "card": {"brand": "visa", "last4": "4242"}}
        self.charges[charge["id"]] = charge
        intent |= {"status": "succeeded", "latest_charge": charge["id"], "amount_received": intent["amount"]}
        intent |= {"next_action": None, "last_payment_error": None}
        return intent

    def _create_session(self, params: Params) -> Answer:
        prefixes = ("metadata[", "payment_intent_data[", "line_items[0]")
        wrong = _check(params, SESSION_PARAMS, {"mode", "success_url"}, prefixes)
        if wrong:
            return wrong
        session = copy.deepcopy(OBJECTS["checkout.session"])
        session |= {"id": self._id("cs"), "status": "open", "payment_status": "unpaid", "payment_intent": None}
        session |= {"metadata": _metadata(params, "metadata["), "success_url": params["success_url"]}
        session |= {"amount_total": int(params["line_items[0][price_data][unit_amount]"])}
        session |= {"currency": params["line_items[0][price_data][currency]"]}
        session["url"] = f"https://checkout.stripe.test/c/pay/{session['id']}"
        session["_intent_metadata"] = _metadata(params, "payment_intent_data[metadata][")
        self.sessions[session["id"]] = session
        return 200, _public(session)

    def pay_session(self, session_id: str) -> dict[str, Any]:
        """Let the payer pay on the Checkout page; returns the PaymentIntent."""
        session = self.sessions[session_id]
        intent = self._new_intent(session["amount_total"], session["currency"], session["_intent_metadata"])
        session |= {"status": "complete", "payment_status": "paid", "payment_intent": intent["id"], "url": None}
        return self.succeed(intent["id"])

    def _create_refund(self, params: Params) -> Answer:
        wrong = _check(params, {"payment_intent", "amount"}, {"payment_intent"}, ())
        if wrong:
            return wrong
        intent = self.intents.get(params["payment_intent"])
        if intent is None:
            return _error(404, "invalid_request_error", "No such payment_intent", code="resource_missing")
        charge = self.charges.get(intent["latest_charge"] or "")
        amount = int(params.get("amount", intent["amount"]))
        if charge is None or charge["amount_refunded"] + amount > charge["amount"]:
            return _error(400, "invalid_request_error", "Refund amount is greater than unrefunded amount on charge")
        charge["amount_refunded"] += amount
        refund = copy.deepcopy(OBJECTS["refund"])
        refund |= {"id": self._id("re"), "amount": amount, "payment_intent": intent["id"], "charge": charge["id"]}
        self.refunds[refund["id"]] = refund
        return 200, refund

    def _search(self, params: Params) -> Answer:
        key, _, value = params["query"].partition("']:'")
        name, wanted = key.removeprefix("metadata['"), value.removesuffix("'")
        data = [intent for intent in self.intents.values() if intent["metadata"].get(name) == wanted]
        return 200, {"object": "search_result", "data": data, "has_more": False, "url": "/v1/payment_intents/search"}

    def _found(self, found: dict[str, Any] | None, params: Params) -> Answer:
        if found is None:
            return _error(404, "invalid_request_error", "No such object", code="resource_missing")
        shown = copy.deepcopy(_public(found))
        expand = {value for name, value in params.items() if name.startswith("expand[")}
        if shown.get("payment_intent") and "payment_intent.latest_charge" in expand:
            shown["payment_intent"] = copy.deepcopy(self.intents[shown["payment_intent"]])
            shown["payment_intent"]["latest_charge"] = self.charges.get(shown["payment_intent"]["latest_charge"])
        if "latest_charge" in expand and shown.get("latest_charge"):
            shown["latest_charge"] = self.charges[shown["latest_charge"]]
        return 200, shown

    def event(self, kind: str, found: dict[str, Any], event_id: str = "") -> tuple[bytes, str]:
        """Return a webhook's body and its ``Stripe-Signature`` header, made by Stripe's own library."""
        event = copy.deepcopy(OBJECTS["event"])
        event |= {"id": event_id or self._id("evt"), "type": kind, "api_version": stripe.api_version}
        event["data"] = {"object": _public(found)}
        body = json.dumps(event)
        header = stripe.WebhookSignature.generate_signature_header(payload=body, secret=WEBHOOK_SECRET)
        return body.encode(), header

    def _id(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}_double{self._count:06d}"


class _Handler(BaseHTTPRequestHandler):
    double: StripeDouble
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve("GET", "")

    def do_POST(self) -> None:
        self._serve("POST", self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

    def _serve(self, method: str, body: str) -> None:
        answer = self.double.answer(method, self.path, self.headers, body)
        if answer is None:
            self.close_connection = True
            return
        status, found = answer
        data = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _check(params: Params, known: set[str], required: set[str], prefixes: tuple[str, ...]) -> Answer | None:
    for name in params:
        if name not in known and not name.startswith(prefixes):
            return _error(400, "invalid_request_error", f"Received unknown parameter: {name}", param=name)
    for name in sorted(required - params.keys()):
        return _error(400, "invalid_request_error", f"Missing required param: {name}.", param=name)
    return None


def _metadata(params: Params, prefix: str) -> dict[str, str]:
    return {name[len(prefix) : -1]: value for name, value in params.items() if name.startswith(prefix)}


def _public(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if not name.startswith("_")}


def _error(status: int, kind: str, message: str, **more: Any) -> Answer:
    return status, {"error": {"type": kind, "message": message, **more}}
