"""The admin has no page for Dramatiq's messages: they hold mail (lesson 20)."""

from django.contrib import admin
from django_dramatiq.models import Task


def test_the_task_table_has_no_page() -> None:
    admin.autodiscover()

    assert not admin.site.is_registered(Task)
