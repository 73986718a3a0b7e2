// Groups and questions: every case with the human, the model's and the calibrated distribution.
const SMALL = 100;
const PER_PAGE = 10;

// Cases with their places in the flat lists of shares.
function laid(all, s) {
  const study = all.studies[s], starts = [];
  let start = 0;
  study.q.forEach((q) => {
    starts.push(start);
    start += all.questions[q].options.length;
  });
  const part = (list, i) => list.slice(starts[i], starts[i] + all.questions[study.q[i]].options.length);
  return { study, part, shares: (name, i) => part(name === RAW ? study.raw : study.methods[name] || [], i) };
}

const errorOf = (study, name, i) => (study.error[name] ? study.error[name][i] : null);
const groupName = (all, g) => all.groups[g].filter(Boolean).join(": ") || "everyone";

function chosenMethod(study, run, s) {
  const names = Object.keys(study.methods).filter((name) => name !== REFERENCE);
  const asking = names.filter((name) => !run.studies[s].ignoring.includes(name));
  return asking.includes("auto") ? "auto" : asking[0] || names[0] || null;
}

function groupTable(all, run, s, method) {
  const { study } = laid(all, s), found = study.of_groups, people = all.groups.map(() => []), by = new Map();
  if (!found) return el("p", {}, "This run left no numbers of groups: it is of an earlier version or had evaluation.extras=false. Run it again with cache.mode=replay, which asks nothing.");
  study.g.forEach((g, i) => people[g].push(study.n[i]));
  Object.entries(found).forEach(([name, rows]) => rows.forEach(([g, w1, low, high, n]) => {
    if (!by.has(g)) by.set(g, { name: groupName(all, g), questions: 0, of: {} });
    by.get(g).of[name] = [w1, low, high];
    if (name === RAW) by.get(g).questions = n;
  }));
  const rows = [...by].map(([g, row]) => {
    const n = people[g].filter((x) => x !== null).sort((a, b) => a - b);
    return { ...row, n: n.length ? n[n.length >> 1] : null };
  });
  const of = (row, name) => row.of[name] || [null, null, null];
  const shown = ([value, low, high]) => (value === null ? NOTHING : [fixed(value, 3), low === null ? null : el("span", { class: "ci" }, ` [${fixed(low, 3)}, ${fixed(high, 3)}]`)]);
  const column = (label, name) => ({ label, numeric: true, sort: (row) => of(row, name)[0], show: (row) => shown(of(row, name)) });
  const small = (row) => row.n !== null && row.n < SMALL;
  return table({
    caption: "Distance from each group's answers, the worst for the model first", rows,
    words: (row) => row.name, filterLabel: "Filter groups", first: { at: 2, down: true },
    columns: [
      { label: "group", sort: (row) => row.name, show: (row) => [row.name, small(row) && el("small", { class: "mark" }, " small cell")] },
      { label: "respondents", numeric: true, sort: (row) => row.n, show: (row) => [whole(row.n), el("small", {}, ` × ${plural(row.questions, "question")}`)] },
      column("model", RAW), ...(method ? [column(method, method)] : []), column("training mean", REFERENCE),
    ],
  });
}

// Standard deviation of the mean answers of an attribute's groups: estimated over human.
function spreadTable(all, s, method) {
  const rows = Object.entries(all.studies[s].spreads).map(([attribute, of]) => ({ attribute, of, human: of[RAW] }));
  if (!rows.length) return null;
  const ratio = (row, name) => (row.of[name] || []).slice(1, 4);
  const shown = ([value, low, high]) => (value === null || value === undefined ? NOTHING : [fixed(value, 2), " ",
    low === null ? null : el("span", { class: "ci" }, `[${fixed(low, 2)}, ${fixed(high, 2)}]`), " ",
    el("small", { class: "mark" }, low > 1 ? "exaggerated" : high !== null && high < 1 ? "flattened" : "")]);
  const column = (label, name) => ({ label, numeric: true, sort: (row) => ratio(row, name)[0], show: (row) => shown(ratio(row, name)) });
  return table({
    caption: "Differences between groups: spread of their mean answers, the estimates' over the humans' (1 is as in reality)", rows,
    columns: [
      { label: "attribute", sort: (row) => row.attribute, show: (row) => row.attribute || "everyone" },
      { label: "human spread", numeric: true, sort: (row) => row.human[0], show: (row) => [fixed(row.human[0], 3), el("small", {}, ` ${plural(row.human[4], "question")}`)] },
      column("model", RAW), ...(method ? [column(method, method)] : []),
    ],
  });
}

function distribution(all, s, i, method) {
  const { study, part, shares } = laidOnce(all, s), question = all.questions[study.q[i]], n = study.n[i];
  const human = part(study.human, i), raw = shares(RAW, i), calibrated = method ? shares(method, i) : [];
  const error = (share) => (n && share !== null ? 1.96 * Math.sqrt((share / SHARE) * (1 - share / SHARE) / n) : 0);
  const heads = ["option", "people", "model", ...(method ? [method] : [])];
  return el("table", { class: "shares" }, el("caption", { class: "unseen" }, `Shares in percent: ${question.text || question.id}`),
    el("thead", {}, el("tr", {}, heads.map((text) => el("th", { scope: "col" }, text)))),
    el("tbody", {}, question.options.map((option, k) => el("tr", {}, el("th", { scope: "row" }, option),
      el("td", {}, shareCell(human[k], "human", error(human[k]))), el("td", {}, shareCell(raw[k], "raw")),
      method && el("td", {}, shareCell(calibrated[k], "calibrated"))))));
}

