"""Durations in words. Pure."""


def duration(seconds: float) -> str:
    """Format a duration in seconds, minutes, hours or days, in about two digits."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"
