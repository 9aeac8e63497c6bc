"""A call and its parts as plain state: legs, attempts, branches. What happens to them is in the modules beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from sip.cdr.record import AttemptRecord, EndedBy
from sip.controller.calls.states import State
from sip.controller.events.subscription import Subscription
from sip.controller.location import Binding
from sip.controller.outbound.login import TrunkLogin
from sip.controller.policy import Authorisation, CallOffer, RoutePlan, Target
from sip.controller.registration.instance import Instance
from sip.controller.timers import Timer
from sip.stack.dialog import Dialog
from sip.stack.flow import Flow
from sip.stack.locating.records import Hop
from sip.stack.message.message import Headers, Request, Response
from sip.stack.message.rack import RAck
from sip.stack.message.uri import Uri
from sip.stack.reliable import ReliableState
from sip.stack.session import SessionState
from sip.stack.transaction.base import ClientTransaction, ServerTransaction


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended, for the parties and for the record."""

    status: int
    """Final status for the caller's INVITE; 200 when the call was answered."""
    reason: str
    """Reason phrase; "" for the usual one."""
    cause: int
    ended_by: EndedBy
    a_cause: int
    b_cause: int
    code: str = ""
    fraud_rule_id: int | None = None
    retry_after_s: int | None = None


@dataclass(slots=True, eq=False)
class Branch:
    """One INVITE of ours to one contact or trunk."""

    call: Call
    attempt: Attempt
    request: Request
    flow: Flow
    a_tag: str
    """Our tag towards the caller in the dialog that mirrors this branch: forks stay apart for the caller too."""
    tx: ClientTransaction | None = None
    """Gone once it has nothing more to tell."""
    heard: bool = False
    """Any response has come."""
    ringing: bool = False
    final: int = 0
    """Final status, 0 while there is none."""
    reason: str = ""
    cause: int = 0
    abandoned: bool = False
    """Cancelled or passed over; a 2xx that still comes is acknowledged and hung up."""
    answers: int = 0
    """Challenges of the carrier's that were answered."""
    login: TrunkLogin | None = None
    redirect: tuple[Uri, ...] = ()
    """What a 3xx named and nobody has looked at yet."""
    intervals_tried: int = 0
    """INVITEs sent with a longer session interval."""
    leg: Leg | None = None
    """Set with the first 2xx, also of a branch that lost."""
    failed: bool = False
    """No final response came: silence, or a transport that broke."""
    spare: list[Binding] = field(default_factory=list)
    """Other flows to the same phone (RFC 5626), to be tried when this one has failed."""
    earlies: list[Early] = field(default_factory=list)
    cseq_used: int = 0
    """Highest number of a request of ours in a dialog of this branch that is not kept: PRACKs take numbers too."""
    is_100rel_offered: bool = False


@dataclass(slots=True, eq=False)
class Provisional:
    """A provisional response for the caller that is to be sent reliably."""

    status: int
    headers: Headers
    body: bytes
    rack: RAck | None
    """What our PRACK to the callee says, where that waits for the caller's; ``None`` for no PRACK."""


@dataclass(slots=True, eq=False)
class Reliable:
    """Reliable provisional responses towards the caller in one early dialog (RFC 3262 §3)."""

    number: int
    """RSeq of the latest sent, at first that before the first."""
    state: ReliableState = ReliableState.IDLE
    waiting: Provisional | None = None
    """Sent, without PRACK yet."""
    response: Response | None = None
    """``waiting`` as it was sent."""
    queue: list[Provisional] = field(default_factory=list)
    interval_s: float = 0.0
    repeat_timer: Timer | None = None
    expiry_timer: Timer | None = None


@dataclass(slots=True, eq=False)
class Early:
    """An early dialog with a callee's phone and its mirror towards the caller; legs are made when they are needed."""

    branch: Branch
    a_tag: str
    """Our tag towards the caller."""
    b_tag: str
    """The phone's tag, "" while it has given none."""
    response: Response
    """The provisional response that opened it."""
    a_leg: Leg | None = None
    b_leg: Leg | None = None
    seen: int = 0
    """RSeq of the callee's latest reliable response that was in order, 0 before the first."""
    reliable: Reliable | None = None
    answer: Response | None = None
    """Carried the session description the callee gave reliably: a caller who gets none reliably finds it in its 200."""


@dataclass(slots=True, eq=False)
class Prack:
    """Our PRACK under way in an early dialog with a callee, on nobody's behalf."""

    leg: Leg
    answers: int = 0


