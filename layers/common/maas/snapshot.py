"""SnapStart's hooks: what to do before a function's memory is kept, and after it came back."""

from collections.abc import Callable


def register(before: Callable[[], None], after: Callable[[], None]) -> None:
    """Have both called by Lambda's runtime, where there is one."""
    # The module is part of Lambda's runtime; elsewhere there is no snapshot to prepare for.
    try:
        import snapshot_restore_py as snapshot
    except ImportError:
        return
    snapshot.register_before_snapshot(before)
    snapshot.register_after_restore(after)
