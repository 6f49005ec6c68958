"""What of its environment a parent hands on."""

from tuturuuu_jobs.orchestration.environment import child_environ


def test_settings_and_the_place_are_handed_on_and_nothing_else() -> None:
    handed_on = {
        "DATABASE_URL": "postgresql://",
        "DATABASE_URL_FILE": "/run/url",
        "GOOGLE_CLIENT_SECRET": "s",
        "TUTURUUU_JOBS_CONFIG": "/etc/c.toml",
        "TUTURUUU_JOBS_LOG_LEVEL": "info",
        "CREDENTIALS_DIRECTORY": "/run/credentials",
        "PATH": "/usr/bin",
        "LC_ALL": "C.UTF-8",
        "PGSSLROOTCERT": "/etc/ca.pem",
    }
    kept_back = {
        "AWS_SECRET_ACCESS_KEY": "x",
        "LD_PRELOAD": "/tmp/evil.so",
        "PYTHONPATH": "/tmp",
        "PYTHONSTARTUP": "/tmp/x",
        "NOTIFY_SOCKET": "/run/systemd/notify",
        "TUTURUUU_JOBS_UNKNOWN": "x",
    }

    found = child_environ(handed_on | kept_back)

    assert found == handed_on | {"MALLOC_ARENA_MAX": "2", "PYTHONFAULTHANDLER": "1"}