@dataclass(slots=True, eq=False)
class Attempt:
    """One target being tried."""

    number: int
    target: Target
    started_at: float
    branches: list[Branch] = field(default_factory=list)
    rounds: list[list[list[Binding]]] = field(default_factory=list)
    """Contacts of a line that ring only when those before them did not answer; see ``forks``."""
    ringing_at: float | None = None
    trunk_silent: Timer | None = None
    ring_timer: Timer | None = None
    ring_s: float = 0.0
    """How long each round rings."""
    timed_out: bool = False
    closed: bool = False
    """Its record is written."""
    release: Callable[[], None] | None = None
    """Gives the target's place among its line's or trunk's calls back."""
    uri: Uri | None = None
    """What is called at a trunk, when it is not the number at its host."""
    uris: list[Uri] = field(default_factory=list)
    """Further URIs of the number (ENUM), to be tried when this one fails."""
    hop: Hop | None = None
    """The server being tried."""
    hops: list[Hop] = field(default_factory=list)
    """Further servers, to be tried when this one fails (RFC 3263 §4.3)."""


@dataclass(slots=True, eq=False)
class Relay:
    """One request inside a dialog that is being passed on to the other leg."""

    source: Leg
    target: Leg
    request: Request
    server: ServerTransaction | None
    """Gone, like ``client``, once the source has its final response."""
    client: ClientTransaction | None = None
    answers: int = 0
    asked_longer: bool = False
    """It was sent again with the session interval of a 422."""
    answered: bool = False
    """The source has its final response."""
    ack: Request | None = None
    """Our ACK to the target's 2xx."""
    rows: tuple[tuple[str, str], ...] = ()
    """Rows of the target's own leg that the method needs (RAck)."""


@dataclass(slots=True, eq=False)
class Goodbye:
    """Our BYE under way in a dialog."""

    leg: Leg
    rerouted: bool = False
    """It was sent again to the other servers of a next hop that has a name."""
    answers: int = 0


@dataclass(slots=True, eq=False)
class Probe:
    """Our OPTIONS under way in a dialog: is the party still there?"""

    leg: Leg


@dataclass(slots=True, eq=False)
class Session:
    """The session timer of a dialog (RFC 4028)."""

    interval_s: int
    min_s: int = 0
    """Largest Min-SE the party has named, 0 for none."""
    by_update: bool = False
    """The party takes UPDATE: then that is how we refresh."""
    state: SessionState = SessionState.OFF
    expires_at: float = 0.0
    """Monotonic."""
    timer: Timer | None = None
    tries: int = 0
    """Refreshes refused since the last that was not."""


@dataclass(slots=True, eq=False)
class Refresh:
    """Our UPDATE or re-INVITE under way that keeps a session alive."""

    leg: Leg
    answers: int = 0
    ack: Request | None = None


class BridgeState(Enum):
    """How far two parties are on the way to each other."""

    ASKING = auto()
    """The first is asked for an offer."""
    OFFERING = auto()
    """The second has the first's offer."""
    JOINED = auto()
    BROKEN = auto()


@dataclass(slots=True, eq=False)
class Bridge:
    """Two parties of different calls being joined by re-INVITEs of ours (RFC 3725 §4)."""

    first: Leg
    """Gives the offer."""
    second: Leg
    """Answers it."""
    done: Callable[[bool], None]
    """Told once whether it came about."""
    state: BridgeState = BridgeState.ASKING
    offer: bytes = b""
    offer_rows: Headers = field(default_factory=list)
    tries: int = 0
    timer: Timer | None = None
    first_ack: Request | None = None
    second_ack: Request | None = None
    answers: int = 0
    """Challenges answered of the one whose turn it is."""
    invite: tuple[ServerTransaction, Request] | None = None
    """The first's own INVITE, where that brought the offer: it is answered 200 in place of an ACK."""


@dataclass(slots=True, eq=False)
class Transfer:
    """A party is being handed over by a REFER of the other one."""

    referrer: Leg
    stays: Leg
    """Who is to talk to somebody else."""
    reference: Subscription | None
    """Hears how it goes; ``None`` when the REFER wanted no subscription (RFC 4488)."""
    tell: Callable[[Call, int], None]
    """Told each status of the new call: provisional, 200 when it is up, or how it failed."""
    call: Call | None = None
    """The new call, as long as it is being made."""


