"""Mail of the worst senders may be held; deliveries know by a keyed hash who sent their mail."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('emails', '0018_looked_up'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='heldmail',
            name='held_mail_reason_is_known',
        ),
        migrations.AddField(
            model_name='delivery',
            name='sender',
            field=models.CharField(editable=False, help_text='A keyed hash of the domain that a forwarded mail provably came from.', max_length=12, null=True),
        ),
        migrations.AlterField(
            model_name='heldmail',
            name='frozen_by',
            field=models.CharField(blank=True, db_default='', default='', help_text="The operator's control that orders to hold it, or the sender that is held.", max_length=12),
        ),
        migrations.AlterField(
            model_name='heldmail',
            name='reason',
            field=models.CharField(choices=[('spam', 'spam'), ('dmarc_reject', 'dmarc_reject'), ('dmarc_quarantine', 'dmarc_quarantine'), ('mailbox', 'mailbox'), ('mask_limit', 'mask_limit'), ('sender_limit', 'sender_limit'), ('new_mask_limit', 'new_mask_limit'), ('cannot_be_sent', 'cannot_be_sent'), ('suspected_loop', 'suspected_loop'), ('frozen', 'frozen'), ('mask_not_looked_up', 'mask_not_looked_up'), ('reputation', 'reputation')], max_length=40),
        ),
        migrations.AddConstraint(
            model_name='heldmail',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['spam', 'dmarc_reject', 'dmarc_quarantine', 'mailbox', 'mask_limit', 'sender_limit', 'new_mask_limit', 'cannot_be_sent', 'suspected_loop', 'frozen', 'mask_not_looked_up', 'reputation'])), name='held_mail_reason_is_known'),
        ),
    ]
