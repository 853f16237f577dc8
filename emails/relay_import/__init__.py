"""Moving from Firefox Relay, the predecessor: its database's owners, masks and replies become ours.

`manage.py import_relay` copies and follows its database, of which only `schema.py` knows tables;
`convert.py` says what each row becomes, and is pure. Nobody who doesn't move needs any of this.
"""
