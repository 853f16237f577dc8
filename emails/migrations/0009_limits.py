"""Limits of masks and senders, reserved before sending; pauses of owners, for review."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('emails', '0008_blocked_senders'),
    ]

    operations = [
        migrations.AddField(
            model_name='delivery',
            name='reserved_on',
            field=models.DateField(editable=False, help_text='The UTC day in whose limits it has a place, reserved before it was sent.', null=True),
        ),
        migrations.AddField(
            model_name='domainmask',
            name='bytes_that_day',
            field=models.PositiveBigIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name='domainmask',
            name='counted_on',
            field=models.DateField(editable=False, help_text='The UTC day that the next two are about.', null=True),
        ),
        migrations.AddField(
            model_name='domainmask',
            name='mails_that_day',
            field=models.PositiveBigIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name='profile',
            name='first_reply',
            field=models.BigIntegerField(editable=False, help_text='The delivery of the free reply.', null=True),
        ),
        migrations.AddField(
            model_name='randommask',
            name='bytes_that_day',
            field=models.PositiveBigIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name='randommask',
            name='counted_on',
            field=models.DateField(editable=False, help_text='The UTC day that the next two are about.', null=True),
        ),
        migrations.AddField(
            model_name='randommask',
            name='mails_that_day',
            field=models.PositiveBigIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AlterField(
            model_name='profile',
            name='first_replied_at',
            field=models.DateTimeField(blank=True, help_text="When the owner's first reply was sent, or is being sent.", null=True),
        ),
        migrations.AlterField(
            model_name='profile',
            name='flagged_at',
            field=models.DateTimeField(blank=True, help_text="When the owner sent more replies than a day's limit.", null=True),
        ),
        migrations.CreateModel(
            name='AbusePause',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('began_at', models.DateTimeField(db_index=True)),
                ('replies', models.PositiveBigIntegerField(help_text='The replies of that UTC day until then.')),
                ('lifted_at', models.DateTimeField(help_text='When an operator lifted it.', null=True)),
                ('profile', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='emails.profile')),
            ],
        ),
        migrations.CreateModel(
            name='SenderCounter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=32)),
                ('day', models.DateField()),
                ('mails', models.PositiveBigIntegerField(default=0)),
                ('bytes', models.PositiveBigIntegerField(default=0)),
                ('masks', models.PositiveBigIntegerField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'key'), name='sender_counter_once_a_day')],
            },
        ),
    ]
