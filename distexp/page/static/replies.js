// What was sent and what came back, word for word, as text.
function replyPanel(all, style, question, group) {
  if (!all || !all.n) return el("p", {}, "No prompt is kept: the estimates came with the data, or an earlier version made the run.");
  const key = [question.id, ...group], rows = ((all.studies[style] || {})[JSON.stringify(key)] || []);
  const others = (all.unreadable || []).filter((row) => row[0] === style && row[1] === key[0] && row[2] === key[1] && row[3] === key[2]);
  if (!rows.length && !others.length) {
    return el("p", {}, all.left_out ? `The page holds the first ${(all.n - all.left_out).toLocaleString("en")} replies; this one is in replies.parquet beside it.` : "It was not asked.");
  }
  return el("div", {}, rows.map((row) => oneReply(all, row, question)), others.map((row) => el("div", { class: "reply" },
    el("p", {}, el("strong", {}, "Unreadable"), `: ${row[6]}`), said("Reply", row[7]), keyLine(row[8], row[4], row[5]))));
}

const said = (label, text) => el("div", {}, el("p", { class: "who" }, label), el("pre", { dir: "auto", tabindex: "0", role: "group", "aria-label": label }, text === null || text === "" ? "(empty)" : text));

function keyLine(key, draw, order) {
  return el("p", { class: "meta" }, "cache key ", el("code", { class: "key" }, key), ` · draw ${draw} · options shown in the order ${order}`);
}

function oneReply(all, row, question) {
  const [number, at, draw, order, status, reason, mass, read] = row;
  const [key, text, thought, alternatives, finish, provider] = all.said[number];
  const outcome = status === "ok" ? null : el("p", {}, el("strong", {}, status === "refused" ? "Refused by the server" : "Unreadable"), `: ${reason}`);
  const shares = read && el("p", {}, "Read as: ", question.options.map((option, k) => `${option} ${percent(read[k])} %`).join(", "),
    mass !== null && `; the letters hold ${fixed(mass * 100, 0)} % of the first token's probability`);
  const tokens = alternatives && el("p", { class: "meta" }, "First token: ", JSON.parse(alternatives).map(([token, p], k) => [k ? ", " : "", el("code", {}, token), ` ${fixed(p * 100, 1)} %`]));
  return el("div", { class: "reply" }, all.messages[at].map((message) => said(`Prompt, ${message.role}`, message.content)),
    thought !== null && el("details", {}, el("summary", {}, "Thought"), said("Thought", thought)),
    said(`Reply${provider ? `, ${provider}` : ""}`, text), outcome, shares, tokens,
    keyLine(key, draw, order), finish && el("p", { class: "meta" }, `finish reason ${finish}`));
}
