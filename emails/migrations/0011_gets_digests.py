"""Owners can turn their digest off."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('emails', '0010_held_dmarc_reject'),
    ]

    operations = [
        migrations.AddField(
            model_name='profile',
            name='gets_digests',
            field=models.BooleanField(db_default=True, default=True, help_text='The owner is told of held mails, once a day. Otherwise nobody tells them.'),
        ),
    ]
