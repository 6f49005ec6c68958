"""The fixtures of all tests, each subject in its own plugin."""

pytest_plugins = [
    "tests.fixtures.emulator",
    "tests.fixtures.postgres",
    "tests.fixtures.scene",
]
