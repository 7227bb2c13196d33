"""The environment's budget, in rows."""

import pytest

from tatemono.domain.generations.budgets import BUDGET_SHARDS, MICROS_PER_DOLLAR, Terms, shards_for


class TestShardsFor:
    @pytest.mark.parametrize(
        ("dollars", "rows"), [(0, 1), (2, 1), (9, 1), (10, 2), (159, 31), (160, 32), (100_000, 32)]
    )
    def test_leaves_five_dollars_in_each_row(self, dollars: int, rows: int) -> None:
        assert shards_for(dollars * MICROS_PER_DOLLAR) == rows
        assert rows <= BUDGET_SHARDS

    def test_never_lets_all_rows_exceed_the_budget(self) -> None:
        for micros in range(0, 200 * MICROS_PER_DOLLAR, 3_333_333):
            terms = Terms(0, 0, micros, "Asia/Tokyo", shards=shards_for(micros))
            assert terms.shard_micros * terms.shards <= micros
