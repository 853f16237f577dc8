"""The form that orders a control."""

from typing import Any

from django import forms

from relay.operations.dead_letters.filters import read_age
from runtime.controls.values import MAX_WHY, Action

_NAMES = {
    Action.PAUSE_RECEIVING: "Pause receiving",
    Action.PAUSE_SENDING: "Pause sending",
    Action.FREEZE_MASK: "Freeze a mask (random-12)",
    Action.FREEZE_OWNER: "Freeze an owner (their id)",
    Action.FREEZE_DOMAIN: "Freeze a sender's domain (example.com)",
    Action.FREEZE_REASON: "Freeze a reason (new_mask)",
}


class OrderForm(forms.Form):
    """What, for how long, and why."""

    action = forms.ChoiceField(choices=[(one.value, name) for one, name in _NAMES.items()])
    target = forms.CharField(
        required=False,
        max_length=253,
        label="What to freeze",
        widget=forms.TextInput(attrs={"autocapitalize": "none"}),
    )
    lasts = forms.CharField(
        max_length=10, label="For", widget=forms.TextInput(attrs={"placeholder": "30m, 3h, 2d"})
    )
    why = forms.CharField(max_length=MAX_WHY, label="Why")

    def clean_action(self) -> Action:
        """Return the action."""
        return Action(self.cleaned_data["action"])

    def clean_lasts(self) -> Any:
        """Return how many seconds it lasts."""
        try:
            return read_age(self.cleaned_data["lasts"]).total_seconds()
        except ValueError:
            raise forms.ValidationError(
                "A time is a whole number and a unit: 90s, 10m, 3h or 2d."
            ) from None
