"""The hashes of deleted masks and of owners' names get a key.

The addresses are unknown by now, so the key is applied to the hash that is there. The key comes
from REPLY_SECRET: run this with the workers' settings.
"""

from typing import Any

from django.core.management import CommandError
from django.db import migrations

from emails.models.hashes import is_secret_known, keyed

_BATCH = 1_000


def _key_all(apps: Any, _: Any) -> None:
    tables = [apps.get_model("emails", name) for name in ("DeletedMask", "RegisteredSubdomain")]
    if not is_secret_known() and any(table.objects.exists() for table in tables):
        raise CommandError(
            "This migration keys hashes under REPLY_SECRET or, if that is empty, SECRET_KEY. Set "
            "them as for the workers, and migrate again: nothing was changed."
        )
    for model, field in (("DeletedMask", "address_hash"), ("RegisteredSubdomain", "name_hash")):
        table = apps.get_model("emails", model)
        batch = []
        # All are read before the first is changed, so that none is met again.
        for row in list(table.objects.only("pk", field)):
            setattr(row, field, keyed(getattr(row, field)))
            batch.append(row)
            if len(batch) == _BATCH:
                table.objects.bulk_update(batch, [field])
                batch = []
        table.objects.bulk_update(batch, [field])


class Migration(migrations.Migration):

    dependencies = [
        ('emails', '0013_note_place'),
    ]

    operations = [
        migrations.RunPython(_key_all, migrations.RunPython.noop, elidable=True),
    ]
