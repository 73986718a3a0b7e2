// A table that sorts, filters, hides what few read, and shows long ones page by page.
// columns: {label, show(row), sort?(row), numeric?, more?}; words(row) is what the filter looks in.
function table({ caption, columns, rows, words, row: decorate, filterLabel, first, page = 100 }) {
  let order = first || null, wanted = "", all = false, shown = page;
  const body = el("tbody", {}), head = el("tr", {}), count = el("p", { class: "count", role: "status" });
  const more = el("button", { type: "button", class: "more-rows", onclick: () => { shown += page; draw(); } }, "Show more rows");
  const hidden = columns.filter((column) => column.more).length;
  const toggle = hidden > 0 && el("button", {
    type: "button", "aria-pressed": "false", class: "toggle",
    onclick: () => { all = !all; toggle.setAttribute("aria-pressed", all); heads(); draw(); },
  }, `${hidden} more columns`);
  const used = () => columns.filter((column) => all || !column.more);

  function heads() {
    head.replaceChildren(...used().map((column) => {
      const at = columns.indexOf(column), by = order && order.at === at;
      const cell = el("th", { scope: "col", class: column.numeric ? "num" : null,
        "aria-sort": by ? (order.down ? "descending" : "ascending") : null });
      if (!column.sort) return fill(cell, [column.label]);
      return fill(cell, [el("button", { type: "button", class: "sort", onclick: () => sortBy(at) },
        column.label, el("span", { "aria-hidden": "true", class: "arrow" }, by ? (order.down ? " ▼" : " ▲") : " ↕"))]);
    }));
  }

  function sortBy(at) {
    order = order && order.at === at ? { at, down: !order.down } : { at, down: false };
    heads();
    draw();
    head.children[used().indexOf(columns[at])].querySelector("button").focus();
  }

  function chosen() {
    const kept = wanted ? rows.filter((row) => words(row).toLowerCase().includes(wanted)) : rows.slice();
    if (!order) return kept;
    const key = columns[order.at].sort, sign = order.down ? -1 : 1;
    const gone = (x) => x === null || x === undefined || Number.isNaN(x);
    return kept.sort((a, b) => {
      const x = key(a), y = key(b);
      if (gone(x) || gone(y)) return gone(x) - gone(y);
      return sign * (typeof x === "string" ? x.localeCompare(y, undefined, { numeric: true }) : x - y);
    });
  }

  function draw() {
    const kept = chosen();
    body.replaceChildren(...kept.slice(0, shown).map((row) => {
      const cells = used().map((column, at) => el(at ? "td" : "th",
        { scope: at ? null : "row", class: column.numeric ? "num" : null }, column.show(row)));
      const line = el("tr", {}, cells);
      if (decorate) decorate(line, row);
      return line;
    }));
    more.hidden = kept.length <= shown;
    count.hidden = kept.length === rows.length && kept.length <= shown;
    count.textContent = `${Math.min(shown, kept.length)} of ${rows.length.toLocaleString("en")} rows`;
  }

  heads();
  draw();
  const tools = [words && rows.length > 5 && search(filterLabel || "Filter rows", (text) => { wanted = text.trim().toLowerCase(); shown = page; draw(); }), toggle];
  return el("div", { class: "tabled" }, tools.some(Boolean) && el("div", { class: "tools" }, tools),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      el("table", { place: { minWidth: `${Math.min(used().length, 8) * 6.5}rem` } }, el("caption", {}, caption), el("thead", {}, head), body)), count, more);
}

// Any table of a view, as it is in its file; what all rows have alike stands once, above it.
const SHOWN_COLUMNS = 8;
const shortNumber = (x) => String(+x.toPrecision(4)).replace("-", "−");
function plainTable(caption, found) {
  const place = Object.fromEntries(found.columns.map((name, at) => [name, at]));
  // The ends of an interval stand beside what they are of: `X_low` by `X`, `low` by what is before it.
  const ends = found.columns.map((name, at) => (
    found.columns[at + 1] === "low" && found.columns[at + 2] === "high" && found.numeric[at] ? [at + 1, at + 2]
      : `${name}_low` in place && `${name}_high` in place ? [place[`${name}_low`], place[`${name}_high`]] : null));
  const taken = new Set(ends.flatMap((pair) => pair || []));
  const same = (at) => found.rows.length > 1 && found.rows.every((row) => row[at] === found.rows[0][at]);
  const kept = found.columns.map((_, at) => at).filter((at) => !taken.has(at));
  const alike = kept.every((at) => same(at)) ? [] : kept.filter((at) => same(at) && !ends[at]);
  const telling = kept.filter((at) => !alike.includes(at));
  const cell = (x) => (x === null ? NOTHING : typeof x === "number" ? shortNumber(x) : x);
  const columns = [...telling, ...alike].map((at, order) => ({
    label: found.columns[at], numeric: found.numeric[at], sort: (row) => row[at],
    more: order >= telling.length || order >= SHOWN_COLUMNS,
    show: (row) => (!ends[at] || ends[at].some((end) => row[end] === null) ? cell(row[at])
      : [cell(row[at]), el("span", { class: "ci" }, ` [${ends[at].map((end) => cell(row[end])).join(", ")}]`)]),
  }));
  const known = alike.filter((at) => found.rows[0][at] !== null && String(found.rows[0][at]) !== "");
  const common = known.map((at) => `${found.columns[at]} ${cell(found.rows[0][at])}`).join(", ");
  const node = table({ caption: common ? `${caption}. All rows: ${common}.` : caption, columns, rows: found.rows, words: (row) => row.join(" "), page: 25 });
  if (found.n > found.rows.length) node.append(el("p", {}, `The first ${found.rows.length} of ${found.n.toLocaleString("en")} rows; the file has all.`));
  return node;
}
