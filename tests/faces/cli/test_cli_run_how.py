"""How to compute is checked even where no raster account is asked for."""

import pytest

from qingshan.faces.cli import main


@pytest.mark.parametrize(("given", "word"), [(["--workers", "0"], "--workers"), (["--memory", "lots"], "memory")])
def test_workers_and_memory_that_cannot_be_are_refused(given, word, capsys):
    assert main(["run", "--zone", "nowhere", "--lang", "en", *given]) in (1, 2)
    assert word in capsys.readouterr().err
