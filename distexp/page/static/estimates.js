// Estimates of questions that nobody was asked: a table a question, a column a group, with bands.
const QUESTIONS_SHOWN = 30;

function estimatesSection(found, words) {
  const place = Object.fromEntries(found.columns.map((name, k) => [name, k])), by = new Map();
  for (const row of found.rows) {
    const id = row[place.question_id];
    if (!by.has(id)) by.set(id, []);
    by.get(id).push(row);
  }
  return section("estimates", "Questions that nobody was asked", words.map((line) => el("p", {}, pieces(line))),
    [...by.values()].slice(0, QUESTIONS_SHOWN).map((rows) => estimateTable(rows, place)),
    by.size > QUESTIONS_SHOWN && el("p", {}, `${by.size - QUESTIONS_SHOWN} questions more are in the table below and in the file.`),
    el("details", {}, el("summary", {}, "As a table, a row an option"), plainTable("Estimates with their bands", found)));
}

function estimateTable(rows, place) {
  const at = (row, name) => row[place[name]], group = (row) => [at(row, "attribute"), at(row, "group")].filter(Boolean).join(": ") || "everyone";
  const groups = [...new Set(rows.map(group))], options = [...new Set(rows.map((row) => at(row, "option")))];
  const cell = new Map(rows.map((row) => [JSON.stringify([group(row), at(row, "option")]), row]));
  const share = (row) => {
    if (!row || at(row, "calibrated") === null) return el("small", {}, row ? at(row, "reason") || NOTHING : NOTHING);
    const [low, high] = [at(row, "low"), at(row, "high")];
    return shareCell(Math.round(at(row, "calibrated") * SHARE), "calibrated", 0, low === null ? null : [low, high]);
  };
  const marked = (name) => rows.some((row) => group(row) === name && at(row, "extrapolates"));
  const title = at(rows[0], "question") || at(rows[0], "question_id");
  return el("article", { class: "case" }, el("h3", {}, title),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Estimates: ${title}` }, el("table", { place: { minWidth: `${(groups.length + 1) * 7}rem` } },
      el("caption", { class: "unseen" }, `Estimated shares in percent with bands: ${title}`),
      el("thead", {}, el("tr", {}, ["option", ...groups].map((name) => el("th", { scope: "col" }, name, marked(name) && el("small", { class: "mark" }, " extrapolates"))))),
      el("tbody", {}, options.map((option) => el("tr", {}, el("th", { scope: "row" }, option), groups.map((name) => el("td", {}, share(cell.get(JSON.stringify([name, option]))))))))))); 
}
