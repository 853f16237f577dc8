"""The URLs of the page of retries, under the admin's."""

from django.urls import path

from relay.operations.retries import pages

urlpatterns = [
    path("", pages.list_page, name="retries"),
    path("now/", pages.now_page, name="retry_now"),
]
