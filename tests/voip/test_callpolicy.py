"""What the business answers the switch, from a snapshot made by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from billing.decks import CompiledDeck
from billing.holds import HoldRequest
from billing.rating import Rate
from billing.snapshot import AccountEntry
from dids.snapshot import DidEntry
from fraud.screening import RuleEntry, Screener
from sip.cdr.record import CallRecord
from sip.controller.directory import Directory, LineEntry, RouteEntry, TrunkEntry
from sip.controller.policy import Authorisation, CallOffer, Refusal, RoutePlan, Target
from voip.callpolicy import BusinessPolicy
from voip.node.holds import Done
from voip.node.limits import CALL_TALK_S_MAX, HOLD_TALK_S
from voip.node.snapshot import Snapshot, TenantEntry

OPERATOR, ALICE, BOB = 1, 2, 3
RATE = Rate("44", "United Kingdom", 60_000_000, first_s=60, next_s=6)


@dataclass
class Desk:
    """A desk for holds that notes what is asked and answers when told."""

    asked: list[tuple[str, HoldRequest]] = field(default_factory=list)
    waiting: list[Done] = field(default_factory=list)

    def place(self, request: HoldRequest, done: Done) -> None:
        self.asked.append(("place", request))
        self.waiting.append(done)

    def extend(self, request: HoldRequest, done: Done) -> None:
        self.asked.append(("extend", request))
        self.waiting.append(done)


def line(line_id: int, tenant_id: int, extension: str, number: str, *, is_active: bool = True) -> LineEntry:
    name = f"line{line_id}"
    return LineEntry(line_id, tenant_id, name, extension, "", "", name, number, is_active, 5, 5, "US")


LINES = (
    line(10, ALICE, "100", "+12125550110"),
    line(11, ALICE, "101", "+12125550111"),
    line(12, ALICE, "102", "+12125550112", is_active=False),
    line(20, BOB, "100", "+12125550120"),
)
TRUNKS = tuple(
    TrunkEntry(
        trunk_id, OPERATOR, f"trunk{trunk_id}", f"192.0.2.{trunk_id}", 5060, "UDP", (), 100, active, "US", "", ""
    )
    for trunk_id, active in ((50, True), (51, True), (52, False))
)
ROUTES = (
    RouteEntry(1, OPERATOR, "", 50, 100),
    RouteEntry(2, OPERATOR, "44", 51, 20),
    RouteEntry(3, OPERATOR, "44", 52, 10),
    RouteEntry(4, BOB, "4420", 50, 1),
)
SNAPSHOT = Snapshot(
    tenants={
        OPERATOR: TenantEntry(OPERATOR, (), "US", True),
        ALICE: TenantEntry(ALICE, (OPERATOR,), "US", True),
        BOB: TenantEntry(BOB, (OPERATOR,), "US", True),
    },
    lines=LINES,
    trunks=TRUNKS,
    routes=ROUTES,
    dids={
        "+12125550199": DidEntry("+12125550199", ALICE, 10, "assigned"),
        "+12125550198": DidEntry("+12125550198", OPERATOR, None, "available"),
    },
    accounts={70: AccountEntry(70, ALICE, "USD", "prepaid", 80, True)},
    decks={80: CompiledDeck.compile([RATE, Rate("1", "United States", 0)], deck_id=80, currency="USD")},
    rules=(RuleEntry(90, None, "barred_destination", prefixes=("4499",)),),
)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def policy(desk: Desk) -> BusinessPolicy:
    made = BusinessPolicy(desk, Screener(), lambda: 1000.0)  # type: ignore[arg-type]
    made.use(SNAPSHOT, Directory(LINES, TRUNKS, ROUTES))
    return made


def offer(dialled: str, line_id: int | None = 10, call_id: str = "c1") -> CallOffer:
    tenant_id = {10: ALICE, 11: ALICE, 20: BOB}.get(line_id or 0, OPERATOR)
    trunk_id = None if line_id is not None else 50
    return CallOffer(call_id, tenant_id, line_id, trunk_id, "+12125550110", dialled, "192.0.2.99:5060", 0.0)


def plan_of(policy: BusinessPolicy, asked: CallOffer) -> RoutePlan:
    plan = policy.route(asked)
    assert isinstance(plan, RoutePlan), plan
    return plan


def code_of(answer: object) -> tuple[int, str]:
    assert isinstance(answer, Refusal), answer
    return answer.status, answer.code


def test_an_extension_leads_to_the_tenants_own_line_and_is_free(policy: BusinessPolicy, desk: Desk) -> None:
    plan = plan_of(policy, offer("101"))
    assert plan.targets == (Target("line", 11, "101", "100", "line10"),)
    assert (plan.tenant_id, plan.direction, plan.destination) == (ALICE, "internal", "")
    answers: list[Authorisation | Refusal] = []
    policy.authorise(offer("101"), plan, answers.append)
    assert answers == [Authorisation(CALL_TALK_S_MAX)]
    assert desk.asked == []


def test_another_tenants_extension_is_not_reached(policy: BusinessPolicy) -> None:
    plan = plan_of(policy, offer("100", line_id=20))
    assert plan.targets[0].id == 20
    assert code_of(policy.route(offer("101", line_id=20))) == (404, "route.unknown_number")


def test_a_line_that_is_switched_off_is_not_called(policy: BusinessPolicy) -> None:
    assert code_of(policy.route(offer("102"))) == (480, "route.line_inactive")


def test_an_outside_number_takes_the_longest_prefix_that_may_be_used_and_falls_back(policy: BusinessPolicy) -> None:
    plan = plan_of(policy, offer("011442079460000"))
    assert [target.id for target in plan.targets] == [51, 50]
    assert plan.targets[0].called == plan.destination == "+442079460000"
    assert (plan.direction, plan.account_id) == ("outbound", 70)


def test_a_number_of_the_platform_stays_on_it_and_is_free(policy: BusinessPolicy) -> None:
    plan = plan_of(policy, offer("+12125550199", line_id=20))
    assert [(target.kind, target.id) for target in plan.targets] == [("line", 10)]
    assert (plan.tenant_id, plan.destination) == (BOB, "")


def test_a_call_from_a_trunk_reaches_the_numbers_line_and_never_another_trunk(policy: BusinessPolicy) -> None:
    plan = plan_of(policy, offer("+12125550199", line_id=None))
    assert (plan.tenant_id, plan.direction) == (ALICE, "inbound")
    assert [(target.kind, target.id) for target in plan.targets] == [("line", 10)]
    assert code_of(policy.route(offer("+442079460000", line_id=None))) == (404, "route.unknown_number")
    assert code_of(policy.route(offer("+12125550198", line_id=None))) == (404, "route.unknown_number")


def test_a_message_finds_the_lines_a_call_would_ring_and_no_trunk(policy: BusinessPolicy) -> None:
    assert policy.line_of(offer("101")) == Target("line", 11, "101", "100", "line10")
    found = policy.line_of(offer("+12125550199", line_id=20))
    assert found == Target("line", 10, "+12125550199", "+12125550110", "line20")
    assert isinstance(policy.line_of(offer("+12125550199", line_id=None)), Target)
    assert code_of(policy.line_of(offer("102"))) == (480, "route.line_inactive")
    for dialled in ("101", "+442079460000", "911", "x", "+12125550198"):
        assert code_of(policy.line_of(offer(dialled, line_id=20))) == (404, "route.unknown_number")


def test_a_message_counts_no_call_and_a_switched_off_tenant_sends_none(policy: BusinessPolicy) -> None:
    assert code_of(policy.line_of(offer("+442079460000"))) == (404, "route.unknown_number")
    assert policy._screener._calls == {}
    tenants = {**SNAPSHOT.tenants, ALICE: TenantEntry(ALICE, (OPERATOR,), "US", False)}
    policy.use(replace(SNAPSHOT, tenants=tenants), Directory(LINES, TRUNKS, ROUTES))
    assert code_of(policy.line_of(offer("101"))) == (403, "tenant.inactive")


@pytest.mark.parametrize("dialled", ["", "x", "12345678901234567890", "+0123", "*97"])
def test_what_is_no_number_gets_404(policy: BusinessPolicy, dialled: str) -> None:
    assert code_of(policy.route(offer(dialled))) == (404, "route.unknown_number")


def test_a_barred_destination_is_refused_before_any_hold(policy: BusinessPolicy, desk: Desk) -> None:
    refusal = policy.screen(offer("+4499123456"))
    assert code_of(refusal) == (403, "fraud.barred_destination")
    assert refusal is not None
    assert refusal.fraud_rule_id == 90
    assert desk.asked == []


def test_a_switched_off_tenant_cannot_call_out(policy: BusinessPolicy) -> None:
    tenants = {**SNAPSHOT.tenants, ALICE: TenantEntry(ALICE, (OPERATOR,), "US", False)}
    policy.use(replace(SNAPSHOT, tenants=tenants), Directory(LINES, TRUNKS, ROUTES))
    assert code_of(policy.screen(offer("+442079460000"))) == (403, "tenant.inactive")


def test_an_emergency_call_passes_every_rule_without_a_hold(policy: BusinessPolicy, desk: Desk) -> None:
    barred = replace(SNAPSHOT, rules=(RuleEntry(91, None, "barred_destination", prefixes=("9", "1")),), accounts={})
    policy.use(barred, Directory(LINES, TRUNKS, ROUTES))
    assert policy.screen(offer("911")) is None
    plan = plan_of(policy, offer("911"))
    assert plan.is_emergency
    assert plan.targets[0].called == "911"
    answers: list[Authorisation | Refusal] = []
    policy.authorise(offer("911"), plan, answers.append)
    assert answers == [Authorisation(CALL_TALK_S_MAX)]
    assert desk.asked == []


def authorised(policy: BusinessPolicy, desk: Desk, granted: int | None) -> Authorisation | Refusal:
    asked = offer("+442079460000")
    answers: list[Authorisation | Refusal] = []
    policy.authorise(asked, plan_of(policy, asked), answers.append)
    assert answers == []
    desk.waiting.pop()(granted)
    assert len(answers) == 1
    return answers[0]


def test_a_paid_call_holds_the_price_of_ten_minutes_and_at_least_of_the_first_increment(
    policy: BusinessPolicy, desk: Desk
) -> None:
    assert authorised(policy, desk, 600_000_000) == Authorisation(600.0, extendable=True)
    assert desk.asked == [("place", HoldRequest("c1", 70, HOLD_TALK_S * 1_000_000, 60_000_000))]


def test_a_smaller_grant_shortens_the_call_and_cannot_be_extended(policy: BusinessPolicy, desk: Desk) -> None:
    assert authorised(policy, desk, 100_000_000) == Authorisation(96.0, extendable=False)


def test_no_money_is_402_and_no_database_503(policy: BusinessPolicy, desk: Desk) -> None:
    assert code_of(authorised(policy, desk, 0)) == (402, "billing.insufficient_funds")
    assert code_of(authorised(policy, desk, None)) == (503, "billing.unavailable")


def test_a_call_without_account_or_rate_is_refused_without_asking_for_money(policy: BusinessPolicy, desk: Desk) -> None:
    answers: list[Authorisation | Refusal] = []
    policy.authorise(offer("+4930901820"), plan_of(policy, offer("+4930901820")), answers.append)
    by_bob = offer("+442079460000", line_id=20, call_id="c2")
    policy.authorise(by_bob, plan_of(policy, by_bob), answers.append)
    assert [code_of(answer)[1] for answer in answers] == ["billing.no_rate", "billing.no_account"]
    assert desk.asked == []


def test_an_extension_asks_for_the_whole_amount_and_counts_from_the_answer(policy: BusinessPolicy, desk: Desk) -> None:
    authorised(policy, desk, 600_000_000)
    answers: list[Authorisation | Refusal] = []
    policy.extend("c1", plan_of(policy, offer("+442079460000")), answers.append)
    assert desk.asked[-1] == ("extend", HoldRequest("c1", 70, 1_200_000_000, 60_000_000))
    desk.waiting.pop()(900_000_000)
    assert answers == [Authorisation(900.0, extendable=False)]


def test_an_extension_that_brings_nothing_is_refused(policy: BusinessPolicy, desk: Desk) -> None:
    authorised(policy, desk, 600_000_000)
    answers: list[Authorisation | Refusal] = []
    policy.extend("c1", plan_of(policy, offer("+442079460000")), answers.append)
    desk.waiting.pop()(600_000_000)
    assert code_of(answers[0]) == (402, "billing.insufficient_funds")


def test_concurrent_calls_are_counted_from_route_to_settle(desk: Desk) -> None:
    policy = BusinessPolicy(desk, Screener(), lambda: 0.0)  # type: ignore[arg-type]
    rules = (RuleEntry(92, None, "concurrent_calls", calls_max=1),)
    policy.use(replace(SNAPSHOT, rules=rules), Directory(LINES, TRUNKS, ROUTES))
    first, second = offer("+442079460000"), offer("+442079460001", call_id="c2")
    assert policy.screen(first) is None
    plan_of(policy, first)
    assert code_of(policy.screen(second)) == (403, "fraud.concurrent_calls")
    policy.settle(record("c1"))
    assert policy.screen(second) is None


def sent_on(desk: Desk) -> BusinessPolicy:
    """Return a policy that lets a line have one call up, while line 10 sends on one that came from outside."""
    policy = BusinessPolicy(desk, Screener(), lambda: 1000.0)  # type: ignore[arg-type]
    rules = (RuleEntry(92, None, "concurrent_calls", calls_max=1),)
    policy.use(replace(SNAPSHOT, rules=rules), Directory(LINES, TRUNKS, ROUTES))
    plan_of(policy, offer("+12125550199", line_id=None))
    policy.authorise(offer("+442079460000"), plan_of(policy, offer("+442079460000")), lambda answer: None)
    return policy


def test_a_call_that_a_line_sends_on_is_one_of_the_lines_and_on_its_bill(desk: Desk) -> None:
    policy = sent_on(desk)
    desk.waiting.pop()(600_000_000)
    assert code_of(policy.screen(offer("+442079460001", call_id="c2"))) == (403, "fraud.concurrent_calls")
    from_outside = replace(record("c1"), a_line_id=None, a_trunk_id=50, answered_at=1.0, duration_s=60.0)
    policy.settle(from_outside)
    assert policy.screen(offer("+442079460001", call_id="c2")) is None
    assert policy._screener.spent_last_hour_nanos("line", 10, 1000.0) == 60_000_000


def test_a_call_that_could_not_be_sent_on_is_not_counted_any_more(desk: Desk) -> None:
    policy = sent_on(desk)
    desk.waiting.pop()(0)
    policy.settle(replace(record("c1"), destination="", account_id=None, b_trunk_id=None))
    assert policy.screen(offer("+442079460001", call_id="c2")) is None


def record(call_id: str) -> CallRecord:
    return CallRecord(
        call_id=call_id, node="n", tenant_id=ALICE, direction="outbound", caller="", called="", dialled="",
        destination="+442079460000", account_id=70, a_line_id=10, a_trunk_id=None, b_line_id=None, b_trunk_id=51,
        sip_call_id="", from_tag="", peer="", user_agent="", started_at=0.0, ringing_at=None, answered_at=None,
        ended_at=1.0, duration_s=0.0, pdd_s=None, ended_by="caller", sip_status=487, sip_reason="", q850_cause=16,
        a_q850_cause=16, b_q850_cause=16, refusal_code="", fraud_rule_id=None, is_emergency=False, attempts=(),
    )  # fmt: skip
