"""Is mail getting through, now? One judgement of the whole installation, by age and progress.

The dashboard's first line, `/__heartbeat__`, `manage.py status` and the gauge that the alerts ask
for all say what is decided here.
"""
