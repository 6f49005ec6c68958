"""Mistakes in the sync, and in what it stands on."""

from __future__ import annotations

from typing import Final

from tests.defects.seed import Seed

PLAN: Final = ("tests/unit/sync/test_plan.py", "tests/unit/sync/test_plan_properties.py")
ITEMS: Final = ("tests/unit/sync/test_items.py",)
ROUTES: Final = (
    "tests/unit/sync/test_routes.py",
    "tests/integration/sync/test_shared_calendar.py",
)
SYNC: Final = ("tests/integration/sync/test_sync.py", "tests/integration/sync/test_rows.py")
PAGES: Final = (
    "tests/integration/sync/test_faults.py",
    "tests/integration/sync/test_cases.py",
)
SWEEP: Final = ("tests/integration/sync/test_sweep.py",)
WINDOW: Final = ("tests/integration/sync/test_window.py",)
ESCALATION: Final = ("tests/integration/sync/test_escalation.py",)
REFRESH: Final = (
    "tests/integration/sync/test_refresh.py",
    "tests/integration/sync/test_refusals.py",
)
RETRIES: Final = ("tests/integration/sync/test_retries.py",)
ADOPTION: Final = ("tests/integration/sync/test_adoption.py",)
ENCRYPTED: Final = ("tests/integration/sync/test_encrypted.py",)
GUEST: Final = ("tests/integration/sync/test_guest.py",)
VERIFY: Final = ("tests/integration/sync/test_verify.py",)

