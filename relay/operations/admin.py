"""The operators' part of the admin."""

from django.contrib import admin
from django_dramatiq.models import Task

# Its page shows whole messages, rendered as HTML: mail. Nothing is written to its table here; but
# what may not be shown should have no page to be shown on.
admin.site.unregister(Task)
