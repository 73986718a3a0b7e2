// Calls, and how to run it again, cite and report it.
function callsSection(run) {
  const calls = run.calls, studies = run.studies || [], names = studyNames(studies);
  const cost = (x) => (x === null || x === undefined ? "unknown" : `$${x.toFixed(2)}`);
  const rows = [
    ["distinct requests", whole(calls.total)], ["answered from the cache", whole(calls.hits)], ["paid for in this run", whole(calls.misses)],
    ["price of this run", cost(calls.cost_usd)], ["price of all answers when first given", cost(calls.original_cost_usd)], ["replies that could not be read", whole(calls.parse_errors)],
    ...studies.map((study, s) => [`estimates missing${names[s] ? `, ${names[s]}` : ""}`, `${whole(study.missing)} of ${whole(study.n_cases)}`]),
    ...studies.filter((one) => one.mass !== null).map((study) => [`probability on the options' letters${studies.length > 1 ? `, ${study.condition[3]}` : ""}`, `${fixed(study.mass * 100, 0)} %`]),
  ];
  return section("calls", "Calls and cost", pairs("What the run asked and paid", rows));
}

function pairs(caption, rows) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", { class: "pairs" }, el("caption", {}, caption), el("tbody", {}, rows.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value === null || value === undefined || value === "" ? NOTHING : value))))));
}

function againSection(run) {
  const again = run.again;
  return section("again", "Run it again, cite it, report it",
    again.command === null ? el("p", {}, "It was made in Python, so there is no command line: these are its settings.")
      : [el("p", {}, "The command; answers that are in the cache cost nothing again:"), el("pre", { tabindex: "0", role: "group", "aria-label": "Command" }, again.command)],
    again.changed.length ? settingsTable(again.changed) : el("p", {}, "All settings are the defaults."),
    again.config && el("details", {}, el("summary", {}, "The whole configuration"), el("pre", { tabindex: "0", role: "group", "aria-label": "Configuration" }, again.config)),
    el("details", {}, el("summary", {}, "Versions and digests"), pairs("Software", again.versions), pairs("Digests", again.digests)),
    el("h3", {}, "Cite"), el("ul", {}, again.citation.map((one) => el("li", {}, one)), again.source && el("li", {}, `${again.source} Licence: ${again.licence}`)),
    again.gated && el("p", { class: "warning" }, "The human answers on this page may not be passed on: keep the page where its readers may see them."),
    again.guide && [el("h3", {}, "Reporting items"), el("p", {}, `The subjects of the 14 items of GUIDE-LLM (${again.guide.address}) in other words, as far as the run knows them: hold them against the checklist itself before you hand it in.`),
      guideTable(again.guide.items)]);
}

// Rows of name and value, and where it is known the default.
function settingsTable(rows) {
  const known = rows.some((row) => row.length > 2), label = known ? "Settings other than the defaults" : "What was set";
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, el("table", { class: "pairs" }, el("caption", {}, label),
    known && el("thead", {}, el("tr", {}, ["setting", "here", "default"].map((text) => el("th", { scope: "col" }, text)))),
    el("tbody", {}, rows.map(([name, ...values]) => el("tr", {}, el("th", { scope: "row" }, name), values.map((value) => el("td", {}, value === "" ? NOTHING : value)))))));
}

function guideTable(items) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Reporting items" }, el("table", { class: "pairs" },
    el("caption", { class: "unseen" }, "Reporting items"),
    el("thead", {}, el("tr", {}, ["item", "about", "this run"].map((text) => el("th", { scope: "col" }, text)))),
    el("tbody", {}, items.map(([id, about, text]) => el("tr", {}, el("td", {}, id), el("th", { scope: "row" }, about), el("td", {}, text === null ? el("em", { class: "mark" }, "for the author") : text))))));
}
