"""Contracts: one test class for every implementation of a Protocol of ``freebusy.ports``."""

import pytest

# the shared classes are no test_*.py modules: without this their asserts would show no values
pytest.register_assert_rewrite(
    "tests.contract.access_contract",
    "tests.contract.folders_contract",
    "tests.contract.place",
    "tests.contract.source_contract",
    "tests.contract.sync_contract",
    "tests.contract.watch_contract",
)
