"""A doubt now has an end: this of those from before is an operator's decision, as ever."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("emails", "0002_real_addresses_once")]

    operations = [
        migrations.RunSQL(
            "UPDATE emails_delivery SET claimed_until = '9999-12-31T00:00:00Z'"
            " WHERE state = 'in_doubt'",
            migrations.RunSQL.noop,
        )
    ]
