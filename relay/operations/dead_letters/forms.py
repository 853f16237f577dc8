"""The filter form of the dead letters' page; its URL uses the same fields."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from relay.operations.dead_letters import handling
from relay.operations.dead_letters.filters import (
    QUEUES,
    Filters,
    MaskFilter,
    read_age,
    read_id,
    read_mask,
    read_reason,
)


class _Read(forms.CharField):
    """A field whose text `read` parses, or rejects with a ValueError that says why."""

    def __init__(self, read: Callable[[str], Any], *, hint: str, pattern: str) -> None:
        attributes = {"placeholder": hint, "pattern": pattern, "autocapitalize": "none"}
        widget = forms.TextInput(attrs=attributes)
        super().__init__(required=False, max_length=130, widget=widget)
        self._read = read

    def clean(self, value: Any) -> Any:
        """Return the value; None for an empty field."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return self._read(text)
        except ValueError as error:
            raise ValidationError(f"{error}.".capitalize()) from error


class FilterForm(forms.Form):
    """The filters."""

    queue = forms.ChoiceField(
        choices=[("", "all queues"), *((queue, queue) for queue in QUEUES)], required=False
    )
    reason = _Read(read_reason, hint="refused", pattern="[A-Za-z0-9_.:]+")
    older_than = _Read(read_age, hint="10m", pattern="[0-9]+[smhd]")
    newer_than = _Read(read_age, hint="2d", pattern="[0-9]+[smhd]")
    # The pattern has no @, so no address gets into a URL.
    mask_id = _Read(read_mask, hint="random-12", pattern="(random|domain)-[0-9]+")
    sqs_message_id = _Read(read_id, hint="an id", pattern="[A-Za-z0-9_-]+")
    sns_message_id = _Read(read_id, hint="an id", pattern="[A-Za-z0-9_-]+")

    def clean_mask_id(self) -> MaskFilter | None:
        """Find the mask."""
        ref = self.cleaned_data["mask_id"]
        mask = handling.find_mask(ref) if ref is not None else None
        if ref is not None and mask is None:
            raise ValidationError(f"There is no mask {ref}.")
        return mask

    def filters(self) -> Filters:
        """Return the filters of a valid form."""
        found = self.cleaned_data
        return Filters(
            queue=found["queue"],
            reason=found["reason"] or "",
            older_than=found["older_than"],
            newer_than=found["newer_than"],
            mask=found["mask_id"],
            sqs_message_id=found["sqs_message_id"] or "",
            sns_message_id=found["sns_message_id"] or "",
        )

    def query(self) -> dict[str, str]:
        """Return the filled-in fields of a valid form, for a URL."""
        return {name: self.data[name].strip() for name in self.fields if self.data.get(name)}