SEEDS: Final = tuple(
    Seed(name, f"sync/{file}", right, wrong, tests)
    for name, file, right, wrong, tests in (
        (
            "a sweep without guard",
            "plan.py",
            "return count.candidates > max(GUARD_ROWS, GUARD_SHARE * count.in_window)",
            "return False",
            SWEEP,
        ),
        (
            "a sweep up to the window's edges",
            "plan.py",
            "return Window(window.start + SLACK, window.end - SLACK)",
            "return Window(window.start - SLACK, window.end + SLACK)",
            SWEEP,
        ),
        (
            "a sweep after an empty listing",
            "staging.py",
            "doubtful = exceeds_guard(count) or (commit.listed_nothing and not commit.confirmed)",
            "doubtful = exceeds_guard(count)",
            SWEEP,
        ),
        (
            "a sweep takes rows that are newer than the listing",
            "statements.py",
            '_UNSEEN + " and (e.last_synced_at is null or e.last_synced_at < %(began)s)"',
            '_UNSEEN + " and (%(began)s::timestamptz is not null)"',
            SWEEP,
        ),
        (
            "deletion by a pattern of ids",
            "statements.py",
            (
                "and e.external_calendar_id in (%(calendar)s, %(old)s)"
                " and e.external_event_id = s.event_id"
            ),
            (
                "and e.external_calendar_id in (%(calendar)s, %(old)s)"
                " and starts_with(e.external_event_id, s.event_id)"
            ),
            (*SYNC, *ESCALATION, "tests/integration/sync/test_cases.py"),
        ),
        (
            "the window does not slide",
            "plan.py",
            "if state.edge is None or state.edge < now + payload.future + MIN_LEAD:",
            "if state.edge is None:",
            WINDOW,
        ),
        (
            "a smaller window moves the edge back",
            "plan.py",
            "return Window(now - payload.past, max(wanted, state.edge) if state.edge else wanted)",
            "return Window(now - payload.past, wanted)",
            WINDOW,
        ),
        (
            "all-day events in the machine's zone",
            "plan.py",
            "return datetime.combine(moment, time.min, tzinfo=zone).astimezone(UTC)",
            "return datetime.combine(moment, time.min).astimezone(UTC)",
            (*PLAN, *SYNC),
        ),
        (
            "the last page is dropped",
            "google.py",
            "            yield _page(answer)\n            if page_token is None:\n",
            "            if page_token:\n                yield _page(answer)\n            else:\n",
            SYNC,
        ),
        (
            "the token of the first page is kept",
            "reading.py",
            "                token = page.sync_token\n",
            "                token = token if self.tally.pages > 1 else page.sync_token\n",
            PAGES,
        ),
        (
            "a failed page ends the listing",
            "calendar.py",
            "token = self._reader.read(self._session.list_window(calendar_id, window), window)\n",
            (
                "token = old_token\n        with contextlib.suppress(Exception):\n"
                "            token = self._reader.read("
                "self._session.list_window(calendar_id, window), window)\n"
            ),
            PAGES,
        ),
        (
            "a sweep after a listing without a token",
            "calendar.py",
            "return _Listed(Mode.FULL, why, old_token, None)",
            (
                "return _Listed("
                "Mode.FULL, why, old_token, None, window.end, plan.sweep_area(window))"
            ),
            SWEEP,
        ),
        (
            "a forbidden calendar is an empty one",
            "google.py",
            "            headers = {str(k).lower(): str(v) for k, v in error.resp.items()}\n",
            (
                "            if error.status_code == 403:\n"
                '                return {"items": [], "nextSyncToken": "next"}\n'
                "            headers = {str(k).lower(): str(v) for k, v in error.resp.items()}\n"
            ),
            REFRESH,
        ),
        (
            "the token is stored before the data",
            "staging.py",
            (
                "        with self._connection.transaction():\n"
                "            refused = self.refused_sweep(commit)\n"
            ),
            (
                "        self._store_token(commit)\n"
                "        commit = dataclasses.replace(commit, new_token=None)\n"
                "        with self._connection.transaction():\n"
                "            refused = self.refused_sweep(commit)\n"
            ),
            ("tests/integration/sync/test_killed.py", *SYNC, *PAGES),
        ),
        (
            "one sync token for all accounts of a calendar",
            "store.py",
            'return f"jobs:{FINGERPRINT}:{account_id}:{calendar_id}"',
            'return f"jobs:{FINGERPRINT}:{calendar_id}"',
            ROUTES,
        ),
        (
            "a token is stored whatever was there",
            "statements.py",
            "where ws_id = %(ws)s and calendar_id = %(key)s and sync_token = %(old)s\n",
            "where ws_id = %(ws)s and calendar_id = %(key)s and %(old)s::text is not null\n",
            (
                *SYNC,
                "tests/integration/sync/test_store.py",
                "tests/integration/sync/test_faults.py",
            ),
        ),
        (
            "the older of two mentions wins",
            "plan.py",
            "return updated is None or earlier.updated is None or updated >= earlier.updated",
            "return updated is None or earlier.updated is None or updated < earlier.updated",
            PLAN,
        ),
        (
            "what moved out of the window keeps its old row",
            "plan.py",
            "    if row is None and not inside:\n",
            "    if not inside:\n",
            PLAN,
        ),
        (
            "a local change is overwritten",
            "plan.py",
            "    if row is not None and row.pending:\n",
            "    if row is not None and row.pending and False:\n",
            PLAN,
        ),
        (
            "a connection that forbids deletion is not asked",
            "plan.py",
            "    if not scope.delete_enabled:\n",
            "    if not scope.delete_enabled and False:\n",
            PLAN,
        ),
        (
            "text that cannot be seen is blanked",
            "plan.py",
            "    if item.text_hidden and row is not None:\n",
            "    if item.text_hidden and row is None:\n",
            PLAN,
        ),
        (
            "an all-day event without marker",
            "plan.py",
            "marker = Marker(item.busy, all_day) if all_day or not item.busy else None",
            "marker = Marker(item.busy, all_day) if not item.busy else None",
            PLAN,
        ),
        (
            "an event without title has none",
            "plan.py",
            "(item.title or UNTITLED)[:MAX_TITLE]",
            '(item.title or "")[:MAX_TITLE]',
            PLAN,
        ),
        (
            "a cancelled series is taken for some of its occurrences",
            "plan.py",
            "    if any(count > 1 for count in cancelled_series.values()):\n",
            "    if any(count > 100 for count in cancelled_series.values()):\n",
            (*PLAN, *ESCALATION),
        ),
        (
            "a series without row of its own is forgotten",
            "plan.py",
            'return "series_tombstone" if orphaned else None',
            "return None",
            (*PLAN, *ESCALATION),
        ),
        (
            "a declined event occupies its time",
            "items.py",
            '== "declined"',
            '== "needsAction"',
            ITEMS,
        ),
        (
            "a cancelled item is read as a living one",
            "items.py",
            'if fields.get("status") == "cancelled":',
            'if fields.get("status") == "canceled":',
            ITEMS,
        ),
        (
            "slow down is taken for lost access",
            "refusals.py",
            "    if reason in _SLOW_DOWN:\n",
            "    if reason in _SLOW_DOWN and not reason:\n",
            REFRESH,
        ),
        (
            "every refusal switches the account off",
            "accounts.py",
            "if isinstance(error, GrantRevokedError) and not",
            "if isinstance(error, AccountRejectedError) and not",
            REFRESH,
        ),
        (
            "a reconnected account is switched off",
            "accounts.py",
            "where id = %(account)s and is_active and refresh_token = %(refused)s",
            "where id = %(account)s and is_active and %(refused)s::text is not null",
            REFRESH,
        ),
        (
            "somebody else's refreshed token is overwritten",
            "accounts.py",
            (
                "where id = %(account)s and access_token = %(old_access)s"
                " and refresh_token = %(old_refresh)s"
            ),
            (
                "where id = %(account)s and %(old_access)s::text is not null"
                " and %(old_refresh)s::text is not null"
            ),
            REFRESH,
        ),
        (
            "Retry-After is not heard",
            "google.py",
            "retry.request_wait(failures, self._rng), error.retry_after_s, self._rng",
            "retry.request_wait(failures, self._rng), None, self._rng",
            (*RETRIES, "tests/integration/sync/test_cases.py"),
        ),
        (
            "another account stands in for a busy one",
            "reach.py",
            "            except AccessLostError as error:\n",
            "            except JobError as error:\n",
            ROUTES,
        ),
        (
            "a lesser role sweeps",
            "routes.py",
            "return listed_role is not None and rank(listed_role) >= rank(calendar.role_to_sweep)",
            'return listed_role != "none"',
            ROUTES,
        ),
        (
            "the older of two rows survives although the other has links",
            "adoption.py",
            "array_agg(id order by linked desc, created_at, id)",
            "array_agg(id order by created_at, id)",
            ADOPTION,
        ),
        (
            "old rows are swept although an account was not asked",
            "attempt.py",
            "if not listed or not all_accounts_active(connection, workspace.id):",
            "if not listed:",
            ADOPTION,
        ),
        (
            "ciphertext is compared",
            "rows.py",
            "plain = None if self.cipher is None else self.cipher.decrypt(text)",
            "plain = text",
            ENCRYPTED,
        ),
        (
            "a guest's sync token is kept",
            "staging.py",
            "if commit.new_token is None or self._calendar.account_id == GUEST:",
            "if commit.new_token is None:",
            GUEST,
        ),
        (
            "what waits for the next sync is called drift",
            "drift.py",
            "late = {decision.event_id for decision in differing if decision.event_id in waiting}",
            "late = {decision.event_id for decision in differing if not waiting}",
            VERIFY,
        ),
    )
)
