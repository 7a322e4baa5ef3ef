"""Security events: both kinds of files, folds without the attacks judged, and a graph for each kind."""

import gzip
import io
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.security_event.handler import CONNECTION_FEATURES, FEATURES, MOST_VALUES, handler, respond
from maas.artifact import digest_of
from maas.errors import DataError
from maas.manifest import DataSource
from maas.runtime import Session
from models.export import parity
from models.security_event.attack import family_of
from models.security_event.detector import Detector, FittedDetector
from models.security_event.figures import detection_metrics
from models.security_event.known_attacks import KnownAttacks
from models.security_event.normal_traffic import SCORE, NormalTraffic
from models.security_event.simulation import simulate
from models.security_event.train import RECIPE, load
from models.security_event.unseen import UnseenAttacks
from models.source import Source
from models.table import Table

LINE = (
    "0,tcp,http,SF,232,8153,0,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,5,5,0.20,0.20,0.00,0.00,1.00,0.00,0.00,30,255,"
    "1.00,0.00,0.03,0.04,0.03,0.01,0.00,0.01,normal,21"
)


def _text(*lines: str) -> Source:
    return Source.of("events.txt", gzip.compress("\n".join(lines).encode()))


def _array(array: Any) -> Source:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return Source.of("events.npy", buffer.getvalue())


def _labelled(*names: str) -> Table:
    data = DataSource(name="names", source="n", digest=digest_of(b""), rows=len(names), simulated=True)
    return Table(columns={}, target=np.array(names, object), data=data)


def _trees(seed: int, _: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(8, min_samples_leaf=3, random_state=seed, n_jobs=1)


SMALL = Detector("small", (KnownAttacks(_trees),), NormalTraffic(components=2))


def _matrix_table() -> Table:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(400, 5))
    label = values[:, :1] + values[:, 1:2] > 1
    return load(_array(np.hstack([values, label])))


@pytest.fixture(scope="module")
def of_values() -> tuple[FittedDetector, Session]:
    """A detector trained on a matrix of five columns, and its graph."""
    table = _matrix_table()
    fitted = SMALL.fit(handler.contract.matrix(table.columns), table, seed=0)
    return fitted, Session(fitted.to_onnx())


@pytest.mark.parametrize("line", [LINE, LINE.rsplit(",", 1)[0], LINE.replace("normal", "normal.")])
def test_published_lines_are_read(line: str) -> None:
    """With the difficulty or without it, as NSL-KDD or KDD'99 write the label."""
    table = load(_text(line, line))
    assert table.target.tolist() == ["normal", "normal"]
    assert (table.columns["service"][0], table.columns["dst_bytes"][0]) == ("http", 8153)
    assert table.columns["dst_host_srv_diff_host_rate"].tolist() == [0.04, 0.04]
    assert np.isnan(table.columns["values"]).all()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (LINE.replace("8153", "-1"), "line 2: dst_bytes"),
        (LINE.replace("8153", "1.5"), "line 2: column 'dst_bytes': 1.5 is not whole"),
        (LINE.replace("tcp", "sctp"), "line 2: protocol_type"),
        (LINE.replace("0.04", "much"), "line 2: column 'dst_host_srv_diff_host_rate': 'much' is no number"),
        (LINE + ",1,2", "line 2: 45 fields"),
    ],
)
def test_unsuitable_lines_are_refused(line: str, message: str) -> None:
    """Each fault is named where it is."""
    with pytest.raises(DataError, match=message):
        load(_text(LINE, line))


def test_labels_of_a_matrix_above_zero_are_attacks() -> None:
    """0 and 1, -1 and 1, kinds by number: above 0 is an attack; all other fields are as left out."""
    table = load(_array(np.array([[1.5, 2, 0], [3, 4, 1], [5, 6, -1], [7, 8, 3]])))
    assert table.target.tolist() == ["normal", "attack", "normal", "attack"]
    assert table.columns["values"][:, :2].tolist() == [[1.5, 2], [3, 4], [5, 6], [7, 8]]
    assert np.isnan(table.columns["values"][:, 2:]).all()
    left_out = handler.contract.parse([{"values": [1.5, 2.0]}])
    np.testing.assert_array_equal(
        handler.contract.matrix(table.columns)[:1], handler.contract.matrix(left_out)
    )


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(4), "of shape"),
        (np.zeros((0, 4)), "rows of 1 to 256 values"),
        (np.zeros((4, 1)), "rows of 1 to 256 values"),
        (np.zeros((4, MOST_VALUES + 2)), "rows of 1 to 256 values"),
        (np.array([[0.0, 1], [np.nan, 1]]), "row 1, column 0: not a finite number"),
        (np.array([[0.0, 0.5]]), "row 0: label 0.5 is not a whole number"),
        (np.array([["a", "1"]]), "expected a matrix of numbers"),
    ],
    ids=["vector", "no rows", "label only", "too wide", "nan", "fraction", "text"],
)
def test_unsuitable_arrays_are_refused(array: Any, message: str) -> None:
    """Each with what was expected."""
    with pytest.raises(DataError, match=message):
        load(_array(array))


