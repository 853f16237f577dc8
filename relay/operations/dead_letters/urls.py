"""The URLs of the dead letters' pages, under the admin's."""

from django.urls import path

from relay.operations.dead_letters import pages

urlpatterns = [
    path("", pages.list_page, name="dead_letters"),
    path("filter/", pages.filter_page, name="filter_dead_letters"),
    path("act/", pages.act_page, name="act_on_dead_letters"),
    path("<slug:dead_letter_id>/", pages.detail_page, name="dead_letter"),
    path("<slug:dead_letter_id>/reveal/", pages.reveal_page, name="reveal_dead_letter"),
]
