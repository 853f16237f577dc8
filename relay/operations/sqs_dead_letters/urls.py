"""The URLs of the page of SQS's dead-letter queue, under the admin's."""

from django.urls import path

from relay.operations.sqs_dead_letters import pages

urlpatterns = [
    path("", pages.list_page, name="sqs_dead_letters"),
    path("act/", pages.act_page, name="act_on_sqs_dead_letters"),
    path("<slug:message_id>/", pages.detail_page, name="sqs_dead_letter"),
]
