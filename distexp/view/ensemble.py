"""Single estimates against stacks of them: what is gained without training, and what with it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distexp.checks import check_names, check_text
from distexp.evaluation.baselines import RAW, UNASKED
from distexp.metrics.ties import DIGITS
from distexp.report import figures
from distexp.types import CONDITION
from distexp.view.base import Runs
from distexp.view.contrast import contrasted
from distexp.view.pairs import USUAL, case_values, check_distances, paired
from distexp.view.sentences import answer, labelled

if TYPE_CHECKING:
    import polars as pl

PARTS = CONDITION[1:]


class EnsembleView:
    """Each stack against the single estimates that it is made of, plain and calibrated.

    The members of a stack are the single estimates of the runs that agree with it in the parts of
    the condition that do not bear its name. The stack is compared with each of them on the cases
    of both, and the differences are averaged over members and over stacks of one name. *Best
    single* is the one member that is closest under the same calibrator: a choice made with
    hindsight, which flatters it.

    Parameters
    ----------
    name : str
        Of the files.
    question : str
        What the table answers.
    stacks : sequence of str
        Names of stacks, as in the list `predictors` of a configuration.
    metrics : sequence of str
        Distances: the keys of `distexp.metrics.names.DISTANCES`. The first chooses the best
        single and is told in numbers.
    """

    def __init__(
        self,
        *,
        name: str,
        question: str,
        stacks: Sequence[str],
        metrics: Sequence[str] = USUAL,
    ) -> None:
        owner = type(self).__name__
        check_text(owner, "name", name)
        check_text(owner, "question", question)
        check_names(owner, "stacks", stacks)
        check_distances(owner, metrics)
        self.name = name
        self.question = question
        self.stacks = stacks
        self.metrics = metrics

    def table(self, runs: Runs) -> "pl.DataFrame":
        """Return a row per dataset, stack, comparison, number of questions and metric."""
        import polars as pl

        values = case_values(runs.cases, self.metrics).filter(~pl.col("calibrator").is_in(UNASKED))
        none = values.clear().drop(*PARTS, "calibrator")
        found = [_of_stack(paired(none, none, ("", "")), "", "")]
        for name, stack, members in self._stacks(values):
            for pair in _compared(stack, members, self.metrics[0]):
                found.append(_of_stack(pair, name, str(stack.select(PARTS).row(0))))
        keys = ["dataset", "stack", "first", "second", "n_train", "metric"]
        order = {metric: place for place, metric in enumerate(self.metrics)}
        return contrasted(pl.concat(found, how="diagonal"), keys, runs.refits).sort(
            "dataset", pl.col("metric").replace_strict(order, default=0), maintain_order=True
        )

    def caption(self, table: "pl.DataFrame") -> str:
        """State the answer for each dataset and stack, and no more than the intervals allow."""
        return f"{self.question}\n\n{answer(table, by=['stack'])}"

    def figure(self, table: "pl.DataFrame", path: Path) -> None:
        """Draw the differences with their intervals, a panel a metric."""
        figures.differences(labelled(table, by=["stack"]), path=path)

    def _stacks(
        self, values: "pl.DataFrame"
    ) -> "Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]":
        """Yield each stack's name, values and members' values; of equal stacks the first."""
        import polars as pl

        stacked = pl.any_horizontal(pl.col(PARTS).is_in(list(self.stacks)))
        seen = set()
        for key, stack in values.filter(stacked).group_by(CONDITION, maintain_order=True):
            condition = dict(zip(CONDITION, map(str, key), strict=True))
            name = next(name for name in self.stacks if name in condition.values())
            same = [pl.col(part) == value for part, value in condition.items() if value != name]
            members = values.filter(~stacked, *same)
            names = frozenset(members.select(CONDITION).unique().rows())
            if names and names not in seen:
                yield name, stack, members
            seen.add(names)


def _compared(
    stack: "pl.DataFrame", members: "pl.DataFrame", metric: str
) -> "Iterator[pl.DataFrame]":
    """Yield the pairs of a stack's values with those of its members, or with its plain ones."""
    import polars as pl

    member = pl.concat_str(PARTS, separator="\n").alias("condition")
    singles = members.with_columns(member)
    names = stack["calibrator"].unique(maintain_order=True).to_list()

    def of(values: "pl.DataFrame", calibrator: str) -> "pl.DataFrame":
        return values.filter(pl.col("calibrator") == calibrator).drop(*PARTS, "calibrator")

    plain = of(stack, RAW)
    yield paired(plain, of(singles, RAW), ("plain mean", "single"))
    yield paired(plain, of(_best(singles, RAW, metric), RAW), ("plain mean", "best single"))
    for name in (name for name in names if name != RAW):
        calibrated, alone = of(stack, name), of(singles, name)
        best = of(_best(singles, name, metric), name)
        yield paired(plain, alone, ("plain mean", f"single with {name}"))
        yield paired(calibrated, plain, (f"stack with {name}", "plain mean"))
        yield paired(calibrated, alone, (f"stack with {name}", f"single with {name}"))
        yield paired(calibrated, best, (f"stack with {name}", f"best single with {name}"))


def _best(singles: "pl.DataFrame", calibrator: str, metric: str) -> "pl.DataFrame":
    """Return the values of the member that comes out closest on average."""
    import polars as pl

    known = singles.filter(pl.col("calibrator") == calibrator, pl.col("metric") == metric)
    means = known.group_by("condition", maintain_order=True)
    mean = pl.col("value").mean().round(DIGITS)
    first = means.agg(mean).sort("value", maintain_order=True).head(1)
    return singles.join(first.select("condition"), on="condition", how="semi")


def _of_stack(pairs: "pl.DataFrame", name: str, condition: str) -> "pl.DataFrame":
    """Name the stack; where the pairs have no condition of their own, that is theirs too."""
    import polars as pl

    own = [] if "condition" in pairs.columns else [pl.lit(condition).alias("condition")]
    return pairs.with_columns(pl.lit(name).alias("stack"), *own)
