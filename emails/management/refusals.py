"""Django's refusals, as commands show them."""

from django.core.exceptions import ValidationError


def in_one_line(error: ValidationError) -> str:
    """Give all that is wrong, in one line: `field: what`, …"""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(
        f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items()
    )
