// Reads the data of the page and shows what they are of.
const once = (make) => {
  let kept = null;
  return () => (kept = kept || make());
};

async function start() {
  const head = await data("head"), main = document.getElementById("main"), answer = document.getElementById("answer");
  if (head.kind === "run") {
    const shown = picture(head);
    if (shown) answer.append(shown);
    answer.append(el("details", {}, el("summary", {}, "Who was asked what"), head.described.map((line) => el("p", {}, pieces(line)))));
    main.append(...runSections(head, once(() => data("cases")), once(() => data("replies"))));
  } else if (head.kind === "estimates") {
    if (head.estimates) answer.append(estimatesPicture(head.estimates));
    const plan = head.views.find((view) => view.columns.includes("respondents") && view.rows.length);
    if (plan) answer.append(planPicture(plan));
    if (head.estimates) main.append(estimatesSection(head.estimates, []));
    main.append(...head.views.map((view) => section(view.name.replace(/\W+/g, "-"), view.name, view.caption.map((line) => el("p", {}, pieces(line))), plainTable(`${view.name}, as a table`, view))));
    main.append(...[head.calls && callsSection(head), againSection(head)].filter(Boolean));
  } else sweepPage(head, main, answer);
  navigation();
  document.body.dataset.ready = "true";
}

start().catch((problem) => {
  document.getElementById("main").append(el("p", { class: "warning", role: "alert" }, `This part of the page cannot be shown by this browser: ${problem.message}`));
  document.body.dataset.ready = "failed";
  throw problem;
});
