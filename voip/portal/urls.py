"""Addresses of the portal."""

from django.urls import path

from voip.portal import calls, home, money, payments, people, service

app_name = "portal"
urlpatterns = [
    path("", home.home, name="home"),
    path("calls/", calls.call_list, name="calls"),
    path("calls/<uuid:call_id>/", calls.call_detail, name="call"),
    path("balance/", money.balance, name="balance"),
    path("invoices/", money.invoice_list, name="invoices"),
    path("invoices/<int:pk>/", money.invoice_detail, name="invoice"),
    path("invoices/<int:pk>/pdf/", payments.pdf, name="invoice_pdf"),
    path("invoices/<int:pk>/pay/", payments.pay, name="pay"),
    path("balance/top-up/", payments.top_up, name="top_up"),
    path("payments/return/<uuid:key>/", payments.payment_return, name="payment_return"),
    path("payments/<uuid:pk>/", payments.payment_detail, name="payment"),
    path("lines/", service.lines, name="lines"),
    path("lines/<int:pk>/password/", service.new_password, name="new_password"),
    path("numbers/", service.numbers, name="numbers"),
    path("connect/", service.connect, name="connect"),
    path("users/", people.users, name="users"),
    path("users/new/", people.user_new, name="user_new"),
    path("users/<int:pk>/", people.user_edit, name="user_edit"),
    path("users/<int:pk>/remove/", people.user_delete, name="user_delete"),
    path("users/<int:pk>/mail-link/", people.user_mail_link, name="user_mail_link"),
    path("keys/", people.keys, name="keys"),
    path("keys/new/", people.key_new, name="key_new"),
    path("keys/<int:pk>/revoke/", people.key_revoke, name="key_revoke"),
]
