"""The domain's pages."""

from django.urls import path, re_path

from emails import views

urlpatterns = [
    path("preview/", views.previews, name="previews"),
    re_path(
        r"^preview/(?P<name>[a-z_]+)\.(?P<language>[a-z]+)\.(?P<form>html|txt)$",
        views.preview,
        name="preview",
    ),
    path("tracker-warning/", views.tracker_warning, name="tracker_warning"),
]
