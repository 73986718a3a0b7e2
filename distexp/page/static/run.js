// The page of one run, in the order of a reader: scores, groups, questions, the rest.
function runSections(run, cases, replies) {
  const more = [];
  if (run.trials) more.push(el("h3", {}, "Trials of the tuning"), plainTable("Trials", run.trials));
  for (const view of run.views) more.push(el("h3", {}, view.name), view.caption.map((line) => el("p", {}, pieces(line))), plainTable(view.name, view));
  const picked = el("div", {});
  const parts = [
    run.estimates && estimatesSection(run.estimates, run.estimates_said),
    section("scores", "Scores", run.about.map((line) => el("p", { class: "warning" }, pieces(line))), scoreTable(run), verdicts(run),
      el("details", {}, el("summary", {}, "How to read these numbers"), run.explained.map((line) => el("p", {}, pieces(line))))),
    picked, more.length ? section("more", "Further tables", more) : null, callsSection(run), againSection(run),
  ].filter(Boolean);
  cases().then((all) => all && all.studies.length && byStudy(picked, run, all, replies));
  return parts;
}

// Groups and questions are of one study and one method at a time.
function byStudy(place, run, all, replies) {
  const names = studyNames(run.studies), state = { s: 0, method: null };
  state.method = chosenMethod(all.studies[0], run, 0);
  const body = el("div", {});
  const draw = () => {
    const study = all.studies[state.s];
    if (!(state.method in study.methods)) state.method = chosenMethod(study, run, state.s);
    const methods = Object.keys(study.methods);
    const choices = el("div", { class: "tools sticky" },
      names.length > 1 && select("Study", names.map((name, s) => [s, name]), state.s, (value) => { state.s = Number(value); draw(); }),
      methods.length > 1 && select("Calibrated by", methods.map((name) => [name, run.labels[name] || name]), state.method, (value) => { state.method = value; draw(); }));
    body.replaceChildren(
      section("groups", "Groups", el("p", {}, `A cell below ${SMALL} respondents is small: its own answers are uncertain.`), choices, groupTable(all, run, state.s, state.method), spreadTable(all, state.s, state.method)),
      section("questions", "Questions", legend([["human", "people, with their sampling error (95 %)"], ["raw", "the model"], ["calibrated", "calibrated"]]), questionList(all, run, state.s, state.method, replies)));
  };
  draw();
  place.replaceChildren(body);
  navigation();
}

function navigation() {
  const heads = [...document.querySelectorAll("main section > h2")];
  const nav = el("nav", { "aria-label": "Sections", id: "nav" }, el("ul", {}, heads.map((head) => el("li", {}, el("a", { href: `#${head.parentElement.id}` }, head.textContent)))));
  const old = document.getElementById("nav");
  if (old) old.replaceWith(nav);
  else document.querySelector("header").after(nav);
}
