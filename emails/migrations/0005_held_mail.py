"""Mails that are held for their owners, instead of dropped."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('emails', '0004_claimed_by'),
    ]

    operations = [
        migrations.AlterField(
            model_name='delivery',
            name='outcome',
            field=models.CharField(blank=True, choices=[('forwarded', 'forwarded'), ('replied', 'replied'), ('blocked', 'blocked'), ('nomask', 'nomask'), ('ignored', 'ignored'), ('dropped', 'dropped'), ('held', 'held'), ('expired', 'expired'), ('recorded', 'recorded')], max_length=20),
        ),
        migrations.CreateModel(
            name='HeldMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('new_local', models.CharField(help_text='The domain mask that the mail would create.', max_length=64, null=True)),
                ('new_domain', models.CharField(max_length=253, null=True)),
                ('reason', models.CharField(choices=[('spam', 'spam'), ('dmarc_quarantine', 'dmarc_quarantine'), ('mailbox', 'mailbox'), ('mask_limit', 'mask_limit'), ('sender_limit', 'sender_limit'), ('new_mask_limit', 'new_mask_limit'), ('cannot_be_sent', 'cannot_be_sent')], max_length=40)),
                ('waived', models.JSONField(default=list, help_text='Reasons for which it is not held again: somebody released it.')),
                ('state', models.CharField(choices=[('held', 'held'), ('releasing', 'releasing'), ('ended', 'ended'), ('cleared', 'cleared')], default='held', max_length=10)),
                ('sns_message_id', models.CharField(max_length=100)),
                ('recipient', models.CharField(max_length=64, validators=[django.core.validators.RegexValidator('^[0-9a-f]{64}$')])),
                ('bucket', models.CharField(max_length=63)),
                ('key', models.CharField(max_length=1024)),
                ('size', models.PositiveBigIntegerField()),
                ('verdicts', models.JSONField(help_text="The results of SES's checks.")),
                ('received_at', models.DateTimeField(help_text='When SES received it.')),
                ('held_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('releases', models.PositiveIntegerField(default=0)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('released_at', models.DateTimeField(null=True)),
                ('tried_at', models.DateTimeField(null=True)),
                ('outcome', models.CharField(blank=True, choices=[('forwarded', 'forwarded'), ('replied', 'replied'), ('blocked', 'blocked'), ('nomask', 'nomask'), ('ignored', 'ignored'), ('dropped', 'dropped'), ('held', 'held'), ('expired', 'expired'), ('recorded', 'recorded')], max_length=20)),
                ('outcome_reason', models.CharField(blank=True, max_length=40)),
                ('ended_at', models.DateTimeField(null=True)),
                ('domain_mask', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to='emails.domainmask')),
                ('owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to='emails.profile')),
                ('random_mask', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to='emails.randommask')),
            ],
            options={
                'permissions': (('release_heldmail', 'Can release held mails'),),
                'indexes': [models.Index(condition=models.Q(('state', 'held')), fields=['owner', 'received_at', 'id'], name='held_mail_by_owner'), models.Index(condition=models.Q(('state__in', ['held', 'releasing'])), fields=['reason', 'received_at'], name='held_mail_by_reason'), models.Index(condition=models.Q(('state', 'held')), fields=['expires_at'], name='held_mail_by_expiry'), models.Index(condition=models.Q(('state', 'releasing')), fields=['received_at', 'id'], name='held_mail_to_release'), models.Index(condition=models.Q(('state__in', ['held', 'releasing']), _negated=True), fields=['state', 'ended_at'], name='held_mail_ended')],
                'constraints': [models.UniqueConstraint(fields=('sns_message_id', 'recipient'), name='held_mail_once_a_delivery'), models.CheckConstraint(condition=models.Q(('state__in', ['held', 'releasing', 'ended', 'cleared'])), name='held_mail_state_is_known'), models.CheckConstraint(condition=models.Q(('reason__in', ['spam', 'dmarc_quarantine', 'mailbox', 'mask_limit', 'sender_limit', 'new_mask_limit', 'cannot_be_sent'])), name='held_mail_reason_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('domain_mask__isnull', True), ('random_mask__isnull', True)), models.Q(('new_local__isnull', True), ('random_mask__isnull', True)), models.Q(('domain_mask__isnull', True), ('new_local__isnull', True)), _connector='OR'), name='held_mail_has_one_mask'), models.CheckConstraint(condition=models.Q(models.Q(('new_domain__isnull', True), ('new_local__isnull', True)), models.Q(('new_domain__isnull', False), ('new_local__isnull', False)), _connector='OR'), name='held_mail_new_mask_is_whole'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('outcome', ''), ('state__in', ['held', 'releasing'])), models.Q(models.Q(('state__in', ['held', 'releasing']), _negated=True), models.Q(('outcome', ''), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='held_mail_ended_has_outcome')],
            },
        ),
    ]
