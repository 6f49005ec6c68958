"""The fixtures of all tests, each subject in its own plugin, and how long properties search.

Kinds of tests go one after another, the fast ones first; inside a kind the order changes each time.
Ordinarily the same examples are tried each time, so that a red run means a change and not a new
find; ``make soak`` looks for new ones. ``make defects`` needs no smallest example.
"""

from pathlib import Path
from typing import Final

import pytest
from hypothesis import Phase, settings

EXAMPLES: Final = 50
# What takes longest by itself comes before what only is much.
KINDS: Final = ("unit", "contract", "docs", "integration", "killing", "acceptance")
HERE: Final = Path(__file__).parent

settings.register_profile("steady", derandomize=True, deadline=None, max_examples=EXAMPLES)
settings.register_profile("soak", derandomize=False, deadline=None, max_examples=1000)
settings.register_profile(
    "defects",
    derandomize=True,
    deadline=None,
    max_examples=EXAMPLES,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile("steady")

pytest_plugins = [
    "tests.fixtures.emulator",
    "tests.fixtures.postgres",
    "tests.fixtures.scene",
]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by their kinds, behind whoever has shuffled them."""
    items.sort(key=lambda item: KINDS.index(item.path.relative_to(HERE).parts[0]))
