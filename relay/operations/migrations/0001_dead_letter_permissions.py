from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="DeadLetter",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
            options={
                "verbose_name": "dead letter",
                "permissions": (
                    ("view_dead_letter", "Can view dead letters, without what is in their mails"),
                    ("requeue_dead_letter", "Can requeue dead letters"),
                    ("delete_dead_letter", "Can delete dead letters"),
                    ("reveal_dead_letter", "Can see a dead letter's whole notification"),
                ),
                "managed": False,
                "default_permissions": (),
            },
        ),
    ]
