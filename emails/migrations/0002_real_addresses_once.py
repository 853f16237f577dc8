"""Two owners can't have one real address, whatever its case; and it is found by an index."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("emails", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.RunSQL(
            "CREATE UNIQUE INDEX emails_real_address_once ON auth_user (upper(email::text))"
            " WHERE email <> ''",
            "DROP INDEX emails_real_address_once",
        )
    ]
