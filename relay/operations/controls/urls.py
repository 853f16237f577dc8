"""The URLs of the controls' page, under the admin's."""

from django.urls import path

from relay.operations.controls import pages

urlpatterns = [
    path("", pages.list_page, name="controls"),
    path("order/", pages.order_page, name="order_control"),
    path("end/", pages.end_page, name="end_control"),
]
