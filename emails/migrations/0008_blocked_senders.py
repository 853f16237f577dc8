"""Senders that owners block, and the digests of held mails."""
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('emails', '0007_suspected_loops'),
    ]

    operations = [
        migrations.AddField(
            model_name='heldmail',
            name='sender',
            field=models.CharField(max_length=64, null=True, validators=[django.core.validators.RegexValidator('^[0-9a-f]{64}$')]),
        ),
        migrations.AddField(
            model_name='profile',
            name='blocks_senders',
            field=models.BooleanField(default=False, editable=False, help_text='Whether the owner has blocked senders.'),
        ),
        migrations.CreateModel(
            name='BlockedSender',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sender', models.CharField(max_length=64, validators=[django.core.validators.RegexValidator('^[0-9a-f]{64}$')])),
                ('lookup', models.CharField(max_length=64, unique=True, validators=[django.core.validators.RegexValidator('^[0-9a-f]{64}$')])),
                ('sealed', models.BinaryField(null=True)),
                ('created_at', models.DateTimeField()),
                ('domain_mask', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to='emails.domainmask')),
                ('held_mail', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to='emails.heldmail')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='emails.profile')),
                ('random_mask', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to='emails.randommask')),
            ],
        ),
        migrations.CreateModel(
            name='HeldDigest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('opened_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(help_text='When it was sent, or nothing was left to tell.', null=True)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='emails.profile')),
            ],
        ),
        migrations.AddField(
            model_name='heldmail',
            name='digest',
            field=models.ForeignKey(help_text='The first digest that told the owner of it.', null=True, on_delete=django.db.models.deletion.SET_NULL, to='emails.helddigest'),
        ),
        migrations.AddIndex(
            model_name='heldmail',
            index=models.Index(condition=models.Q(('digest__isnull', True), ('state', 'held')), fields=['held_at'], name='held_mail_untold'),
        ),
        migrations.AddConstraint(
            model_name='blockedsender',
            constraint=models.CheckConstraint(condition=models.Q(('random_mask__isnull', True), ('domain_mask__isnull', True), _connector='OR'), name='blocked_sender_at_most_one_mask'),
        ),
        migrations.AddIndex(
            model_name='helddigest',
            index=models.Index(fields=['owner', 'opened_at'], name='held_digest_by_owner'),
        ),
        migrations.AddConstraint(
            model_name='helddigest',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('owner',), name='held_digest_one_open_an_owner'),
        ),
    ]
