"""Which names mails may create masks with, and owners may have."""

import pytest

from emails.rules.names import is_allowed_domain_name, is_allowed_mask_name, is_decent_random_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop", True),
        ("my.shop-2_x", True),
        ("a", True),
        ("essex", True),
        ("scunthorpe", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        (".shop", False),
        ("shop.", False),
        ("a..b", False),
        ("odd local", False),
        ("o'neil", False),
        ("Shop", False),
        ("ümlaut", False),
        ("shop\n", False),
        ("admin", False),
        ("postmaster", False),
        ("fuck", False),
        ("you-fuck.er", False),
        ("f.u.c.k", False),
    ],
)
def test_names_of_domain_masks(name: str, expected: bool) -> None:
    assert is_allowed_mask_name(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ann", True),
        ("ann-2", True),
        ("www", False),
        ("mail", False),
        ("admin", False),
        ("xn--bcher-kva", False),
        ("ann.b", False),
        ("-ann", False),
        ("ann_b", False),
        ("a" * 64, False),
        ("shit", False),
    ],
)
def test_names_of_owners(name: str, expected: bool) -> None:
    assert is_allowed_domain_name(name) is expected


def test_a_random_name_contains_no_offensive_word() -> None:
    assert not is_decent_random_name("x7fuck2")
    assert is_decent_random_name("x7k2m9")
