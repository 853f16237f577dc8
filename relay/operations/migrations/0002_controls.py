"""The audit trail of the operators' controls."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('operations', '0001_dead_letter_permissions'),
    ]

    operations = [
        migrations.CreateModel(
            name='ControlRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('control_id', models.CharField(max_length=12, unique=True)),
                ('action', models.CharField(max_length=20)),
                ('target', models.CharField(blank=True, max_length=253)),
                ('by', models.CharField(max_length=100)),
                ('why', models.CharField(max_length=200)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_by', models.CharField(blank=True, max_length=100)),
            ],
            options={
                'verbose_name': 'control',
                'permissions': (('view_control', 'Can see the controls'), ('change_control', 'Can pause, freeze, and end controls')),
                'default_permissions': (),
                'indexes': [models.Index(fields=['until'], name='control_by_end')],
            },
        ),
    ]
