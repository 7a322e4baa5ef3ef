"""Requests without end, made from a seed: good ones, good ones with something wrong, and nonsense.

The same seed and target give the same requests, so that a number is enough to repeat one.
"""

from collections.abc import Callable, Iterator, Mapping
from random import Random

from tests.fuzz import inferences, records, surroundings
from tests.fuzz.request import Request
from tests.fuzz.target import Target

type Maker = Callable[[Random, Target], Request]

# How often each kind of request comes. Rows beyond the limit take their time.
SECOND: Mapping[Maker, int] = {
    inferences.inference: 6,
    inferences.bad_tensor: 24,
    inferences.bad_inference: 12,
    inferences.bad_outputs: 8,
    inferences.bad_inference_bytes: 8,
    inferences.nonsense: 4,
    inferences.binary: 16,
    inferences.many: 1,
    surroundings.headers: 6,
    surroundings.compressed: 5,
    surroundings.paths: 5,
    surroundings.methods: 3,
}
FIRST: Mapping[Maker, int] = {
    records.records: 5,
    records.bad_value: 24,
    records.bad_element: 12,
    records.bad_envelope: 6,
    records.bad_bytes: 8,
    records.explain: 4,
    records.feedback: 6,
    records.picture: 6,
}


def requests(target: Target, seed: int) -> Iterator[Request]:
    """Requests to a target, without end; of V2 alone where it has no records."""
    random = Random(seed)
    makers = SECOND if target.record is None else {**SECOND, **FIRST}
    kinds, weights = list(makers), list(makers.values())
    while True:
        (maker,) = random.choices(kinds, weights)
        yield maker(random, target)
