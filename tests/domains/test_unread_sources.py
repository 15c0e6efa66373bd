"""What was written down without the printed page at hand stays out of official releases until the page is compared."""

import pytest

from qingshan.core.domain import load_domains
from qingshan.core.method import REGISTRY
from qingshan.core.parameter import RELEASE_STATUSES

ROWS = list(load_domains().parameters())
UNREAD = ("未读原文", "未与原")
"""How a note says that nobody compared the row with its document."""


def test_rows_not_compared_with_their_page_are_doubtful():
    unread = [r for r in ROWS if any(words in r.note for words in UNREAD)]
    assert {"water.curve_number_a", "forest.fpar_max"} <= {r.parameter for r in unread}
    assert not [r.key for r in unread if r.status in RELEASE_STATUSES]


@pytest.mark.parametrize(
    "ref", ["forest.temperature_stress_1@potter1993", "forest.temperature_stress_2@potter1993", "forest.fpar@ndvi"]
)
def test_formulas_not_compared_with_their_page_are_doubtful(ref):
    assert REGISTRY[ref].status == "ocr_doubt"


def test_formulas_of_routing_are_restated_ones():
    """The papers stand in `clause`; what was read is their restatement (spec/spatial.md, the peer's guide)."""
    modules = {"delivery", "nutrient", "baseflow"}
    of_routing = [m for m in REGISTRY.all() if m.function.__module__.rpartition(".")[2] in modules]
    assert len(of_routing) > 40
    assert {m.status for m in of_routing} <= {"secondary", "project"}
