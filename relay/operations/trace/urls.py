"""The URLs of the trace page, under the admin's."""

from django.urls import path

from relay.operations.trace import pages

urlpatterns = [
    path("", pages.trace_page, name="trace"),
    path("find/", pages.find_page, name="find_trace"),
]
