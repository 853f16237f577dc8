"""The URL of the page of what the workers run, under the admin's."""

from django.urls import path

from relay.operations.running import pages

urlpatterns = [path("", pages.list_page, name="running")]
