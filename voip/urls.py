"""All addresses of the web process."""

urlpatterns: list[object] = []
