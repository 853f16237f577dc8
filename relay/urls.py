"""The web process's URLs."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from relay.operations.login import set_up_login

# Its link "View site" would lead to `/`, which leads back to it.
admin.site.site_url = None
admin.site.site_header = f"Mail relay, {settings.CONFIG.sentry_environment}"
admin.site.site_title = admin.site.site_header
set_up_login(admin.site, second_factor=settings.CONFIG.admin_second_factor)

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/dead-letters/", include("relay.operations.dead_letters.urls")),
    path("admin/sqs-dead-letters/", include("relay.operations.sqs_dead_letters.urls")),
    path("admin/controls/", include("relay.operations.controls.urls")),
    path("admin/trace/", include("relay.operations.trace.urls")),
    path("admin/retries/", include("relay.operations.retries.urls")),
    path("admin/running/", include("relay.operations.running.urls")),
    path("admin/lanes/", include("relay.operations.lanes.urls")),
    path("admin/", include("relay.operations.dashboard.urls")),
    path("admin/", admin.site.urls),
    path("emails/", include("emails.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]
