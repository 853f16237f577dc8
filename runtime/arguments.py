"""Kinds of arguments that several commands take."""

from argparse import ArgumentTypeError


def positive(text: str) -> int:
    """Read a whole number of one or more. Raises `ArgumentTypeError`."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ArgumentTypeError(f"must be a whole number of 1 or more, not {text!r}")
    return number
