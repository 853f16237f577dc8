"""Deliveries are found by the ids of their message. The indexes are built while mails go on.

If this is interrupted, run it again: an index that was left half-built is dropped first.
"""

from django.db import migrations, models
from django.db.models import Q

_INDEXES = {
    "delivery_by_sqs_id": "sqs_message_id",
    "delivery_by_mail_id": "mail_id",
    "delivery_by_ses_id": "sent_as",
}

# Our settings end a statement after seconds, and a wait for a lock after half a one. Building an
# index takes longer on a large table, and waits for the transactions that are open.
_WITHOUT_LIMITS = ["SET statement_timeout = 0", "SET lock_timeout = 0"]
_WITH_LIMITS = ["RESET statement_timeout", "RESET lock_timeout"]


def _build(name: str, column: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        [
            *_WITHOUT_LIMITS,
            f"DROP INDEX CONCURRENTLY IF EXISTS {name}",
            f"CREATE INDEX CONCURRENTLY {name} ON emails_delivery ({column}) WHERE {column} IS NOT NULL",
            *_WITH_LIMITS,
        ],
        reverse_sql=[*_WITHOUT_LIMITS, f"DROP INDEX CONCURRENTLY IF EXISTS {name}", *_WITH_LIMITS],
        state_operations=[
            migrations.AddIndex(
                model_name="delivery",
                index=models.Index(
                    fields=[column], condition=Q((f"{column}__isnull", False)), name=name
                ),
            )
        ],
    )


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ("emails", "0016_delivery_ids"),
    ]

    operations = [_build(name, column) for name, column in _INDEXES.items()]
