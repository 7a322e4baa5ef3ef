"""Blocks on their way through the model's function: many at once, their results in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor


def in_order[T, R](work: Callable[[T], R], items: Iterable[T], width: int) -> Iterator[tuple[T, R]]:
    """Each item with its result, in the items' order; at most `width` are under way or wait to be taken.

    What `work` raises is raised here at that item's turn, and no later result is given.
    """
    if width == 1:
        yield from ((item, work(item)) for item in items)
        return
    with ThreadPoolExecutor(width, thread_name_prefix="block") as pool:
        under_way: deque[tuple[T, Future[R]]] = deque()
        try:
            for item in items:
                under_way.append((item, pool.submit(work, item)))
                if len(under_way) >= width:
                    first, future = under_way.popleft()
                    yield first, future.result()
            while under_way:
                first, future = under_way.popleft()
                yield first, future.result()
        finally:
            for _, future in under_way:
                future.cancel()
