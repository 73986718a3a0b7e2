// The page of many runs: one leaderboard on the cases that all share, tests, and the multiverse.
const FACTORS = ["model", "dataset", "elicitation", "prompt", "calibrator"];

// A row's mean distance, with its interval: that of its run where its cases are the shared ones,
// else of sums by question over the counts of shared cases.
function scored(sweep) {
  return sweep.surveys.flatMap((survey) => survey.rows.map((row) => {
    const [value, low, high] = row.own || interval(row.sums, survey.counts, sweep.n_rows > 200 ? 500 : 2000);
    const label = [...row.condition.slice(1), row.label].filter(Boolean);
    return { ...row, survey, value, low, high, where: label.slice(0, 3).join(", "), title: label.join(" · ") + (row.setting ? ` · ${row.setting}` : "") };
  }));
}

function paired(a, b) {
  const apart = a.sums.map((x, i) => x - b.sums[i]);
  return [...interval(apart, a.survey.counts), signFlips(apart)];
}

function leaderboard(rows, sweep) {
  const model = (key, i) => ({ label: key, sort: (row) => row.condition[i] || "", show: (row) => row.condition[i] || NOTHING });
  const varied = ["dataset", "model", "elicitation", "prompt"].map((key, i) => [key, i]).filter(([, i]) => new Set(rows.map((row) => row.condition[i]).filter(Boolean)).size > 1);
  const columns = [
    { label: "method", sort: (row) => row.label, show: (row) => [row.label, row.setting && el("small", {}, ` ${row.setting}`)] },
    ...varied.slice(0, 4).map(([key, i]) => model(key, i)),
    { label: "W1", numeric: true, sort: (row) => row.value, show: (row) => [fixed(row.value, 4), row.low === null ? null : el("span", { class: "ci" }, ` [${fixed(row.low, 4)}, ${fixed(row.high, 4)}]`)] },
    { label: "against the training mean", more: varied.length > 3, sort: (row) => (row.against ? row.against[0] : null), show: (row) => (row.against ? [fixed(row.against[0], 4), " ", el("small", { class: "mark" }, VERDICT[row.kind] || "")] : NOTHING) },
    { label: "missing", more: true, numeric: true, sort: (row) => row.missing, show: (row) => whole(row.missing) },
    { label: "run", more: true, sort: (row) => row.job, show: (row) => (row.job === null ? NOTHING : sweep.jobs[row.job].name) },
  ];
  const first = columns.findIndex((column) => column.label === "W1");
  return table({ page: 25, caption: "Leaderboard: mean distance on the cases that all rows share; smaller is closer", rows, columns, first: { at: first, down: false },
    words: (row) => `${row.condition.join(" ")} ${row.label} ${row.setting}`, filterLabel: "Filter rows", row: (line, row) => line.classList.add(`of-${row.kind}`) });
}

const VERDICT = { better: "closer, beyond chance", worse: "further, beyond chance", level: "cannot be told apart" };

function duel(rows) {
  if (rows.length < 2) return null;
  const out = el("p", { role: "status", class: "answer" }), options = rows.map((row, i) => [i, `${row.survey.name}: ${row.title}`]);
  const state = { a: 0, b: 1 };
  const draw = () => {
    const a = rows[state.a], b = rows[state.b];
    if (a.survey !== b.survey) {
      out.replaceChildren("The two are of different surveys and share no case.");
      return;
    }
    const [d, low, high, p] = paired(a, b);
    const told = p < 0.05 && low !== null && !(low <= 0 && high >= 0);
    const verdict = told ? `is ${d < 0 ? "closer to" : "further from"} the human answers than` : "cannot be told from";
    out.replaceChildren();
    fill(out, [el("strong", {}, a.title), ` ${verdict} `, el("strong", {}, b.title), `: difference in W1 ${fixed(d, 4)} [${fixed(low, 4)}, ${fixed(high, 4)}], p ${p < 0.001 ? "" : "= "}${pValue(p)} by sign flips of ${plural(a.sums.length, "question")}, not adjusted for how many pairs you look at.`]);
  };
  draw();
  return section("pairs", "Any two rows, on the same cases", el("div", { class: "tools" },
    select("First", options, 0, (value) => { state.a = Number(value); draw(); }), select("Second", options, 1, (value) => { state.b = Number(value); draw(); })), out);
}

// The share of the variance between configurations that a choice alone goes with (eta squared).
function shares(rows, sweep) {
  const values = rows.map((row) => row.value), m = mean(values), total = values.reduce((sum, x) => sum + (x - m) ** 2, 0);
  const levels = { model: (row) => row.condition[1], dataset: (row) => row.condition[0], elicitation: (row) => row.condition[2], prompt: (row) => row.condition[3], calibrator: (row) => row.label, setting: (row) => row.setting };
  return [...FACTORS, "setting"].map((factor) => {
    const by = new Map();
    rows.forEach((row) => {
      const key = levels[factor](row) || "";
      if (!by.has(key)) by.set(key, []);
      by.get(key).push(row.value);
    });
    const between = [...by.values()].reduce((sum, list) => sum + list.length * (mean(list) - m) ** 2, 0);
    return { factor, n: by.size, share: total ? between / total : null };
  }).filter((one) => one.n > 1);
}

