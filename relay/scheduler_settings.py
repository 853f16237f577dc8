"""Settings of the scheduler, and of the migrations: placeholders for what they don't use.

The scheduler only puts periodic jobs into Redis. It is told no key of ours, so that whoever breaks
into it can't sign a link or read a reply record. The migrations need the database, and the key of
the hashes in it.
"""

import os

from relay import placeholder_settings

placeholder_settings.fill_in(os.environ)

from relay.settings import *