def test_objects_in_an_array_are_never_unpickled() -> None:
    """A pickle runs whatever it says; a file with one inside is refused unread."""
    opened: list[bool] = []

    class Trap:
        def __reduce__(self) -> Any:
            return opened.append, (True,)

    buffer = io.BytesIO()
    np.save(buffer, np.array([[0, 1]], object), allow_pickle=True)
    header = buffer.getvalue()[: buffer.getvalue().index(b"\n") + 1]
    with pytest.raises(DataError, match="not an array of numbers"):
        load(Source.of("events.npy", header + pickle.dumps(Trap())))
    assert opened == []


def test_damaged_array_is_refused() -> None:
    """Cut off in its header or in its numbers."""
    stored = _array(np.ones((10, 3))).data
    for length in (8, 60, len(stored) - 5):
        with pytest.raises(DataError, match="not an array of numbers"):
            load(Source.of("events.npy", stored[:length]))


@given(st.lists(st.sampled_from(["normal", *"abcdefg"]), min_size=40, max_size=120), st.integers(2, 4))
def test_no_attack_is_learnt_and_judged(names: list[str], n_folds: int) -> None:
    """Where there are names enough every attack is on one side, and every row is judged once."""
    table = _labelled(*names, *(["normal"] * 8), *"abcd")
    folds = UnseenAttacks(n_folds=n_folds).folds(table)
    judged = np.concatenate([fold.test for fold in folds])
    assert sorted(judged) == list(range(len(table)))
    for fold in folds:
        assert set(table.target[fold.train]) & set(table.target[fold.test]) <= {"normal"}
        assert not set(fold.train) & set(fold.test)


def test_one_kind_of_attack_is_divided_by_row() -> None:
    """A matrix knows no names: each part has its share of attacks."""
    folds = UnseenAttacks(n_folds=3).folds(_labelled(*["normal"] * 30, *["attack"] * 12))
    assert [int((fold.test >= 30).sum()) for fold in folds] == [4, 4, 4]


def test_detector_of_values_reads_them_alone(of_values: tuple[FittedDetector, Session]) -> None:
    """The graph agrees with the fitted detector, tells attacks from the rest, and reads no connection."""
    fitted, session = of_values
    table = _matrix_table()
    matrix = handler.contract.matrix(table.columns)
    assert parity(fitted, fitted.to_onnx(), matrix, 1e-3).rows == 400
    before = session.run(matrix)
    answers = handler.contract.respond(before)
    assert (answers["attack"] == (table.target == "attack")).mean() > 0.9
    assert set(answers["family"][answers["attack"]]) == {"unknown"}
    matrix[:, :CONNECTION_FEATURES] = 7
    np.testing.assert_array_equal(session.run(matrix)["probability"], before["probability"])


@pytest.mark.parametrize("values", [None, [1.0] * 4, [1.0] * 6], ids=["none", "too few", "too many"])
def test_detector_of_values_refuses_other_records(
    of_values: tuple[FittedDetector, Session], values: list[float] | None
) -> None:
    """No number is better than one made of zeros; serving refuses a record without a finite answer."""
    contract = handler.contract
    matrix = contract.matrix(contract.parse([{"values": values}, {"values": [1.0] * 5}]))
    fitted, session = of_values
    for found in (fitted.predict(matrix), session.run(matrix)):
        assert np.isnan(contract.respond(found)["probability"]).tolist() == [True, False]


