"""Bundles: what goes into them, what must not, and that none is written that is of no use."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from distexp.cli.bundle import bundle
from tests.conftest import ABLE, OpenAIServer, chat
from tests.sharing.parcels import content
from tests.small_runs import ALONE, N_ANSWERS, SMALL, distexp, error_of, here, refusal, survey

SECRET = "sk-0123456789"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run, and a bundle of it."""
    folder = tmp_path_factory.mktemp("made")
    plain = (*SMALL, "figures=false")  # figures take most of the time of making it again
    other = distexp(folder, *plain, "model.name=other", "hydra.run.dir=other")
    run = distexp(folder, *plain, ALONE)
    packed = distexp(folder, "bundle", "run", "bundle.zip")
    for shown in (other, run, packed):
        assert shown.returncode == 0, shown.stderr
    return folder


@pytest.fixture
def again(made: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "again"))


def names(path: Path) -> set[str]:
    """Return the members of a bundle."""
    return set(content(path))


def test_a_bundle_holds_everything_that_the_run_left(made: Path) -> None:
    """File by file as it lies in the folder, but for the page, which is made of the others."""
    found = content(made / "bundle.zip")

    files = [path for path in (made / "run").iterdir() if path.name != "report.html"]
    left = {f"run/{path.name}": path.read_bytes() for path in files}
    assert {name: found[name] for name in left} == left
    assert found.keys() - left.keys() == {"manifest.json", "records.jsonl", "lock.txt"}


def test_it_holds_the_answers_of_its_run_alone(made: Path) -> None:
    """The cache has twice as many."""
    lines = content(made / "bundle.zip")["records.jsonl"].splitlines()

    assert len(lines) == N_ANSWERS
    assert all(json.loads(line)["request"]["model"] == "mock" for line in lines)


def test_it_names_the_versions_of_all_that_is_installed_for_it(made: Path) -> None:
    """One package a line, as pip reads it, without the tools of development."""
    lock = content(made / "bundle.zip")["lock.txt"].decode().split()

    assert {"distexp==0.1.0", "hydra-core==1.3.8"} < set(lock)
    assert not any(line.startswith(("pytest", "mypy", "ruff")) for line in lock)


def test_the_same_run_gives_the_same_bytes(again: Path) -> None:
    """Bundled a second time, elsewhere, from another copy of the cache."""
    shutil.move(again / "outputs/cache", again / "moved")

    here(again, bundle, "run", "second/bundle.zip", "--path", "moved")

    assert (again / "second/bundle.zip").read_bytes() == (again / "bundle.zip").read_bytes()


def test_other_files_in_the_folder_stay_at_home(again: Path) -> None:
    """A note, or a table of `distexp summarize`, is not what the run left."""
    (again / "run/notes.md").write_text("mine")
    (again / "run/below").mkdir()
    (again / "run/below/report.md").write_text("another")
    distexp(again, "summarize", "run", "--view", "groups")

    here(again, bundle, "run", "second.zip")

    assert (again / "run/groups.md").exists()
    assert names(again / "second.zip") == names(again / "bundle.zip")


def test_its_own_last_line_says_what_was_done(again: Path) -> None:
    """How many answers and files, and how to go on."""
    shown = here(again, bundle, "run", "second.zip")

    assert shown.stdout == (
        f"Bundle: second.zip, {N_ANSWERS} answers and 14 files.\n"
        "Made again from it, byte for byte. Elsewhere: distexp reproduce second.zip\n"
    )


def test_a_run_that_was_changed_makes_no_bundle(again: Path) -> None:
    """Row and column of the first number that differs are named, and nothing is written."""
    scores = pl.read_parquet(again / "run/scores.parquet")
    scores[2, "value"] = 0.5
    scores.write_parquet(again / "run/scores.parquet")
    before = sorted(again.iterdir())

    shown = distexp(again, "bundle", "run", "second.zip")

    assert "- scores.parquet: row 3, column 'value' is 0.5 there, " in shown.stdout
    assert "does not come out the same when it is made again" in error_of(shown)
    assert sorted(again.iterdir()) == before


def test_answers_that_are_gone_are_missed(again: Path) -> None:
    """The line says how many, where they were looked for, and what to do."""
    shutil.rmtree(again / "outputs/cache")

    line = refusal(again, bundle, "run", "second.zip")

    assert line.startswith(f"{N_ANSWERS} of {N_ANSWERS} answers, ")
    assert "are not in the response cache outputs/cache. Name the one" in line
    assert "--path FOLDER" in line


