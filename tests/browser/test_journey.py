"""From a new customer to a call, its price, an alert and a paid invoice: as people do it, by browser and phone."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.browser.window import Window
from tests.e2e.platform import Platform, wait_for
from voip.demo.phone import Phone, PhoneError

pytestmark = [pytest.mark.browser, pytest.mark.integration]

CUSTOMER = "Acme Freight"
SATELLITE = "+88216543210"
UNIT = 1_000_000_000
DECLINED, ASKS_THE_BANK = "4000 0000 0000 0002", "4000 0000 0000 3220"


def test_a_customer_made_in_the_admin_calls_and_the_call_is_seen_live_and_then_with_its_price(
    operator: Window, platform: Platform, carrier: Phone
) -> None:
    make_customer(operator, CUSTOMER)
    open_account(operator, CUSTOMER, "25.00")
    username, password = make_line(operator, CUSTOMER, "100")
    number = platform.facts()["trunk"]["outside_number"]
    with a_phone(platform, username, password) as phone:
        operator.press("Live calls")
        row = operator.page.locator("#an-calls tr", has_text=CUSTOMER)
        call(phone, carrier, number, while_ringing=lambda: expect(row).to_contain_text("Ringing"))
        expect(row).to_contain_text("Answered")
        expect(row).to_contain_text(number)
        expect(row).to_contain_text("Demo carrier")
        operator.picture("live-call")
        phone.hang_up(carrier.pump)
        expect(row).to_have_count(0)
    shown = price_in_the_list(operator, CUSTOMER, number)
    [charge] = platform.rows(
        "SELECT c.amount_nanos, a.balance_nanos FROM billing_charge c JOIN tenants_tenant t ON t.id = c.tenant_id"
        " JOIN billing_account a ON a.tenant_id = t.id WHERE t.name = %s", CUSTOMER,
    )  # fmt: skip
    assert shown * UNIT == charge["amount_nanos"] > 0
    assert charge["balance_nanos"] == 25 * UNIT - charge["amount_nanos"]
    operator.page.locator("#result_list tbody tr", has_text=CUSTOMER).get_by_role("link").first.click()
    expect(operator.page.get_by_text("Demo carrier").first).to_be_visible()
    operator.picture("call")


def test_a_barred_call_alerts_the_operators_open_page_and_the_case_is_settled_there(
    operator: Window, platform: Platform, carrier: Phone
) -> None:
    account = platform.facts()["sip"]["accounts"][0]
    line, page = account["username"], operator.page
    operator.go("/admin/sip/line/")
    page.evaluate("window.isStillThere = true")
    with a_phone(platform, line, account["password"]) as phone:
        with pytest.raises(PhoneError, match="403"):
            phone.call(SATELLITE)
        toast = page.locator(".tl-toast.tl-critical", has_text=line)
        expect(toast).to_contain_text("Satellite and premium ranges")
        expect(toast).to_have_attribute("role", "alert")
        assert page.evaluate("window.isStillThere")
        operator.picture("alert")
        toast.get_by_role("link").click()
        expect(page.get_by_text(SATELLITE).first).to_be_visible()
        operator.picture("case")
        operator.press("Fraud cases")
        case = page.locator("#result_list tbody tr", has_text=line)
        act(operator, case, "Acknowledge", "is acknowledged")
        expect(case).to_contain_text("Acknowledged")
        act(operator, case, "Block line", f"Line {line} is blocked.")
        operator.picture("cases")
        wait_for("the node refuses the line", lambda: not lets_in(phone))
        act(operator, case, "Unblock line", f"Line {line} is back in service.")
        wait_for("the node lets the line in again", lambda: lets_in(phone))
        call(phone, carrier, platform.facts()["trunk"]["outside_number"])
        phone.hang_up(carrier.pump)


def test_a_line_is_blocked_and_unblocked_on_its_own_page(operator: Window, platform: Platform) -> None:
    line = platform.facts()["sip"]["accounts"][2]["username"]
    page = operator.page
    operator.go("/admin/sip/line/")
    operator.press(line)
    expect(page.get_by_role("link", name="Unblock")).to_have_count(0)
    operator.press("Block")
    page.locator("#dialog [name=reason]").fill("A stolen phone")
    page.locator("#dialog").get_by_role("button", name="Block").click()
    expect(page.get_by_text(f"{line} is blocked.")).to_be_visible()
    expect(page.get_by_text("A stolen phone")).to_be_visible()
    operator.picture("line-blocked")
    operator.press("Unblock")
    page.locator("#dialog").get_by_role("button", name="Unblock").click()
    expect(page.get_by_text(f"{line} is back in service.")).to_be_visible()


def test_a_tenant_sees_calls_downloads_the_invoice_and_pays_it_after_a_declined_card(
    tenant: Window, operator: Window, platform: Platform, tmp_path: Path
) -> None:
    page = tenant.page
    tenant.press("Calls")
    expect(page.locator("tbody tr").first).to_contain_text("+")
    tenant.picture("portal-calls")
    [invoice] = platform.rows(
        "SELECT i.id, i.number, i.payable_nanos FROM billing_invoice i JOIN tenants_tenant t ON t.id = i.tenant_id"
        " WHERE t.slug = 'alice'"
    )
    total = f"{Decimal(invoice['payable_nanos']) / UNIT:,.2f}"
    tenant.press("Invoices")
    tenant.picture("portal-invoices")
    tenant.press(invoice["number"])
    with page.expect_download() as downloading:
        tenant.press("Download PDF")
    assert downloading.value.suggested_filename == f"{invoice['number']}.pdf"
    text = pdf_text(downloading.value.path())
    assert invoice["number"] in text
    assert total in text
    tenant.press(f"Pay {total} USD")
    pay_by_card(tenant, DECLINED)
    expect(page.get_by_role("alert")).to_have_text("Nothing was charged. The card was declined. Try another card.")
    tenant.picture("portal-declined")
    pay_by_card(tenant, ASKS_THE_BANK)
    expect(page.get_by_role("heading", name="Is this payment yours?")).to_be_visible()
    tenant.picture("bank")
    tenant.press("Confirm payment")
    expect(page.get_by_text("Thank you, it is paid.")).to_be_visible()
    tenant.picture("portal-paid")
    tenant.press("Show the invoice")
    expect(page.locator(".tile", has_text="State")).to_contain_text("Paid")
    expect(page.get_by_role("link", name=re.compile("^Pay "))).to_have_count(0)
    tenant.picture("portal-invoice-paid")
    operator.go("/admin/billing/invoice/")
    expect(operator.page.locator("#result_list tbody tr", has_text="Alice Travel")).to_contain_text("Paid")
    [payment] = platform.rows(
        "SELECT sum(amount_nanos) AS paid, count(*) AS payments FROM billing_payment"
        " WHERE invoice_id = %s AND status = 'succeeded'", invoice["id"],
    )  # fmt: skip
    assert (payment["paid"], payment["payments"]) == (invoice["payable_nanos"], 1)
    assert platform.ask("check_books") > 0


def test_what_is_not_the_tenants_own_answers_404_in_the_portal(tenant: Window, platform: Platform) -> None:
    def foreign(table: str, column: str = "id") -> object:
        owner = "t.slug = 'bob'"
        query = f"SELECT x.{column} AS it FROM {table} x JOIN tenants_tenant t ON t.id = x.tenant_id WHERE {owner}"
        return platform.rows(f"{query} LIMIT 1")[0]["it"]

    invoice = foreign("billing_invoice")
    paths = [
        f"/invoices/{invoice}/", f"/invoices/{invoice}/pdf/", f"/invoices/{invoice}/pay/",
        f"/calls/{foreign('sip_call', 'call_id')}/", f"/users/{foreign('tenants_user')}/",
    ]  # fmt: skip
    for path in paths:
        assert tenant.context.request.get(tenant.url + path).status == 404, path
    own = platform.one(
        "SELECT call_id FROM sip_call c JOIN tenants_tenant t ON t.id = c.tenant_id WHERE t.slug = 'alice' LIMIT 1"
    )
    tenant.go(f"/calls/{own}/")
    tenant.picture("portal-call")


def make_customer(window: Window, name: str) -> None:
    """Make a customer below the operator."""
    window.go("/admin/")
    window.press("Tenants")
    window.page.locator("a[href$='/tenants/tenant/add/']").first.click()
    page = window.page
    page.locator("#id_kind").select_option("customer")
    page.locator("#id_parent").select_option(label="Trunkline Demo Carrier")
    page.locator("#id_name").press_sequentially(name)
    expect(page.locator("#id_slug")).to_have_value(name.lower().replace(" ", "-"))
    window.picture("tenant-new")
    window.press("Save")
    expect(page.locator("#result_list")).to_contain_text(name)


def open_account(window: Window, name: str, amount: str) -> None:
    """Open a prepaid account with the demo's retail prices and put money on it."""
    page = window.page
    window.press("Accounts")
    page.locator("a[href$='/billing/account/add/']").first.click()
    window.choose("tenant", name)
    window.choose("deck", "Retail worldwide")
    window.picture("account-new")
    window.press("Save")
    window.press(name)
    window.press("Adjust balance")
    dialog = page.locator("#dialog")
    dialog.locator("[name=amount]").fill(amount)
    dialog.locator("[name=memo]").fill("First payment, by bank")
    dialog.get_by_role("button", name="Post the entry").click()
    expect(page.get_by_text(f"{amount} USD posted to {name}.")).to_be_visible()
    window.picture("account")


