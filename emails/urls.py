"""The domain's pages."""

from django.urls import path, re_path

from emails import held_pages, note_pages, views

urlpatterns = [
    path("preview/", views.previews, name="previews"),
    re_path(
        r"^preview/(?P<name>[a-z_]+)\.(?P<language>[a-z]+)\.(?P<form>html|txt)$",
        views.preview,
        name="preview",
    ),
    path("held/<str:token>/", held_pages.held_mails, name="held_mails"),
    path("held/<str:token>/<int:mail_id>/", held_pages.held_mail, name="held_mail"),
    path("held/<str:token>/blocked/", held_pages.blocked_senders, name="blocked_senders"),
    path("held/<str:token>/digest/", held_pages.digest_switch, name="digest_switch"),
    path("note/off/<str:token>/", note_pages.turn_off, name="note_off"),
    path("note/block/<str:token>/", note_pages.block_sender, name="note_block"),
    path("tracker-warning/", views.tracker_warning, name="tracker_warning"),
]
