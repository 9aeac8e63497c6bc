"""Phones that watch: SUBSCRIBE, refreshes and the NOTIFYs that come of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sip.stack.dialog import Dialog
from sip.stack.message.message import Request, Response
from sip.stack.message.subscription_state import SubscriptionState
from tests.sip.controller.network import Network, Sent
from tests.sip.controller.phone import Phone


@dataclass
class Watch:
    """One subscription as the phone sees it."""

    network: Network
    phone: Phone
    event: str
    dialog: Dialog
    response: Response

    @property
    def notifies(self) -> list[Request]:
        """Every NOTIFY of this dialog that arrived, in order."""
        mine = (self.dialog.call_id, self.dialog.local_tag)
        found = [request for request in self.phone.requests if request.method == "NOTIFY"]
        return [request for request in found if (request.call_id, request.to_tag) == mine]

    @property
    def states(self) -> list[SubscriptionState]:
        """Subscription-State of each."""
        return [state_of(request) for request in self.notifies]

    @property
    def bodies(self) -> list[str]:
        """Body of each."""
        return [request.body.decode() for request in self.notifies]

    def refresh(self, expires_s: int, *rows: tuple[str, str], event: str = "") -> Response:
        """Send SUBSCRIBE in the dialog and return the final answer."""
        headers = [("Event", event or self.event), ("Expires", str(expires_s)), *rows]
        request = self.dialog.request("SUBSCRIBE", headers)
        answer = submit(self.network, self.phone, request)
        # The answer to a challenge took the next number.
        self.dialog.local_cseq = answer.cseq.number
        return answer


def state_of(notify: Request) -> SubscriptionState:
    """Return a NOTIFY's Subscription-State."""
    return SubscriptionState.parse(notify.get("Subscription-State") or "")


def submit(network: Network, phone: Phone, request: Request) -> Response:
    """Send a request, let the phone answer a challenge, and return the last answer."""
    phone._send(request)
    network.run()
    return phone.responses[-1]


def ask(
    network: Network, phone: Phone, method: str, user: str, *rows: tuple[str, str], body: bytes = b""
) -> Response:  # fmt: skip
    """Send a request outside a dialog and return the last answer."""
    request = phone._request(method, f"sip:{user}@trunkline.test", user, [phone.contact, *rows], body)
    return submit(network, phone, request)


def try_subscribe(network: Network, phone: Phone, user: str, event: str, *rows: tuple[str, str]) -> Response:
    """Send a SUBSCRIBE and return the last answer."""
    return ask(network, phone, "SUBSCRIBE", user, ("Event", event), *rows)


def subscribe(network: Network, phone: Phone, user: str, event: str, expires_s: int = 600) -> Watch:
    """Subscribe and return the subscription."""
    response = try_subscribe(network, phone, user, event, ("Expires", str(expires_s)))
    assert response.status == 200, response
    assert phone._last is not None
    return Watch(network, phone, event, Dialog.as_client(phone._last, response, phone.flow), response)


def lose_the_first(count: int, text: str) -> Callable[[Sent], bool]:
    """Return a wire that loses the first ``count`` messages of this description."""
    left = [count]

    def lose(sent: Sent) -> bool:
        if sent.text == text and left[0]:
            left[0] -= 1
            return True
        return False

    return lose
