// The picture under the answer, and the table of scores: methods as rows, baselines once.
const RAW = "identity", REFERENCE = "train_mean", CEILING = "ceiling", UNIFORM = "uniform";
const UNASKED = [UNIFORM, REFERENCE, CEILING];

// What tells the studies of a run apart, e.g. their prompts.
function studyNames(studies) {
  const parts = ["dataset", "model", "elicitation", "prompt"];
  const differ = parts.map((_, at) => new Set(studies.map((one) => one.condition[at])).size > 1);
  return studies.map((one) => one.condition.filter((_, at) => differ[at]).join(", "));
}

const leading = (run) =>
  run.studies.some((one) => Object.values(one.scores).some((method) => (method.of.w1 || [null])[0] !== null)) ? "w1" : "tv";

function kindOf(name, study) {
  if (name === CEILING) return "ceiling";
  if (UNASKED.includes(name)) return "baseline";
  if (name === RAW) return "raw";
  return study.ignoring.includes(name) ? "baseline" : "calibrated";
}

// One row a study and method; what does not depend on the model stands once where it is equal.
function methodRows(run) {
  const names = studyNames(run.studies), lead = leading(run), rows = [], once = new Map();
  run.studies.forEach((study, s) => {
    for (const [name, method] of Object.entries(study.scores)) {
      const kind = kindOf(name, study), value = method.of[lead];
      const row = { name, study, s, kind, of: method.of, n: method.n, label: run.labels[name] || name, of_study: names[s] };
      if (kind === "baseline" || kind === "ceiling") {
        const key = JSON.stringify([study.condition[0], name, value]);
        if (once.has(key)) {
          once.get(key).of_study = "";
          continue;
        }
        once.set(key, row);
      }
      rows.push(row);
    }
  });
  return rows;
}

function picture(run) {
  const lead = leading(run), metric = run.metrics.find((one) => one.key === lead), every = methodRows(run);
  const value = (row) => (row.of[lead] || [null, null, null]);
  const drawn = every.filter((row) => row.name !== CEILING && value(row)[0] !== null);
  const lines = every.filter((row) => [REFERENCE, CEILING].includes(row.name) && value(row)[0] !== null)
    .map((row) => ({ value: value(row)[0], kind: row.kind }));
  if (!drawn.length) return null;
  const chart = dots({
    label: `${metric.label} by method, with 95 % intervals; smaller is closer to the human answers`, lines,
    rows: drawn.slice(0, 40).map((row) => ({ label: row.label, note: row.of_study, kind: row.kind, value: value(row)[0], low: value(row)[1], high: value(row)[2] })),
  });
  return el("figure", {}, chart,
    legend([["raw", "the model as it answered"], ["calibrated", "calibrated on other questions"],
      ["baseline", "never asks the model; the line is the training mean"], ["ceiling", "a sample of real people"]]),
    el("figcaption", {}, `${metric.label}: distance from the human answers, 0 is perfect; smaller is better. Bars are ${Math.round(run.confidence * 100)} % intervals.`));
}

function scoreTable(run) {
  const rows = methodRows(run), metric = Object.fromEntries(run.metrics.map((one) => [one.key, one])), lead = leading(run);
  const column = (key, extra) => ({ label: metric[key].label, numeric: true, sort: (row) => (row.of[key] || [null])[0], show: (row) => score(metric[key], row.of[key]), ...extra });
  const front = [lead, "w1_skill", "respondents", "worst_group"].filter((key) => rows.some((row) => row.of[key]));
  const columns = [
    { label: "method", sort: (row) => row.label, show: (row) => [row.label, row.of_study && el("small", {}, ` ${row.of_study}`)] },
    ...front.map((key) => column(key)),
    { label: "basis", sort: (row) => row.n[0], show: (row) => el("small", {}, basis(row)) },
    ...run.metrics.filter((one) => !front.includes(one.key) && rows.some((row) => row.of[one.key])).map((one) => column(one.key, { more: true })),
  ];
  return table({
    caption: "Scores out of sample, a row a method, with 95 % intervals", columns, rows,
    words: (row) => `${row.label} ${row.of_study} ${row.study.condition.join(" ")}`, filterLabel: "Filter methods",
    row: (line, row) => line.classList.add(`of-${row.kind}`),
  });
}

function basis(row) {
  const missing = row.kind === "ceiling" || UNASKED.includes(row.name) ? null : row.study.missing;
  const cases = row.study.n_cases === null ? "" : `, ${plural(row.study.n_cases, "case")}`;
  return `${plural(row.n[0], "question")}${cases}${missing ? `; ${missing} estimates missing` : missing === 0 ? "; none missing" : ""}`;
}

function verdicts(run) {
  const names = studyNames(run.studies);
  const parts = run.studies.map((study, s) => [
    names[s] && el("h3", {}, names[s]),
    study.note && el("p", {}, study.note),
    study.findings.length ? el("ul", {}, study.findings.map((line) => el("li", {}, pieces(line)))) : null,
  ]);
  return el("details", { open: run.studies.length === 1 }, el("summary", {}, "What the comparisons say, pair by pair"), parts,
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "All pairs" }, pairTable(run, names)));
}

function pairTable(run, names) {
  const lead = leading(run);
  const rows = run.studies.flatMap((study, s) => study.comparisons.filter((one) => one[2] === lead).map((one) => [...one, names[s], study]));
  const label = (name) => run.labels[name] || name;
  const column = (text, i, show) => ({ label: text, numeric: true, sort: (row) => row[i], show });
  return table({
    caption: "Differences between methods on the same cases; below 0 the first is closer", rows,
    words: (row) => `${label(row[0])} ${label(row[1])} ${row[8]}`, filterLabel: "Filter pairs",
    columns: [
      { label: "first", sort: (row) => label(row[0]), show: (row) => [label(row[0]), row[8] && el("small", {}, ` ${row[8]}`)] },
      { label: "second", sort: (row) => label(row[1]), show: (row) => label(row[1]) },
      column("difference", 3, (row) => [fixed(row[3], 4), el("span", { class: "ci" }, ` [${fixed(row[4], 4)}, ${fixed(row[5], 4)}]`)]),
      column("p", 6, (row) => pValue(row[6])), column("p after Holm", 7, (row) => pValue(row[7])),
    ],
  });
}
