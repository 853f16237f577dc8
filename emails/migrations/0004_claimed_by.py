"""Claims know which worker process holds them, so that a dead one's can be taken over at once."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("emails", "0003_doubts_without_end"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="claimed_by",
            field=models.CharField(editable=False, help_text="The worker process that claimed it.", max_length=63, null=True),
        ),
    ]
