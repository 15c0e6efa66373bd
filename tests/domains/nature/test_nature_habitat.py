"""Habitat methods: values by hand from the guide's equations; every cell form equals its method."""

import numpy as np
import pytest

from qingshan.core.cell import CELLS
from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds
from qingshan.domains.nature import habitat

load_domains()


def test_threat_decay():
    """Linear: 1 - 250/1000. Exponential: the guide prints about 55 % left at 200 m of 1 km, exp(-0.598) = 0.549911, and 5 % at 1 km."""
    assert habitat.threat_decay(250.0, 1000.0, "linear") == pytest.approx(0.75)
    np.testing.assert_allclose(
        habitat.threat_decay(np.array([200.0, 1000.0, 1001.0]), 1000.0, "exponential"),
        [0.549911, 0.050287, 0],
        rtol=1e-5,
    )
    with pytest.raises(OutOfBounds):
        habitat.threat_decay(1.0, 0.0, "linear")


def test_degradation_weighs_threats_by_their_share():
    """Weights 1 and 3 are 1/4 and 3/4: 0.5 (1/4 0.8 1 + 3/4 0.2 0.5) = 0.5 (0.2 + 0.075) = 0.1375."""
    assert habitat.habitat_degradation([0.8, 0.2], [1.0, 3.0], [1.0, 0.5], 0.5) == pytest.approx(0.1375)
    assert np.isnan(habitat.habitat_degradation([0.8], [0.0], [1.0], 1.0))


def test_quality_is_halved_at_the_half_saturation():
    assert habitat.habitat_quality(0.8, 0.05, 0.05, 2.5) == pytest.approx(0.4)
    assert habitat.habitat_quality(0.8, 0.0, 0.05, 2.5) == pytest.approx(0.8)
    assert np.isnan(habitat.habitat_quality(0.8, 0.0, 0.0, 2.5))


def test_rarity():
    """Unchanged 0.5; a quarter of its base 1 - 1/5; new 0; on neither map nothing."""
    np.testing.assert_array_equal(
        habitat.habitat_rarity([4.0, 1.0, 3.0, 0.0], [4.0, 4.0, 0.0, 0.0]), [0.5, 0.8, 0.0, np.nan]
    )


def test_each_cell_form_equals_its_method():
    one, quality = (
        CELLS["nature.habitat_degradation@invest_guide:one_threat"],
        CELLS["nature.habitat_quality@invest_guide"],
    )
    rng = np.random.default_rng(2)
    for _ in range(100):
        effect, weight, sensitivity, access = rng.random(3), rng.random(3), rng.random(3), rng.random()
        parts = [
            one.function(e, w / weight.sum(), s, access) for e, w, s in zip(effect, weight, sensitivity, strict=True)
        ]
        assert sum(parts) == pytest.approx(
            float(habitat.habitat_degradation(effect, weight, sensitivity, access)), rel=1e-12
        )
        h, d, k = rng.random(), rng.choice([0.0, rng.random()]), rng.choice([0.0, rng.random()])
        np.testing.assert_allclose(
            quality.function(h, d, k, 2.5), habitat.habitat_quality(h, d, k, 2.5), rtol=1e-12, atol=1e-14
        )
