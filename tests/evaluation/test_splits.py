import numpy as np
import pytest
from numpy.testing import assert_array_equal

from distexp.errors import ConfigError, DatasetError
from distexp.evaluation.splits import question_splits

QUESTION = np.repeat(np.arange(11), 3)  # eleven questions asked of three groups


@pytest.mark.parametrize(("n_questions", "test_size"), [(11, 0.2), (10, 0.3), (2, 0.5), (7, 0.99)])
def test_a_question_is_never_on_both_sides(n_questions: int, test_size: float) -> None:
    """All groups of a question are trained on or all are tested, and neither side is empty."""
    question = np.repeat(np.arange(n_questions), 3)

    for split in question_splits(question, n_splits=9, test_size=test_size, seed=0):
        assert_array_equal(split.train, ~split.test)
        assert not set(question[split.train]) & set(question[split.test])
        assert split.train.any()
        assert split.test.any()


@pytest.mark.parametrize(
    ("n_questions", "test_size", "n_test"),
    [(10, 0.2, 2), (11, 0.2, 3), (100, 0.07, 7), (3, 0.01, 1), (4, 0.99, 3)],
)
def test_test_size_is_rounded_up_to_whole_questions(
    n_questions: int, test_size: float, n_test: int
) -> None:
    """Float error does not add a question, and one is always left to train on."""
    splits = question_splits(np.arange(n_questions), n_splits=20, test_size=test_size, seed=1)

    assert {split.test.sum() for split in splits} == {n_test}


@pytest.mark.parametrize(("n_questions", "test_size"), [(11, 0.2), (100, 0.2), (7, 0.6), (5, 0.9)])
@pytest.mark.parametrize("n_splits", [1, 2, 5, 23])
def test_questions_are_tested_equally_often(
    n_questions: int, test_size: float, n_splits: int
) -> None:
    """No question is tested more than once more often than another, after any number of splits."""
    splits = question_splits(np.arange(n_questions), n_splits, test_size, seed=2)

    times_tested = np.sum([split.test for split in splits], axis=0)
    assert times_tested.max() - times_tested.min() <= 1
    if n_splits >= 1 / test_size:
        assert times_tested.min() >= 1


def test_splits_do_not_depend_on_the_order_of_cases() -> None:
    """Shuffled cases are split into the same questions."""
    order = np.random.default_rng(0).permutation(len(QUESTION))

    splits = question_splits(QUESTION, n_splits=6, test_size=0.2, seed=3)
    shuffled = question_splits(QUESTION[order], n_splits=6, test_size=0.2, seed=3)

    for one, other in zip(splits, shuffled, strict=True):
        assert_array_equal(one.test[order], other.test)


def test_splits_follow_the_seed() -> None:
    """Equal seeds give equal splits and other seeds give others."""
    tests = [
        np.stack([split.test for split in question_splits(QUESTION, 5, 0.2, seed)])
        for seed in (4, 4, 5)
    ]

    assert_array_equal(tests[0], tests[1])
    assert (tests[0] != tests[2]).any()


def test_later_passes_pair_questions_anew() -> None:
    """Test sets do not repeat from one permutation to the next."""
    splits = question_splits(np.arange(100), n_splits=50, test_size=0.2, seed=6)

    assert len({split.test.tobytes() for split in splits}) == 50


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"test_size": 1.5}, "'test_size' parameter of evaluation must be a float in (0, 1). Got"),
        ({"test_size": 0.0}, "must be a float in (0, 1). Got 0.0 instead."),
        ({"test_size": 1}, "must be a float in (0, 1). Got 1 instead."),
        ({"test_size": "lots"}, "must be a float in (0, 1). Got 'lots' instead."),
        ({"test_size": float("nan")}, "must be a float in (0, 1). Got nan instead."),
        ({"n_splits": 0}, "'n_splits' parameter of evaluation must be an int >= 1. Got 0"),
        ({"n_splits": 2.0}, "'n_splits' parameter of evaluation must be an int >= 1. Got 2.0"),
        ({"seed": -1}, "'seed' parameter of evaluation must be an int >= 0. Got -1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], sentence: str) -> None:
    """The message names the setting, its range and the value it got."""
    arguments: dict[str, object] = {"n_splits": 5, "test_size": 0.2, "seed": 0} | settings

    with pytest.raises(ConfigError) as error:
        question_splits(QUESTION, **arguments)  # type: ignore[arg-type]

    assert sentence in str(error.value)


@pytest.mark.parametrize("question", [np.zeros(0, dtype=int), np.zeros(9, dtype=int)])
def test_fewer_than_two_questions_cannot_be_split(question: np.ndarray) -> None:
    """The message counts the questions and says what to do."""
    message = f"at least 2 questions. The dataset holds {len(set(question))}: select more"

    with pytest.raises(DatasetError, match=message):
        question_splits(question, n_splits=5, test_size=0.2, seed=0)
