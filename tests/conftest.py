"""The fixtures of all tests, each subject in its own plugin, and how long properties search.

Ordinarily the same examples are tried each time, so that a red run means a change and not a new
find; ``make soak`` looks for new ones. ``make defects`` needs no smallest example.
"""

from hypothesis import Phase, settings

EXAMPLES = 50

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