def make_line(window: Window, name: str, extension: str) -> tuple[str, str]:
    """Make a line; returns its user name and the password, which is on this page only."""
    page = window.page
    window.press("Lines")
    page.locator("a[href$='/sip/line/add/']").first.click()
    window.choose("tenant", name)
    page.locator("#id_extension").fill(extension)
    window.picture("line-new")
    window.press("Save")
    username = page.locator("[data-username]").inner_text()
    password = page.locator("[data-secret]").inner_text()
    window.picture("line-password")
    window.press("To the line")
    expect(page.locator("#id_extension")).to_have_value(extension)
    assert password not in page.content()
    return username, password


@contextmanager
def a_phone(platform: Platform, username: str, password: str) -> Iterator[Phone]:
    """A real phone, registered: the node hears of a new line within a moment."""
    phone = Phone(platform.sip, platform.facts()["sip"]["realm"], username, password)
    try:
        wait_for(f"{username} registers", lambda: lets_in(phone))
        yield phone
    finally:
        phone.close()


def lets_in(phone: Phone) -> bool:
    """Tell whether the node takes the phone's registration."""
    try:
        phone.register()
    except PhoneError:
        return False
    return True


def call(phone: Phone, carrier: Phone, number: str, while_ringing: object = None) -> None:
    """Call an outside number; the carrier rings, then answers."""

    def answer() -> None:
        carrier.pump()
        if carrier.ringing is not None:
            if callable(while_ringing):
                while_ringing()
            carrier.answer()

    phone.call(number, answer)


