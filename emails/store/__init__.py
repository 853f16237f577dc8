"""The database: every query and write of the workers, by subject."""
