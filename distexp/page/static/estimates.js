// Estimates of questions that few people, or nobody, answered: a table a question, a column a
// group, with bands; where people were asked, what they say alone stands below.
const QUESTIONS_SHOWN = 30, CELLS_DRAWN = 8;
// What is estimated, and what people say alone, with their ends: the first that the table has.
const ESTIMATED = ["estimate", "calibrated"], ALONE = [["pilot", "pilot_low", "pilot_high"], ["people_alone", "alone_low", "alone_high"]];

function estimatesRead(found) {
  const place = Object.fromEntries(found.columns.map((name, k) => [name, k])), has = (name) => name in place;
  const value = ESTIMATED.find(has), alone = ALONE.find(([name]) => has(name)) || null;
  const at = (row, name) => (has(name) ? row[place[name]] : null);
  return {
    at, alone: alone && ((row) => alone.map((name) => at(row, name))), ours: (row) => [at(row, value), at(row, "low"), at(row, "high")],
    group: (row) => [...new Set([at(row, "attribute"), at(row, "group")])].filter(Boolean).join(": ") || "everyone",
    why: (row) => at(row, "reason") || at(row, "model_says") || NOTHING,
  };
}

function byQuestion(found, read) {
  const by = new Map();
  for (const row of found.rows) {
    const id = JSON.stringify(["dataset", "model", "elicitation", "prompt", "question_id"].map((name) => read.at(row, name)));
    if (!by.has(id)) by.set(id, []);
    by.get(id).push(row);
  }
  return [...by.values()];
}

// The most frequent answer of some questions and groups, dealt over the questions.
function estimatesPicture(found) {
  const read = estimatesRead(found), cells = [];
  for (const rows of byQuestion(found, read)) {
    const by = new Map();
    for (const row of rows) {
      const [value] = read.ours(row), group = read.group(row);
      if (value !== null && (!by.has(group) || value > read.ours(by.get(group))[0])) by.set(group, row);
    }
    [...by.values()].forEach((row, turn) => cells.push([turn, row]));
  }
  if (!cells.length) return el("p", {}, "No estimate could be made: there is nothing to draw.");
  const drawn = cells.map((cell, k) => [...cell, k]).sort((a, b) => a[0] - b[0] || a[2] - b[2]).slice(0, CELLS_DRAWN).map((cell) => cell[1]);
  const line = ([value, low, high], kind, label, note) => ({ label, note, kind, value, low, high });
  const rows = drawn.flatMap((row) => {
    const label = `${read.at(row, "question_id")}: ${read.at(row, "option")}`, group = read.group(row), alone = read.alone && read.alone(row);
    return [line(read.ours(row), "calibrated", label, group), ...(alone && alone[0] !== null ? [line(alone, "raw", "people alone", "")] : [])];
  });
  const coverage = read.at(drawn[0], "coverage");
  return el("figure", {}, dots({ label: "The most frequent answer with its interval", rows, scale: 100, digits: 0, unit: "%", whole: 1 }),
    legend([["calibrated", read.alone ? "people and predictions together" : "estimated"], ...(read.alone ? [["raw", "the people alone"]] : [])]),
    el("figcaption", {}, `The most frequent answer of ${drawn.length} of ${cells.length} questions and groups, in percent${coverage === null ? "" : `; bars are ${Math.round(coverage * 100)} % intervals`}.`));
}

// How many people to ask of what: the questions and groups that are asked most.
const PLANNED_DRAWN = 16;
function planPicture(found) {
  const place = Object.fromEntries(found.columns.map((name, k) => [name, k]));
  const asked = found.rows.map((row, k) => [row[place.respondents], k, row]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  const rows = asked.slice(0, PLANNED_DRAWN).sort((a, b) => a[1] - b[1]).map(([value, , row]) => ({
    label: row[place.question_id], note: `${row[place.attribute]}: ${row[place.group]}`, kind: "human", value, low: null, high: null }));
  return el("figure", {}, dots({ label: "How many people to ask", rows, digits: 0 }),
    el("figcaption", {}, `How many people to ask a question: ${rows.length < asked.length ? `the ${rows.length} that most are asked, of ` : ""}${asked.length} questions by group.`));
}

function estimatesSection(found, words) {
  const read = estimatesRead(found), by = byQuestion(found, read);
  return section("estimates", read.alone ? "What is estimated" : "Questions that nobody was asked", words.map((line) => el("p", {}, pieces(line))),
    by.slice(0, QUESTIONS_SHOWN).map((rows, k) => estimateTable(rows, read, k + 1)),
    by.length > QUESTIONS_SHOWN && el("p", {}, `${by.length - QUESTIONS_SHOWN} questions more are in the table below and in the file.`),
    el("details", {}, el("summary", {}, "As a table, a row an option"), plainTable("Estimates with their bands", found)));
}

// What the predictions were worth, without the reason.
function worthOf(verdict) {
  const [short] = (verdict || NOTHING).split(":");
  return short.startsWith("nothing") ? `the model was worth ${short}` : short.startsWith("worth") ? `the model was ${short}` : short;
}

function estimateTable(rows, read, number) {
  const groups = [...new Set(rows.map(read.group))], options = [...new Set(rows.map((row) => read.at(row, "option")))];
  const cell = new Map(rows.map((row) => [JSON.stringify([read.group(row), read.at(row, "option")]), row]));
  const points = (x) => fixed(x * 100, 0);
  const share = (row) => {
    if (!row) return NOTHING;
    const [value, low, high] = read.ours(row), alone = read.alone && read.alone(row);
    return [value === null ? el("small", {}, read.why(row)) : shareCell(Math.round(value * SHARE), "calibrated", 0, low === null ? null : [low, high]),
      alone && el("small", { class: "ci" }, alone[0] === null ? "nobody was asked" : `alone ${points(alone[0])} [${points(alone[1])}, ${points(alone[2])}]`)];
  };
  const first = (name) => rows.find((row) => read.group(row) === name);
  const marked = (name) => rows.some((row) => read.group(row) === name && read.at(row, "extrapolates"));
  const people = (name) => (read.alone ? el("small", { class: "below" }, `${fixed(read.at(first(name), "people") || 0, 0)} people; ${worthOf(read.at(first(name), "model_says"))}`) : null);
  const title = read.at(rows[0], "question") || read.at(rows[0], "question_id");
  return el("article", { class: "case" }, el("h3", {}, title),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Estimates ${number}: ${title}` }, el("table", { place: { minWidth: `${(groups.length + 1) * 7}rem` } },
      el("caption", { class: "unseen" }, `Estimated shares in percent with bands: ${title}`),
      el("thead", {}, el("tr", {}, ["option", ...groups].map((name, k) => el("th", { scope: "col" }, name, k > 0 && marked(name) && el("small", { class: "mark" }, " extrapolates"), k > 0 && people(name))))),
      el("tbody", {}, options.map((option) => el("tr", {}, el("th", { scope: "row" }, option), groups.map((name) => el("td", {}, share(cell.get(JSON.stringify([name, option])))))))))));
}
