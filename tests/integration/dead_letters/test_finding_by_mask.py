"""Dead letters are found by the id of a mask, whose address only the database knows."""

from datetime import UTC, datetime

import pytest

from bridge.ledger.dead_letters import DeadLetters
from emails.values.facts import MaskRef
from relay.operations.dead_letters import handling
from relay.operations.dead_letters.filters import Filters
from tests.dead_letters import Bury
from tests.integration.emails.conftest import a_domain_mask, a_mask, an_owner
from tests.unit.operations.builders import a_notification


@pytest.mark.django_db
def test_a_mask_is_found_by_its_id(store: DeadLetters, bury: Bury) -> None:
    owner = an_owner(is_premium=True, subdomain="ann")
    random, domain = a_mask(owner), a_domain_mask(owner)
    to_random = bury(notification=a_notification("X7K2+tag@masks.example"))
    to_domain = bury(notification=a_notification("shop@ann.masks.example"), minutes_ago=1)
    bury(notification=a_notification("other@masks.example"))

    for mask, dead_letter_id in ((random, to_random), (domain, to_domain)):
        found = handling.find_mask(MaskRef(mask.KIND, mask.pk))
        assert found is not None
        letters = handling.find(store, Filters(mask=found), datetime.now(UTC))
        assert [letter.place.id for letter in letters] == [dead_letter_id]
