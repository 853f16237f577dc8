"""Mails that fail DMARC are held also where their domain asks to reject them."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('emails', '0009_limits'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='heldmail',
            name='held_mail_reason_is_known',
        ),
        migrations.AlterField(
            model_name='heldmail',
            name='reason',
            field=models.CharField(choices=[('spam', 'spam'), ('dmarc_reject', 'dmarc_reject'), ('dmarc_quarantine', 'dmarc_quarantine'), ('mailbox', 'mailbox'), ('mask_limit', 'mask_limit'), ('sender_limit', 'sender_limit'), ('new_mask_limit', 'new_mask_limit'), ('cannot_be_sent', 'cannot_be_sent'), ('suspected_loop', 'suspected_loop')], max_length=40),
        ),
        migrations.AddConstraint(
            model_name='heldmail',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['spam', 'dmarc_reject', 'dmarc_quarantine', 'mailbox', 'mask_limit', 'sender_limit', 'new_mask_limit', 'cannot_be_sent', 'suspected_loop'])), name='held_mail_reason_is_known'),
        ),
    ]
