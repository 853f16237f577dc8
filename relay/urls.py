"""The web process's URLs."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

# Its link "View site" would lead to `/`, where there is nothing.
admin.site.site_url = None

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/dead-letters/", include("relay.operations.dead_letters.urls")),
    path("admin/", include("relay.operations.dashboard.urls")),
    path("admin/", admin.site.urls),
    path("emails/", include("emails.urls")),
]
