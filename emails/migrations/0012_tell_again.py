"""A mail that is held again, for another reason, is told of again."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('emails', '0011_gets_digests'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='heldmail',
            name='held_mail_untold',
        ),
        migrations.AddField(
            model_name='heldmail',
            name='tell_again',
            field=models.BooleanField(db_default=False, default=False, help_text='Its owner is to be told of it again, in the next digest.'),
        ),
        migrations.AddIndex(
            model_name='heldmail',
            index=models.Index(condition=models.Q(('state', 'held'), models.Q(('digest__isnull', True), ('tell_again', True), _connector='OR')), fields=['held_at'], name='held_mail_untold'),
        ),
    ]
