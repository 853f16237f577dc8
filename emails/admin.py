"""The admin's pages: what support needs to see, without mail content."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from emails.admin_search import PostedSearchAdmin
from emails.flow import mailbox_probes
from emails.models import (
    AbuseCounter,
    AbusePause,
    BlockedSender,
    DeletedMask,
    Delivery,
    DeliveryState,
    DomainMask,
    HeldMail,
    MailboxBreaker,
    Profile,
    RandomMask,
    RegisteredSubdomain,
    Reply,
    why_refused,
)
from emails.store import doubts, held
from emails.store.reservations import lift_abuse_pause

_PAGE = 500


class OwnersUserForm(UserChangeForm):  # type: ignore[type-arg]
    """A user, who may be an owner."""

    def clean_email(self) -> str:
        """Refuse an address that can't be an owner's."""
        address: str = self.cleaned_data["email"]
        is_owner = Profile.objects.filter(user=self.instance.pk).exists()
        if is_owner and (why := why_refused(address, self.instance.pk)):
            raise forms.ValidationError(why)
        return address


class OwnersUserAdmin(PostedSearchAdmin, UserAdmin):  # type: ignore[type-arg]
    """Users; an owner's real address is their user's."""

    form = OwnersUserForm


class PostedGroupAdmin(PostedSearchAdmin, GroupAdmin):
    """Groups of staff."""


admin.site.unregister((get_user_model(), Group))
admin.site.register(get_user_model(), OwnersUserAdmin)
admin.site.register(Group, PostedGroupAdmin)


class _ReadOnly(PostedSearchAdmin):
    """Rows that only the workers write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Forbid it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Forbid it."""
        return False


@admin.register(Profile)
class ProfileAdmin(PostedSearchAdmin):
    """Owners."""

    list_display = ("id", "user", "is_premium", "subdomain", "language", "flagged_at")
    list_filter = (
        "is_premium",
        "language",
        "note_place",
        "blocks_spam",
        "gets_digests",
        "user__is_active",
    )
    search_fields = ("user__email__iexact", "user__username", "subdomain")
    raw_id_fields = ("user",)
    readonly_fields = ("created_at",)
    list_select_related = ("user",)


class MaskAdmin(PostedSearchAdmin):
    """Masks of one kind. Counters are read-only: saving them would undo the workers' counting."""

    list_display = ("address", "profile", "block", "forwarded", "blocked", "replied")
    list_filter = ("block", "domain", "created_at", "last_used_at")
    search_fields = ("local", "domain", "profile__user__email__iexact", "label")
    raw_id_fields = ("profile",)
    readonly_fields = (
        "forwarded",
        "blocked",
        "dropped",
        "replied",
        "trackers_removed",
        "created_at",
        "last_used_at",
    )


admin.site.register(RandomMask, MaskAdmin)
admin.site.register(DomainMask, MaskAdmin)


