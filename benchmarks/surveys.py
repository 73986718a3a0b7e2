"""Makes recorded estimates of the size of a real survey: invented questions, groups and answers.

python benchmarks/surveys.py 1500 60 OUT.parquet
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl

from distexp.types import FloatArray, IntArray

N_SCALES = 40
"""Answer scales that the questions share, ten of each number of options."""
WORDS = (
    "people", "government", "work", "family", "school", "money", "health", "church", "law",
    "women", "men", "children", "crime", "army", "press", "science", "trade", "energy",
    "water", "city", "country", "future", "past", "taxes", "schools", "police", "courts",
    "banks", "internet", "doctors", "prices", "wages", "jobs", "housing", "roads", "parties",
    "leaders", "voters", "neighbours", "religion",
)  # fmt: skip


def recorded(
    n_questions: int, n_groups: int, models: tuple[str, ...] = ("model",), seed: int = 0
) -> pl.DataFrame:
    """Return a table of recorded estimates of the same people, a row a model, question and group.

    Questions have 2 to 5 options. People differ by question and, less, by group; models know
    part of both, and exaggerate.
    """
    rng = np.random.default_rng(seed)
    scale = rng.integers(0, N_SCALES, n_questions)
    texts = [
        " ".join(["What", "about", *rng.choice(WORDS, 12), f"q{i}?"]) for i in range(n_questions)
    ]
    mean, of_group = rng.normal(size=(n_questions, 2)), rng.normal(size=(n_groups, 2)) / 3
    columns: dict[str, list[object]] = {}
    own = of_group + rng.normal(size=(n_questions, n_groups, 2)) / 4
    people = rng.integers(30, 600, (n_questions, n_groups))
    answers: dict[int, IntArray] = {}
    for model in models:
        seen = 1.6 * mean[:, None] * rng.uniform(0.2, 1.0, (n_questions, 1, 1)) + 1.3 * own
        seen = seen + rng.normal(size=seen.shape) / 3
        for question in range(n_questions):
            n_options = 2 + int(scale[question]) % 4
            if question not in answers:
                human = shares(mean[question] + own[question], n_options)
                answers[question] = rng.multinomial(people[question], human)
            said = shares(seen[question], n_options)
            for group in range(n_groups):
                row = {
                    "dataset": "made",
                    "question_id": f"Q{question:05}",
                    "question": texts[question],
                    "options": [f"Answer {j} of {scale[question]}" for j in range(n_options)],
                    "ordinals": [float(j) for j in range(n_options)],
                    "attribute": f"A{group // 5:02}",
                    "group": f"G{group % 5}",
                    "n_respondents": float(people[question, group]),
                    "human": answers[question][group] / people[question, group],
                    "model": model,
                    "elicitation": "logprobs",
                    "prompt": "base",
                    "predicted": said[group],
                    "status": "ok",
                }
                for name, value in row.items():
                    columns.setdefault(name, []).append(value)
    return pl.DataFrame(columns)


def shares(position: FloatArray, n_options: int) -> FloatArray:
    """Return distributions over options in a row, by their centre and width."""
    options = np.linspace(-1.5, 1.5, n_options)
    width = np.exp(position[:, 1:] / 3)
    scores = -((options - position[:, :1]) ** 2) / width
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)


if __name__ == "__main__":
    recorded(int(sys.argv[1]), int(sys.argv[2])).write_parquet(Path(sys.argv[3]))
