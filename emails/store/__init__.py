"""The database: all the workers' queries and writes, one module per subject."""