function multiverse(rows, sweep) {
  const asked = rows.filter((row) => row.asks && row.value !== null).sort((a, b) => a.value - b.value);
  if (asked.length < 2) return null;
  const limit = nice(Math.max(...asked.map((row) => row.high ?? row.value)) * 1.02), reference = rows.filter((row) => row.name === REFERENCE && row.job === null);
  const n = (kind) => asked.filter((row) => row.kind === kind).length, parts = shares(asked, sweep);
  return section("multiverse", "Every configuration a point",
    el("p", { class: "answer" }, `Of ${plural(asked.length, "configuration")} that ask the model, ${n("better")} are closer to the human answers than the training mean beyond chance, ${n("worse")} are further, and ${n("level")} cannot be told from it.`),
    field({ label: `W1 of ${asked.length} configurations in order, with 95 % intervals`, points: asked.map((row) => ({ ...row, label: `${row.title}: ${fixed(row.value, 4)}` })), limit, line: reference.length === 1 ? reference[0].value : null }),
    legend([["better", "closer than the training mean"], ["level", "cannot be told apart"], ["worse", "further"], ...(reference.length === 1 ? [["baseline", "the line: the training mean"]] : [])]),
    parts.length ? [el("h3", {}, "What the choice of configuration comes to"), table({
      caption: "Share of the variance between configurations that each choice goes with, taken alone; shares of choices that were not crossed overlap", rows: parts, first: { at: 2, down: true },
      columns: [{ label: "choice", sort: (row) => row.factor, show: (row) => row.factor }, { label: "options", numeric: true, sort: (row) => row.n, show: (row) => row.n },
        { label: "share of variance, %", numeric: true, sort: (row) => row.share, show: (row) => (row.share === null ? NOTHING : shareCell(Math.round(row.share * SHARE), "calibrated")) }],
    })] : null);
}

function multiples(rows) {
  const panels = new Map();
  rows.filter((row) => row.asks).forEach((row) => {
    const key = `${row.condition[0]}: ${row.condition[1]}, ${row.condition[2]}`;
    if (!panels.has(key)) panels.set(key, []);
    panels.get(key).push(row);
  });
  if (panels.size < 2) return null;
  const drawn = [...panels].slice(0, 24);
  return section("multiples", "Small multiples", el("p", {}, "A panel for each model, survey and elicitation; the line is the training mean on the same cases."),
    el("div", { class: "panels" }, drawn.map(([name, of]) => el("figure", {}, el("figcaption", {}, name), dots({
      label: name, rows: of.slice(0, 16).map((row) => ({ label: row.label, note: [row.condition[3], row.setting].filter(Boolean).join(", "), value: row.value, low: row.low, high: row.high, kind: row.kind === "better" ? "better" : row.kind === "worse" ? "worse" : "level" })),
      lines: rows.filter((row) => row.survey === of[0].survey && row.name === REFERENCE).slice(0, 1).map((row) => ({ value: row.value, kind: "baseline" })),
    })))), panels.size > 24 && el("p", {}, `${panels.size - 24} more are in the leaderboard.`));
}

function runsSection(sweep) {
  const place = el("div", {});
  const open = async (number) => {
    const found = await data(`run-${number}`);
    place.replaceChildren(el("h2", { id: "one-run", tabindex: "-1" }, `Run ${sweep.jobs[number].name}`), picture(found.head) || "",
      ...runSections(found.head, async () => found.cases, async () => found.replies));
    navigation();
    document.getElementById("one-run").focus();
  };
  const rows = sweep.jobs.map((job, number) => ({ ...job, number }));
  return [section("runs", "Runs", table({
    caption: "The runs, each with its questions, prompts and replies", rows, words: (row) => `${row.name} ${row.said}`, filterLabel: "Filter runs",
    columns: [{ label: "run", sort: (row) => row.name, show: (row) => row.name }, { label: "what", sort: (row) => row.said, show: (row) => row.said },
      { label: "W1 uncalibrated", numeric: true, sort: (row) => row.raw, show: (row) => fixed(row.raw, 4) }, { label: "missing", numeric: true, sort: (row) => row.missing, show: (row) => whole(row.missing) },
      { label: "open", show: (row) => (row.inside ? el("button", { type: "button", "aria-label": `Open ${row.name}`, onclick: () => open(row.number) }, "Open") : row.page ? el("a", { href: below(row.page), "aria-label": `Page of ${row.name}` }, "Page") : el("code", {}, `distexp report ${row.name}`)) }],
  }), sweep.failures && el("details", { open: true }, el("summary", {}, "Jobs that failed"), el("pre", { tabindex: "0", role: "group", "aria-label": "Jobs that failed" }, sweep.failures))), place];
}

function sweepPage(sweep, main, answer) {
  const rows = scored(sweep);
  answer.append(...sweep.surveys.map((survey) => el("p", { class: "meta" }, survey.note)));
  const more = sweep.views.length ? section("more", "Further tables", sweep.views.map((view) => [el("h3", {}, view.name), view.caption.map((line) => el("p", {}, pieces(line))), plainTable(view.name, view)])) : null;
  main.append(...[rows.length && section("leaderboard", "Leaderboard", leaderboard(rows, sweep)), duel(rows.slice().sort((a, b) => a.value - b.value).slice(0, 400)), multiverse(rows, sweep), multiples(rows), more, ...runsSection(sweep)].filter(Boolean));
}
