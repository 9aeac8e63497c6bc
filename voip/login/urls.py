"""Addresses of the login pages."""

from django.contrib.auth.decorators import login_required
from django.urls import path
from django.views.generic import RedirectView

from voip.login import views

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("admin/login/", RedirectView.as_view(url="/login/", query_string=True)),
    path("admin/logout/", views.LogoutView.as_view()),
    path("password/", login_required(views.PasswordChangeView.as_view()), name="password_change"),
    path("password/done/", login_required(views.PasswordChangedView.as_view()), name="password_change_done"),
    path("password/reset/", views.request_reset, name="password_reset"),
    path("password/reset/sent/", views.reset_sent, name="password_reset_done"),
    path("password/reset/complete/", views.PasswordSetView.as_view(), name="password_reset_complete"),
    path(
        "password/reset/<str:uidb64>/<str:token>/",
        views.PasswordResetConfirmView.as_view(),
        name="password_reset_confirm",
    ),
]
