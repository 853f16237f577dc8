"""Removes imported reply records that are past their time."""

from datetime import datetime, timedelta

from django.db.models import Q

from emails.relay_import.models import ImportedReply
from emails.store.retention import remove_rows


def remove_old_imported_replies(now: datetime, retention: timedelta) -> int:
    """Remove those of mails that were forwarded longer than `retention` ago; return how many."""
    return remove_rows(ImportedReply.objects.all(), Q(created_on__lt=(now - retention).date()))
