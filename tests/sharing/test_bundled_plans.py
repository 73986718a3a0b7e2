"""A plan is bundled like any run; what a few people answered is not."""

from pathlib import Path

from distexp.cli.bundle import bundle, reproduce
from tests.small_runs import ALONE, ROOT, SMALL, distexp, here, refusal

FEW = (*SMALL, ALONE, "calibrator=[ridge]", f"questions={ROOT}/docs/examples/new_questions.yaml")


def test_a_plan_comes_out_the_same_from_its_bundle(tmp_path: Path) -> None:
    """For as many respondents, and in the words of a plan; its figure is not drawn again."""
    made = distexp(tmp_path, "plan", *FEW, "respondents=50", "out=plan.csv", "figure=f.svg")
    assert made.returncode == 0, made.stderr

    (tmp_path / "f.svg").unlink()
    here(tmp_path, bundle, "run", "plan.zip")

    assert here(tmp_path, reproduce, "plan.zip").code == 0
    assert not (tmp_path / "f.svg").exists()


def test_a_run_with_a_pilot_is_refused_in_words(tmp_path: Path) -> None:
    """The answers of a few people are nobody's to pass on."""
    (tmp_path / "pilot.csv").write_text("question_id,option,attribute,group\ntrams,1,sex,Male\n")
    made = distexp(tmp_path, "rectify", *FEW, "pilot=pilot.csv", "out=r.csv")
    assert made.returncode == 0, made.stderr

    assert "without pilot=FILE" in refusal(tmp_path, bundle, "run", "r.zip")
    assert not (tmp_path / "r.zip").exists()
