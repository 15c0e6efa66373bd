"""The last gate: no tradable instrument is of karst or grass carbon, under whatever name it is put into the catalogue."""

from datetime import date

import pytest

from qingshan.accounts.claim.index import declaration
from qingshan.ledger.book import Refused
from qingshan.rights.instruments import Instrument, parse_asset, schemes

SEPARATE = (*declaration()["separate"], "karst", "grass", "grassland", "carbon_sink")


@pytest.mark.parametrize("word", SEPARATE)
def test_no_instrument_of_a_separate_account_may_be_issued(word):
    """As a scheme of its own, and as a kind within each scheme there is."""
    for scheme, subtype in ((word, word), *((s, word) for s in schemes())):
        made = Instrument(scheme, subtype, "520000", "source", date(2025, 1, 1), date(2026, 1, 1))
        with pytest.raises(Refused):
            made.check()
        with pytest.raises(Refused):
            parse_asset(made.asset).check()


def test_the_only_carbon_that_may_be_issued_is_that_of_forests():
    may = {
        (name, kind) for name, s in schemes().items() if s.may_issue == "yes" and "CO2" in s.unit for kind in s.subtypes
    }
    assert may == {("ticket", "forest")}
