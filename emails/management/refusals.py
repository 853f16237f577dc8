"""Django's refusals, as commands show them."""

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError


def in_one_line(error: ValidationError) -> str:
    """Give all that is wrong, in one line: `field: what`, …; without a field what is of none."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(
        " ".join(messages) if field == NON_FIELD_ERRORS else f"{field}: {' '.join(messages)}"
        for field, messages in error.message_dict.items()
    )
