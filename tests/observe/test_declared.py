"""What every table that people declare beside a network shares: one clear refusal of a file that cannot be read."""

from pathlib import Path

import pytest

from qingshan.core.errors import DeclarationError
from qingshan.observe.alert.outbox import read_recipients
from qingshan.observe.alert.replay import read_episodes
from qingshan.observe.alert.rule import read_alert_rules
from qingshan.observe.declared import declared_rows
from qingshan.observe.quality.plan import read_plan
from qingshan.observe.statistics.rules import read_rules

READERS = (read_recipients, read_episodes, read_alert_rules, read_plan, read_rules)


def test_rows_have_their_line_and_stripped_cells(tmp_path: Path) -> None:
    """A row cut short has empty cells, a line break inside quotes counts, columns beyond the asked ones stay."""
    (tmp_path / "t.csv").write_text('\ufeffa,b,c\n 1 ,"x\ny",2\n3\n', encoding="utf-8")
    assert declared_rows(tmp_path / "t.csv", ("b", "a")) == [
        (3, {"a": "1", "b": "x\ny", "c": "2"}),
        (4, {"a": "3", "b": "", "c": ""}),
    ]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("content", "said"),
    [("名称,站点\n".encode("gb18030"), "cannot be read"), (b"x,y\n1,2\n", "columns are missing"), (None, "cannot be read")],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_one_error(tmp_path: Path, read, content: bytes | None, said: str) -> None:
    file = tmp_path / "table.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DeclarationError, match=said) as refused:
        read(file)
    assert refused.value.where == "table.csv" and refused.value.fix and refused.value.zh