const remembered = new WeakMap();
function laidOnce(all, s) {
  if (!remembered.has(all)) remembered.set(all, []);
  const kept = remembered.get(all);
  if (!kept[s]) kept[s] = laid(all, s);
  return kept[s];
}

function caseCard(all, run, s, i, method, replies) {
  const { study } = laidOnce(all, s), question = all.questions[study.q[i]];
  const panel = el("div", { class: "panel", id: fresh("panel"), hidden: true });
  const button = el("button", { type: "button", "aria-expanded": "false", "aria-controls": panel.id, onclick: async () => {
    const open = panel.hidden;
    panel.hidden = !open;
    button.setAttribute("aria-expanded", open);
    if (open && !panel.childNodes.length) panel.replaceChildren(replyPanel(await replies(), run.studies[s].condition[3], question, all.groups[study.g[i]]));
  } }, "Prompt and reply");
  const away = (name) => { const e = errorOf(study, name, i); return e === null ? NOTHING : fixed(e / SHARE, 3); };
  const lost = study.status[i] === "ok" ? (study.lost[i] ? `${study.lost[i]} of ${plural(study.replies[i], "reply", "replies")} unreadable` : "") : study.status[i].replace("_", " ");
  return el("article", { class: "case" },
    el("h3", {}, question.text || question.id),
    el("p", { class: "meta" }, el("code", {}, question.id), ` · ${groupName(all, study.g[i])}`, question.battery && ` · ${question.battery}`,
      ` · ${study.n[i] === null ? "respondents unknown" : plural(Math.round(study.n[i]), "respondent")}`, study.n[i] !== null && study.n[i] < SMALL && el("span", { class: "mark" }, " small cell"),
      ` · off by ${away(RAW)}${method ? `, ${method} ${away(method)}` : ""}`, lost && el("strong", {}, ` · ${lost}`)),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Answers to ${question.id}, ${groupName(all, study.g[i])}` }, distribution(all, s, i, method)),
    el("p", { class: "tools" }, button), panel);
}

function questionList(all, run, s, method, replies) {
  const { study } = laidOnce(all, s), list = el("div", { class: "cases" }), status = el("p", { class: "count", role: "status" }), pages = el("p", { class: "tools" });
  const batteries = [...new Set(all.questions.map((one) => one.battery).filter(Boolean))];
  const state = { text: "", battery: "", group: "", sort: "survey", page: 0 };
  const sorts = [["survey", "as in the survey"], ["raw", "the model's error"], ...(method ? [["calibrated", `error of ${method}`]] : []), ["lost", "unreadable replies"]];
  const lower = all.questions.map((one) => `${one.text} ${one.id} ${one.options.join(" ")}`.toLowerCase());

  function kept() {
    const found = [];
    for (let i = 0; i < study.q.length; i++) {
      if (state.group !== "" && study.g[i] !== Number(state.group)) continue;
      if (state.battery && all.questions[study.q[i]].battery !== state.battery) continue;
      if (state.text && !lower[study.q[i]].includes(state.text)) continue;
      found.push(i);
    }
    const key = { raw: (i) => errorOf(study, RAW, i), calibrated: (i) => errorOf(study, method, i), lost: (i) => study.lost[i] + (study.status[i] === "ok" ? 0 : 1000) }[state.sort];
    return key ? found.sort((a, b) => (key(b) ?? -1) - (key(a) ?? -1)) : found;
  }

  function draw() {
    const found = kept(), last = Math.max(0, Math.ceil(found.length / PER_PAGE) - 1);
    state.page = Math.min(state.page, last);
    const from = state.page * PER_PAGE;
    list.replaceChildren(...found.slice(from, from + PER_PAGE).map((i) => caseCard(all, run, s, i, method, replies)));
    status.textContent = found.length ? `Cases ${(from + 1).toLocaleString("en")} to ${Math.min(found.length, from + PER_PAGE).toLocaleString("en")} of ${found.length.toLocaleString("en")}` : "No case is like that.";
    pages.hidden = last === 0;
    back.disabled = state.page === 0;
    next.disabled = state.page === last;
  }

  const change = (name) => (value) => { state[name] = name === "text" ? value.trim().toLowerCase() : value; state.page = 0; draw(); };
  const turn = (by) => () => { state.page += by; draw(); status.scrollIntoView({ block: "nearest" }); };
  const back = el("button", { type: "button", onclick: turn(-1) }, "Previous"), next = el("button", { type: "button", onclick: turn(1) }, "Next");
  fill(pages, [back, next]);
  draw();
  return el("div", {}, el("div", { class: "tools" }, search("Search questions", change("text")),
    batteries.length > 1 && select("Battery", [["", "all"], ...batteries.map((one) => [one, one])], "", change("battery")),
    all.groups.length > 1 && select("Group", [["", "all groups"], ...all.groups.map((_, g) => [g, groupName(all, g)])], "", change("group")),
    select("Sort by", sorts, "survey", change("sort"))), status, list, pages);
}