def price_in_the_list(window: Window, tenant: str, number: str) -> Decimal:
    """Find the call in the admin's list, once its record is there, and return the price that is shown."""

    def text() -> str:
        window.go(f"/admin/sip/call/?q={number.removeprefix('+')}")
        row = window.page.locator("#result_list tbody tr", has_text=tenant)
        return row.first.locator(".field-charge, .field-price").inner_text() if row.count() else ""

    shown = wait_for("the call's price", text)
    window.picture("calls")
    return Decimal(shown.removesuffix("USD").strip())


def act(window: Window, case: object, button: str, outcome: str) -> None:
    """Press a button in a case's row."""
    window.page.locator("#result_list tbody tr").and_(case).get_by_role("button", name=button).click()  # type: ignore[arg-type]
    expect(window.page.get_by_text(outcome).first).to_be_visible()


def pay_by_card(window: Window, card: str) -> None:
    """Fill the card's form and send it."""
    page: Page = window.page
    page.get_by_label("Card number").fill(card)
    page.get_by_label("Valid until").fill("12/39")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name=re.compile("^Pay ")).click()


def pdf_text(path: Path) -> str:
    """Return all text of a PDF."""
    reader = PdfReader(io.BytesIO(path.read_bytes()))
    return "\n".join(page.extract_text() for page in reader.pages)
