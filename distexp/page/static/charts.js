// Pictures: rows with a dot and its interval, bars of shares, and points in a field.
// Places are percentages of their box, so that they fit any width; colours come from the sheet.
function nice(limit) {
  const power = 10 ** Math.floor(Math.log10(limit || 1));
  return [1, 2, 2.5, 5, 10].map((x) => x * power).find((x) => x >= limit);
}

function ticks(limit) {
  const step = nice(limit / 4);
  const found = [];
  for (let x = 0; x <= limit * 1.0001; x += step) found.push(x);
  return found;
}

const at = (x, limit) => `${Math.max(0, Math.min(100, (x / limit) * 100))}%`;

// rows: {label, note, value, low, high, kind}; lines: {value, label, kind}; whole: where the axis ends
function dots({ label, rows, lines = [], scale = 1, digits = 3, unit = "", whole = null }) {
  const all = [...rows.flatMap((row) => [row.value, row.high]), ...lines.map((line) => line.value)];
  const limit = whole || nice(Math.max(...all.filter((x) => x !== null && x !== undefined), 1e-9) * 1.02);
  const show = (x) => fixed(x * scale, digits);
  const said = rows.map((row) => `${row.label}${row.note ? ` (${row.note})` : ""} ${show(row.value)}`).join("; ");
  const track = (row) => el("div", { class: "track" },
    lines.map((line) => el("i", { class: `line ${line.kind}`, place: { left: at(line.value, limit) } })),
    row.low !== null && row.low !== undefined && el("i", { class: `reach ${row.kind}`, place: { left: at(row.low, limit), width: `calc(${at(row.high, limit)} - ${at(row.low, limit)})` } }),
    el("i", { class: `dot ${row.kind}`, place: { left: at(row.value, limit) } }));
  const axis = el("div", { class: "axis" }, ticks(limit).map((x) =>
    el("span", { place: { left: at(x, limit) } }, `${+(x * scale).toPrecision(4)}${unit}`)));
  return el("div", { class: "dots", role: "img", "aria-label": `${label}: ${said}` },
    rows.map((row) => el("div", { class: "dotrow" },
      el("span", { class: "name" }, row.label, row.note && el("small", {}, ` ${row.note}`)),
      track(row), el("span", { class: "value" }, show(row.value)))),
    el("div", { class: "dotrow" }, el("span", { class: "name" }), axis, el("span", { class: "value" })));
}

function legend(entries) {
  return el("ul", { class: "legend" }, entries.map(([kind, text]) =>
    el("li", {}, el("i", { class: `swatch ${kind}`, "aria-hidden": "true" }), ` ${text}`)));
}

// One share with a bar below it and, where it is an estimate from people, its sampling error.
function shareCell(share, kind, error, band) {
  if (share === null || share === undefined) return NOTHING;
  const part = share / SHARE, [low, high] = band || [part - error, part + error];
  return el("div", { class: "share" },
    el("span", {}, percent(share), error ? el("span", { class: "ci" }, ` ±${fixed(error * 100, 1)}`) : band ? el("span", { class: "ci" }, ` [${fixed(low * 100, 0)}, ${fixed(high * 100, 0)}]`) : null),
    el("div", { class: "bar", "aria-hidden": "true" }, el("i", { class: kind, place: { width: at(part, 1) } }),
      error || band ? el("i", { class: "error", place: { left: at(low, 1), width: at(Math.min(1, high) - Math.max(0, low), 1) } }) : null));
}

// Points that keep their shape at any width: lines of no length with round ends.
function field({ label, points, limit, line }) {
  const x = (i) => ((i + 0.5) / points.length) * 1000, y = (v) => 300 - (v / limit) * 300;
  const drawn = svg("svg", { viewBox: "0 0 1000 300", preserveAspectRatio: "none", role: "img", "aria-label": label, class: "field-plot" });
  for (const tick of ticks(limit)) drawn.append(svg("path", { d: `M0 ${y(tick)}H1000`, class: "grid" }));
  if (line !== null && line !== undefined) drawn.append(svg("path", { d: `M0 ${y(line)}H1000`, class: "ref" }));
  points.forEach((point, i) => {
    if (point.low !== null) drawn.append(svg("path", { d: `M${x(i)} ${y(point.low)}V${y(point.high)}`, class: `whisker ${point.kind}` }));
    drawn.append(svg("path", { d: `M${x(i)} ${y(point.value)}h0`, class: `point ${point.kind}` }, svg("title", {}, point.label)));
  });
  const scale = el("div", { class: "field-axis", "aria-hidden": "true" }, ticks(limit).map((v) => el("span", { place: { bottom: at(v, limit) } }, String(+v.toPrecision(3)))));
  return el("div", { class: "field-box" }, scale, drawn);
}
