"""The URLs of the lanes' page, under the admin's."""

from django.urls import path

from relay.operations.lanes import pages

urlpatterns = [
    path("", pages.list_page, name="lanes"),
    path("release/", pages.release_page, name="release_lane"),
]