def test_answers_that_were_replaced_make_another_run(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    """After `cache.mode=refresh` the cache no longer answers as the run was answered."""
    share = [20]
    openai_server.answer = lambda body, n: (
        200,
        chat(body, json.dumps({"A": share[0] + n % 9, "B": 30, "C": 50})),
    )
    arguments = (
        *SMALL, "model=openai_compatible", *ABLE, "model.name=served",
        f"model.api_base={openai_server.url}", "elicitation=verbalized",
        "dataset.questions=[natspac,natenvir,natheal,natcity]", "calibrator=[]",
    )  # fmt: skip
    first = distexp(tmp_path, *arguments, ALONE)
    share[0] = 60
    distexp(tmp_path, *arguments, "cache.mode=refresh", "hydra.run.dir=second")

    assert first.returncode == 0, first.stderr
    assert "does not come out the same" in refusal(tmp_path, bundle, "run", "old.zip")
    assert "Made again" in here(tmp_path, bundle, "second", "new.zip").stdout


def test_a_run_that_its_budget_cut_short_makes_no_bundle(tmp_path: Path) -> None:
    """Which calls are made before a budget is spent is left to chance."""
    distexp(tmp_path, *SMALL, ALONE, "budget.calls=20")

    line = refusal(tmp_path, bundle, "run", "bundle.zip")

    assert line.startswith("run is partial: ")
    assert "Finish the run" in line


def test_a_folder_without_a_run_is_one_line(tmp_path: Path) -> None:
    """So is one that an earlier version left."""
    (tmp_path / "empty").mkdir()
    assert "empty is no finished run" in refusal(tmp_path, bundle, "empty", "b.zip")

    (tmp_path / "empty/config.yaml").write_text("{}")
    (tmp_path / "empty/provenance.json").write_text('{"versions": {}}')
    line = refusal(tmp_path, bundle, "empty", "b.zip")
    assert "lacks files, gated, requests_sha256, shows_human_answers" in line
    assert "Run the same command again" in line
    assert not (tmp_path / "b.zip").exists()


def test_keys_that_were_changed_are_found_out(again: Path) -> None:
    """They decide which answers leave the house."""
    (again / "run/requests.txt").write_text("0" * 64)

    assert "requests.txt was changed" in refusal(again, bundle, "run", "b.zip")


@pytest.mark.parametrize("name", ["config.yaml", "report.md", "records.jsonl"])
def test_nothing_that_holds_a_secret_is_packed(
    again: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The line names file or answer and the variable, not the value; no file is left behind."""
    if name == "records.jsonl":
        distexp(again, *SMALL, f"model.name={SECRET}", "hydra.run.dir=run")
    else:
        with (again / "run" / name).open("a") as file:
            file.write(f"# {SECRET}\n")

    monkeypatch.setenv("MY_API_KEY", SECRET)

    line = refusal(again, bundle, "run", "b.zip")

    assert "holds the value of the environment variable MY_API_KEY" in line
    assert line.startswith("The answer to request" if "jsonl" in name else f"run/{name} holds")
    assert SECRET not in line
    assert not (again / "b.zip").exists()


def test_a_setting_from_the_environment_makes_no_bundle(again: Path) -> None:
    """Elsewhere the variable has another value, or none."""
    config = again / "run/config.yaml"
    config.write_text(config.read_text().replace("name: mock", "name: ${oc.env:WHOM,mock}"))

    line = refusal(again, bundle, "run", "b.zip")

    assert "reads the environment variable WHOM" in line


# Human data


def test_data_that_may_be_passed_on_are_in_the_bundle(tmp_path: Path) -> None:
    """Every file that the dataset read, under its name."""
    shown = distexp(tmp_path, *survey(tmp_path, gated=False))
    assert shown.returncode == 0, shown.stderr

    here(tmp_path, bundle, "run", "b.zip")

    found = content(tmp_path / "b.zip")
    for name in ("town_survey.csv", "town_survey.yaml"):
        assert found[f"data/{name}"] == (tmp_path / "data" / name).read_bytes()
    assert "run/predictions.parquet" in found


def test_data_that_were_changed_or_are_gone_make_no_bundle(tmp_path: Path) -> None:
    """They would be passed on as what the run read."""
    distexp(tmp_path, *survey(tmp_path, gated=False))
    path = tmp_path / "data/town_survey.csv"

    path.write_text(path.read_text() + "\n")
    assert "town_survey.csv is not the file that the run read" in refusal(
        tmp_path, bundle, "run", "b.zip"
    )
    path.unlink()
    assert "There is no" in refusal(tmp_path, bundle, "run", "b.zip")


def test_gated_human_answers_are_not_in_the_bundle(tmp_path: Path) -> None:
    """Of the data, and of files that state shares of answers, there is the SHA-256 alone."""
    distexp(tmp_path, *survey(tmp_path, gated=True), "figures=true")

    shown = here(tmp_path, bundle, "run", "b.zip")

    assert "16 files, 2 of them by their SHA-256 alone" in shown.stdout
    found = content(tmp_path / "b.zip")
    manifest = json.loads(found["manifest.json"])
    assert not any(name.startswith("data/") for name in found)
    assert set(manifest["withheld"]) == {"run/predictions.parquet", "run/distributions.svg"}
    assert not set(manifest["withheld"]) & set(found)
    provenance = json.loads(found["run/provenance.json"])
    assert set(provenance["files"]) == {"town_survey.csv", "town_survey.yaml"}


def test_prompts_that_state_gated_answers_make_no_bundle(tmp_path: Path) -> None:
    """They are in the requests, and without those there is nothing to replay."""
    settings = survey(tmp_path, gated=True)
    shown = distexp(
        tmp_path, *settings, "prompt=few_shot", "prompt.few_shot.n_examples=2", "calibrator=[]"
    )

    line = refusal(tmp_path, bundle, "run", "b.zip")

    assert (tmp_path / "run/provenance.json").exists(), shown.stderr
    assert "state human answers of town2024, which may not be passed on" in line
    assert "CC0 1.0" in line


def test_a_run_on_estimates_of_earlier_runs_brings_them_along(again: Path) -> None:
    """No answer, but the files of those runs, where they may be passed on."""
    settings = ("dataset=runs", "dataset.path=[run,other]", "dataset.gated=false")
    shown = distexp(again, *SMALL[1:2], *SMALL[3:], *settings, "hydra.run.dir=third")
    assert shown.returncode == 0, shown.stderr

    assert "0 answers" in here(again, bundle, "third", "b.zip").stdout
    assert {"data/run/predictions.parquet", "data/other/config.yaml"} < names(again / "b.zip")
