"""Until when the changes at the source are here."""

from datetime import datetime

from emails.relay_import.models import ImportRun
from emails.store.database import raises_not_finished


@raises_not_finished
def find_caught_up_at() -> datetime | None:
    """Find when the last whole round of `import_relay --follow` began. None: there was none."""
    return ImportRun.objects.values_list("caught_up_at", flat=True).first()
