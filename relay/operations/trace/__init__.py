"""What became of a mail: its whole story, from any one of its ids.

evidence   what Redis's events and PostgreSQL's rows say, read into values
gathering  finds all of it that belongs together
telling    puts it in order, says how it ended, and what can't be known
"""
