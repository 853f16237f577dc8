"""Breakers replace the pauses after bounces.

Whoever is paused now gets an open breaker whose probe is due: the next mail finds out. The pauses'
lengths were settings; here they are the defaults.

The columns of the pauses stay: processes of the release before still read them, until they are
restarted. A later release drops them.
"""

import django.db.models.deletion
from django.db import migrations, models

OPEN = """
INSERT INTO emails_mailboxbreaker
    (profile_id, address, meaning, opened_at, step, wait, next_probe_at,
     probe_delivery, probe_ses_id)
SELECT profile.id, owner.email,
    CASE WHEN hard_bounced_at > now() - interval '30 days' THEN 'gone' ELSE 'unreachable' END,
    coalesce(greatest(hard_bounced_at, soft_bounced_at), now()), 0, interval '10 minutes', now(), '', ''
FROM emails_profile AS profile JOIN auth_user AS owner ON owner.id = profile.user_id
WHERE (hard_bounced_at > now() - interval '30 days' OR soft_bounced_at > now() - interval '1 day')
    AND owner.email <> ''
"""


class Migration(migrations.Migration):
    dependencies = [("emails", "0005_held_mail")]

    operations = [
        migrations.CreateModel(
            name="MailboxBreaker",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.EmailField(help_text="The address that bounced. For another it says nothing.", max_length=254)),
                ("meaning", models.CharField(choices=[("gone", "gone"), ("unreachable", "unreachable")], help_text="What the bounce said about the mailbox.", max_length=20)),
                ("opened_at", models.DateTimeField()),
                ("step", models.PositiveSmallIntegerField(default=0, help_text="How many probes bounced.")),
                ("wait", models.DurationField(help_text="How long a probe has to bounce.")),
                ("next_probe_at", models.DateTimeField()),
                ("probe_sent_at", models.DateTimeField(null=True)),
                ("probe_delivery", models.CharField(blank=True, max_length=40)),
                ("probe_ses_id", models.CharField(blank=True, max_length=100)),
                ("probe", models.OneToOneField(help_text="The mail that was let through.", null=True, on_delete=django.db.models.deletion.SET_NULL, to="emails.heldmail")),
                ("profile", models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name="mailbox_breaker", to="emails.profile")),
            ],
        ),
        migrations.RunSQL(OPEN, migrations.RunSQL.noop),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(model_name="profile", name="hard_bounced_at"),
                migrations.RemoveField(model_name="profile", name="soft_bounced_at"),
            ]
        ),
    ]
