"""Operators may freeze mail, which is then held."""


from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('emails', '0014_keyed_hashes'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='heldmail',
            name='held_mail_reason_is_known',
        ),
        migrations.AddField(
            model_name='heldmail',
            name='frozen_by',
            field=models.CharField(blank=True, db_default='', default='', help_text="The operator's control that orders to hold it.", max_length=12),
        ),
        migrations.AlterField(
            model_name='heldmail',
            name='reason',
            field=models.CharField(choices=[('spam', 'spam'), ('dmarc_reject', 'dmarc_reject'), ('dmarc_quarantine', 'dmarc_quarantine'), ('mailbox', 'mailbox'), ('mask_limit', 'mask_limit'), ('sender_limit', 'sender_limit'), ('new_mask_limit', 'new_mask_limit'), ('cannot_be_sent', 'cannot_be_sent'), ('suspected_loop', 'suspected_loop'), ('frozen', 'frozen')], max_length=40),
        ),
        migrations.AddConstraint(
            model_name='heldmail',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['spam', 'dmarc_reject', 'dmarc_quarantine', 'mailbox', 'mask_limit', 'sender_limit', 'new_mask_limit', 'cannot_be_sent', 'suspected_loop', 'frozen'])), name='held_mail_reason_is_known'),
        ),
    ]

