"""What is so about a state directory, and what that means."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from tuturuuu_jobs.diagnosis.findings import Severity
from tuturuuu_jobs.diagnosis.state import (
    StateFacts,
    file_system_of,
    judge_metrics,
    judge_state,
    judge_zones,
    look_at_metrics,
    look_at_state,
    look_for_zones,
)

SOUND = StateFacts(
    path=Path("/var/lib/tuturuuu-jobs"),
    uid=990,
    owner=990,
    mode=0o700,
    writable=True,
    file_system="ext4",
    locking=True,
    free_bytes=10 << 30,
    unsettled=0,
    unreadable=0,
)


def judge(**changes: object) -> dict[str, Severity]:
    facts = dataclasses.replace(SOUND, **changes)  # type: ignore[arg-type]  # by field name
    return {finding.code: finding.severity for finding in judge_state(facts)}


def test_a_sound_directory_is_good() -> None:
    assert judge() == {"state_directory": Severity.OK, "locks_hold": Severity.OK}


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"writable": False}, "state_not_writable", Severity.SERIOUS),
        ({"owner": None, "locking": None}, "state_absent", Severity.NOTE),
        ({"uid": 0, "locking": None}, "state_of_another_user", Severity.WARNING),
        ({"mode": 0o770}, "state_open_to_others", Severity.WARNING),
        ({"locking": False}, "locks_do_not_hold", Severity.SERIOUS),
        ({"file_system": "nfs4"}, "locks_on_network", Severity.WARNING),
        ({"file_system": "fuse.sshfs"}, "locks_on_network", Severity.WARNING),
        ({"path": Path("/tmp/state")}, "state_may_vanish", Severity.WARNING),
        ({"free_bytes": 5 << 20}, "disk_almost_full", Severity.WARNING),
        ({"unsettled": 2}, "results_unsettled", Severity.NOTE),
        ({"unreadable": 1}, "results_unreadable", Severity.WARNING),
    ],
)
def test_each_weakness_is_told(changes: dict[str, object], code: str, severity: Severity) -> None:
    assert judge(**changes)[code] is severity


MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/export /var nfs4 rw 0 0
/dev/vdb /var/lib xfs rw 0 0
tmpfs /mnt/with\\040space tmpfs rw 0 0
/dev/vdc /srv ext4 rw 0 0
cluster:/srv /srv ceph rw 0 0
nonsense
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc", "ext4"),
        ("/var/log", "nfs4"),
        ("/var/library", "nfs4"),
        ("/var/lib/tuturuuu-jobs", "xfs"),
        ("/mnt/with space/state", "tmpfs"),
        ("/srv", "ceph"),
    ],
)
def test_the_closest_and_last_mount_holds_a_path(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind


def test_an_unknown_table_of_mounts_says_nothing() -> None:
    assert file_system_of(Path("/var"), "") == ""


def test_looking_leaves_a_directory_as_it_was(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    for name in ("a.json", "b.json", "c.unreadable"):
        (spool / name).touch()
    tmp_path.chmod(0o700)

    facts = look_at_state(tmp_path)

    assert (facts.locking, facts.writable, facts.owner) == (True, True, os.geteuid())
    assert (facts.unsettled, facts.unreadable) == (2, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["spool"]


def test_looking_makes_no_directory(tmp_path: Path) -> None:
    facts = look_at_state(tmp_path / "not" / "yet")

    assert facts.owner is None
    assert facts.locking is None
    assert facts.writable
    assert list(tmp_path.iterdir()) == []


def test_zones_that_nobody_knows_are_named() -> None:
    assert look_for_zones(["Europe/Berlin", "Mars/Olympus", "../etc/passwd"]) == [
        "Mars/Olympus",
        "../etc/passwd",
    ]
    [found] = judge_zones(["Mars/Olympus"])
    assert found.severity is Severity.SERIOUS


def test_a_place_for_metrics_that_is_missing_is_a_warning(tmp_path: Path) -> None:
    missing = tmp_path / "missing"

    [good] = judge_metrics(tmp_path, writable=look_at_metrics(tmp_path))
    [bad] = judge_metrics(missing, writable=look_at_metrics(missing))

    assert (good.severity, bad.severity) == (Severity.OK, Severity.WARNING)
