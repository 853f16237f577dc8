"""Django's engine for PostgreSQL, with a limit to each wait for an answer."""