@admin.register(Delivery)
class DeliveryAdmin(_ReadOnly):
    """Deliveries and their outcomes. Here operators decide the ones in doubt."""

    list_display = (
        "sns_message_id",
        "state",
        "outcome",
        "reason",
        "created_at",
        "finished_at",
        "dead_letter",
    )
    list_filter = ("state", "outcome", "reason", "created_at")
    search_fields = ("sns_message_id", "=sqs_message_id", "=mail_id", "=sent_as")
    actions = ("was_sent", "send_again")

    @admin.display(description="Dead letter")
    def dead_letter(self, delivery: Delivery) -> str:
        """Link to the dead letter of one that isn't finished, if there is one."""
        if delivery.state == DeliveryState.FINISHED:
            return ""
        # By its path: `emails` does not know the pages of `relay`.
        query = urlencode({"sns_message_id": delivery.sns_message_id})
        return format_html('<a href="../../dead-letters/?{}">look for it</a>', query)

    @admin.action(description="It was sent: don't send it again", permissions=["delete"])
    def was_sent(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Finish deliveries in doubt. A message that comes back for them ends in order."""
        finished = doubts.say_sent(queryset, timezone.now())
        self.message_user(request, f"{finished} deliveries count as sent.")

    @admin.action(description="Not sent: let the next attempt send it", permissions=["delete"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Delete deliveries in doubt, so that a redelivered or requeued message is sent again."""
        deleted = doubts.say_not_sent(queryset)
        self.message_user(request, f"{deleted} deliveries will be tried again.")


@admin.register(HeldMail)
class HeldMailAdmin(_ReadOnly):
    """Held mails, and what became of them. Rows lead to mails in S3, so none is deleted here."""

    list_display = ("id", "reason", "state", "outcome", "owner", "size", "received_at")
    list_filter = ("state", "reason", "outcome", "received_at")
    search_fields = ("=id", "=owner__id", "sns_message_id")
    list_select_related = ("owner",)
    exclude = ("sender",)
    actions = ("release", "discard")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Forbid it: `discard` ends a mail, and a job then deletes it from S3."""
        return False

    def has_release_permission(self, request: HttpRequest) -> bool:
        """Return whether this user may release held mails."""
        return request.user.has_perm("emails.release_heldmail")

    def has_discard_permission(self, request: HttpRequest) -> bool:
        """Return whether this user may discard held mails."""
        return request.user.has_perm("emails.delete_heldmail")

    @admin.action(description="Release: forward them to their owners", permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[HeldMail]) -> None:
        """Release the chosen mails that are held."""
        done = sum(map(held.release, _pages_of_ids(queryset)))
        self._tell(request, f"Released {done} held mails.")

    @admin.action(description="Discard: delete them for good", permissions=["discard"])
    def discard(self, request: HttpRequest, queryset: QuerySet[HeldMail]) -> None:
        """Discard the chosen mails that are held."""
        now = datetime.now(UTC)
        done = sum(held.discard(ids, now) for ids in _pages_of_ids(queryset))
        self._tell(request, f"Discarded {done} held mails.")

    def _tell(self, request: HttpRequest, text: str) -> None:
        """Say what was done, and record it in the admin's history."""
        LogEntry.objects.create(
            user_id=request.user.pk or 0,
            content_type=ContentType.objects.get_for_model(HeldMail),
            object_repr="held mails",
            action_flag=CHANGE,
            change_message=text,
        )
        self.message_user(request, text)


def _pages_of_ids(queryset: QuerySet[HeldMail]) -> Iterator[list[int]]:
    """Yield the ids in pages, so that no transaction is long. All are read first."""
    ids = list(queryset.order_by("pk").values_list("pk", flat=True))
    return (ids[start : start + _PAGE] for start in range(0, len(ids), _PAGE))


@admin.register(MailboxBreaker)
class MailboxBreakerAdmin(_ReadOnly):
    """Owners whose mailbox bounces, so that their mail is held."""

    list_display = (
        "profile",
        "meaning",
        "step",
        "opened_at",
        "next_probe_at",
        "probe_sent_at",
    )
    list_filter = ("meaning", "step", "opened_at")
    search_fields = ("profile__user__email__iexact", "profile__user__username")
    exclude = ("address", "probe_delivery", "probe_ses_id")
    actions = ("close",)

    @admin.action(description="Close: forward the held mail", permissions=["delete"])
    def close(self, request: HttpRequest, queryset: QuerySet[MailboxBreaker]) -> None:
        """Close breakers, and release what is held for them."""
        closed = mailbox_probes.close_by_hand(list(queryset.values_list("pk", flat=True)))
        self.message_user(request, f"{closed} closed; their mail is forwarded within minutes.")


@admin.register(Reply)
class ReplyAdmin(_ReadOnly):
    """Reply records: their mask and age."""

    list_display = ("id", "random_mask", "domain_mask", "created_at")
    list_filter = ("created_at",)
    search_fields = ("random_mask__local", "domain_mask__local")
    exclude = ("metadata", "lookup")


@admin.register(BlockedSender)
class BlockedSenderAdmin(_ReadOnly):
    """Blocked senders: whose, and for which mask, but not who. Deleting one unblocks it."""

    list_display = ("id", "owner", "random_mask", "domain_mask", "created_at")
    list_filter = ("created_at",)
    search_fields = ("owner__user__email__iexact", "random_mask__local", "domain_mask__local")
    exclude = ("sender", "lookup", "sealed", "held_mail")


@admin.register(AbuseCounter)
class AbuseCounterAdmin(_ReadOnly):
    """Counts per owner and day."""

    list_display = ("profile", "day", "replies", "masks")
    list_filter = ("day",)
    search_fields = ("profile__user__email__iexact",)


@admin.register(AbusePause)
class AbusePauseAdmin(_ReadOnly):
    """Owners who sent too many replies, for review."""

    list_display = ("profile", "began_at", "replies", "lifted_at")
    list_filter = (("lifted_at", admin.EmptyFieldListFilter), "began_at")
    search_fields = ("profile__user__email__iexact",)
    list_select_related = ("profile",)
    ordering = ("-began_at",)
    actions = ("lift",)

    @admin.action(description="Lift the pause: the owner can reply again", permissions=["delete"])
    def lift(self, request: HttpRequest, queryset: QuerySet[AbusePause]) -> None:
        """Lift the chosen pauses; today's replies count from zero again."""
        lifted = sum(lift_abuse_pause(pause, timezone.now()) for pause in queryset)
        self.message_user(request, f"{lifted} pauses were lifted.")


@admin.register(DeletedMask)
class DeletedMaskAdmin(_ReadOnly):
    """Hashes of deleted masks' addresses, which are never given out again."""

    list_display = ("id", "deleted_at")
    list_filter = ("deleted_at",)
    search_fields = ("address_hash",)


@admin.register(RegisteredSubdomain)
class RegisteredSubdomainAdmin(_ReadOnly):
    """Hashes of owners' names, which are never given to anyone else."""

    list_display = ("id", "registered_at")
    list_filter = ("registered_at",)
    search_fields = ("name_hash",)