@dataclass(slots=True, eq=False)
class Leg:
    """One dialog of a call, confirmed or early."""

    call: Call
    is_a: bool
    dialog: Dialog
    flow: Flow
    """Where its requests go."""
    other: Leg | None = None
    acked: bool = False
    """A leg: our 2xx has been acknowledged; B leg: we have acknowledged theirs."""
    ack: Request | None = None
    """The last ACK we sent, to be repeated with a repeated 2xx."""
    is_early: bool = False
    open_rseq: int = 0
    """RSeq of a reliable response whose PRACK had not come when the 2xx was sent (RFC 3262 §3), 0 for none."""
    bye_sent: bool = False
    bye_reason: int | None = None
    """A BYE with this cause waits for the ACK (RFC 3261 §15: not before)."""
    gone: bool = False
    """The party hung up or answered that it knows no such dialog."""
    relay: Relay | None = None
    """re-INVITE or UPDATE that came from this leg and is under way."""
    own: Refresh | Bridge | None = None
    """Whose re-INVITE of ours is under way in this dialog."""
    transfer: Transfer | None = None
    """A REFER of this party is being followed."""
    is_left: bool = False
    """The party has handed the other one over: its BYE ends nothing but its own dialog."""
    session: Session | None = None
    login: TrunkLogin | None = None
    """What the carrier asked of us in this dialog."""
    sdp: bytes = b""
    """Session description we sent last; a refresh by re-INVITE repeats it."""
    behind_nat: bool = False
    """The party's own idea of its address is worth nothing: it is reached the way it came."""

    @property
    def is_timed(self) -> bool:
        """Tell whether a session timer watches over the leg."""
        return self.session is not None and self.session.state is not SessionState.OFF


@dataclass(slots=True, eq=False)
class Call:
    """One call from the caller's INVITE to its record."""

    offer: CallOffer
    sip_call_id: str
    from_tag: str
    user_agent: str
    started_now: float
    """Monotonic; ``offer.received_at`` is the same instant on the wall clock."""
    request: Request | None = None
    """The caller's INVITE; gone once the call is up."""
    tx: ServerTransaction | None = None
    flow: Flow | None = None
    tag: str = ""
    """Our tag towards the caller where no branch has given one."""
    reliability: int = 0
    """Whether the caller takes provisional responses reliably (RFC 3262): 0 no, 1 it can, 2 it must."""
    plan: RoutePlan | None = None
    authorisation: Authorisation | None = None
    authorising: bool = False
    """The business has not answered yet."""
    state: State = State.AUTHORISING
    outcome: Outcome | None = None
    next_target: int = 0
    attempt: Attempt | None = None
    attempts: list[AttemptRecord] = field(default_factory=list)
    last_failure: Outcome | None = None
    """How the latest attempt failed: the caller's answer when nothing better comes."""
    winner: Branch | None = None
    answer: Response | None = None
    """The 2xx for the caller."""
    a_leg: Leg | None = None
    b_leg: Leg | None = None
    ringing_at: float | None = None
    pdd_s: float | None = None
    answered_at: float | None = None
    answered_now: float = 0.0
    limit_s: float = 0.0
    """Longest talk time, from the answer."""
    ended_at: float | None = None
    duration_s: float = 0.0
    answer_waits: bool = False
    """The 2xx waits for the PRACK of a session description (RFC 3262 §3)."""
    crossed: bool = False
    """CANCEL came while the 200 was on its way."""
    left_tag: str = ""
    """Our tag in the early dialog that the caller ended with BYE: should it be answered, nobody is there any more."""
    closing: list[tuple[ServerTransaction, Request]] = field(default_factory=list)
    """BYEs whose answer waits for the end record; both parties' when they cross."""
    restored: bool = False
    """Taken up after a restart: whether the caller's ACK came before it is unknown."""
    instance: Instance | None = None
    """The one phone that is meant (RFC 5627)."""
    is_secure: bool = False
    """Asked for by a ``sips:`` URI: every hop of it is TLS, and our Contact says so (RFC 5630)."""
    timer: Timer | None = None
    """The one that fits the state: authorise, cancel, journal, crossed."""
    limit_timer: Timer | None = None
    probe_timer: Timer | None = None
    earlies: list[Early] = field(default_factory=list)
    """Of all targets, until the caller has its final response."""
    early_keys: list[tuple[str, str, str]] = field(default_factory=list)
    is_picked_up: bool = False
    """Answered by a phone with an offer of its own: both are asked anew once the caller's ACK is there."""
    transfer: Transfer | None = None
    """The REFER this call is made for: its caller is a party of another call."""
    group: list[Call] | None = None
    """Calls joined by transfers, this one among them: they end together."""
    release: Callable[[], None] | None = None
    """Gives the caller's place among its line's or trunk's calls back."""
    number_params: str = ""
    """What ENUM said of porting, as parameters of the number: ``;npdi;rn=…`` (RFC 4694)."""
    redirects: list[str] = field(default_factory=list)
    """Who redirected this call and where to: the same again is a loop."""
    diversion: str = ""
    """Diversion row (RFC 5806) for the carrier: the line that sent the call on."""
    settled: bool = False
    """The business knows that the call is over."""
    recorded: bool = False
    """The end record has been given to the journal."""

    @property
    def call_id(self) -> str:
        """The platform's own id of the call."""
        return self.offer.call_id

    def has_left(self, is_caller: bool) -> bool:
        """Tell whether a side's line has handed the other party over: the call goes on without it."""
        leg = self.a_leg if is_caller else self.b_leg
        return leg.is_left if leg is not None else self.group is not None
