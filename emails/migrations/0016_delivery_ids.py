"""Deliveries keep their mask and the ids of their message. Without defaults: no row is rewritten."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("emails", "0015_frozen_mails"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="purpose",
            field=models.CharField(editable=False, max_length=20, null=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="mask",
            field=models.CharField(editable=False, max_length=30, null=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="sqs_message_id",
            field=models.CharField(editable=False, max_length=256, null=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="mail_id",
            field=models.CharField(editable=False, max_length=256, null=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="sent_as",
            field=models.CharField(editable=False, help_text="SES's id of the mail that was sent.", max_length=256, null=True),
        ),
    ]
