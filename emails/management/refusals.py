"""Formats Django's validation errors for commands."""

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError


def in_one_line(error: ValidationError) -> str:
    """Join all errors into one line: `field: message`; non-field errors without a prefix."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(
        " ".join(messages) if field == NON_FIELD_ERRORS else f"{field}: {' '.join(messages)}"
        for field, messages in error.message_dict.items()
    )