def test_detector_of_connections_ignores_values() -> None:
    """Trained on connections, it answers the same whatever the values are; the exports agree."""
    table = simulate(0, rows=500)
    contract = handler.contract
    fitted = SMALL.fit(contract.matrix(table.columns), table, seed=0)
    matrix = contract.matrix(table.columns)
    assert parity(fitted, fitted.to_onnx(), matrix, 1e-3).rows == 500
    before = fitted.predict(matrix)["probability"]
    matrix[:, CONNECTION_FEATURES:] = 3
    np.testing.assert_array_equal(fitted.predict(matrix)["probability"], before)


def test_network_that_lacks_families_agrees_with_its_export() -> None:
    """Its label is made from probabilities that get columns for the families that never occurred."""
    table = _matrix_table()
    matrix = handler.contract.matrix(table.columns)
    network = RECIPE.candidates[0]
    fitted = network.fit(matrix, table, seed=0)
    assert parity(fitted, fitted.to_onnx(), matrix, 1e-3).rows == 400


def test_density_is_that_of_the_mixture() -> None:
    """Scores rise with the distance from normal rows, and the graph gives the same."""
    generator = np.random.default_rng(1)
    matrix = generator.normal(size=(500, 4)).astype(np.float32)
    attack = np.arange(500) >= 400
    fitted = NormalTraffic(components=3).fit(matrix, attack, seed=0)
    near, far = np.zeros((1, 4), np.float32), np.full((1, 4), 4, np.float32)
    assert fitted.score(near)[0] < np.median(fitted.score(matrix[~attack])) + 1e-9 < fitted.score(far)[0]
    # A density: over a box that holds nearly all of it, it sums to about 1.
    grid = generator.uniform(-5, 5, (200_000, 4)).astype(np.float32)
    centred = grid * fitted.scale.astype(np.float32) + fitted.centre.astype(np.float32)
    assert np.exp(-fitted.surprise(centred)).mean() * 10**4 == pytest.approx(1, abs=0.05)
    found = Session(bytes(fitted.to_proto().SerializeToString())).run(matrix)[SCORE]
    assert np.abs(found.reshape(-1).astype(np.float64) - fitted.score(matrix)).max() < 1e-4


def test_one_class_only_is_refused() -> None:
    """Nothing can be told apart."""
    table = load(_text(LINE, LINE))
    with pytest.raises(DataError, match="all 2 rows to fit on are of one class"):
        SMALL.fit(handler.contract.matrix(table.columns), table, seed=0)


def test_family_follows_the_threshold() -> None:
    """Normal below a half; above it the likeliest named family, or unknown where none is named."""
    shares = np.array([[0.1, 0.3, 0, 0, 0.6], [0.1, 0.3, 0, 0, 0.6], [0, 0, 0, 0, 0.9]])
    answers = respond({"probability": np.array([0.4, 0.5, 0.9]), "families": shares})
    assert answers["attack"].tolist() == [False, True, True]
    assert answers["family"].tolist() == ["normal", "probe", "unknown"]


def test_figures_give_every_attack_its_due() -> None:
    """One frequent attack found and one rare one missed is not nearly everything found."""
    truth = np.array(["normal"] * 10 + ["neptune"] * 9 + ["spy"], object)
    found = np.array([False] * 9 + [True] * 10 + [False])
    predicted = {
        "attack": found,
        "probability": found.astype(float),
        "family": np.where(found, "dos", "normal").astype(object),
    }
    figures = detection_metrics(truth, predicted)
    assert figures["balanced_accuracy"] == pytest.approx((0.9 + 3 / 4) / 2)
    assert figures["accuracy"] == pytest.approx(18 / 20)
    assert figures["false_alarm_rate"] == pytest.approx(0.1)
    assert "family_macro_f1" in figures
    unnamed = detection_metrics(np.where(truth == "normal", "normal", "attack").astype(object), predicted)
    assert "family_macro_f1" not in unnamed


def test_attacks_without_a_known_name_are_of_no_family() -> None:
    """A name that nobody has seen is still an attack."""
    names = np.array(["normal", "mscan", "brand_new"], object)
    assert family_of(names).tolist() == ["normal", "probe", "unknown"]


def test_each_recipe_candidate_names_its_settings() -> None:
    """The manifest says what was tried; the network asked for is among it."""
    assert any("network" in one.hyperparameters for one in RECIPE.candidates)
    assert len(FEATURES) == CONNECTION_FEATURES + 1 + MOST_VALUES
