// How numbers are shown, redrawn and tested. Undefined numbers are null.
const NOTHING = "–";
const SHARE = 10000;
const fixed = (x, digits) => (x === null || x === undefined ? NOTHING : x.toFixed(digits).replace("-", "−"));
const percent = (share) => (share === null || share === undefined ? NOTHING : `${fixed(share / SHARE * 100, 1)}`);
const whole = (n) => (n === null || n === undefined ? NOTHING : Math.round(n).toLocaleString("en"));
const plural = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many || `${one}s`}`;
const mean = (values) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : null);

function people(n) {
  if (n === null) return "∞";
  if (n < 1) return "<1";
  return n < 9.95 ? n.toFixed(1) : Math.round(n).toLocaleString("en");
}

function score(metric, of) {
  if (!of || (of[0] === null && !(metric.people && of[1] !== null))) return NOTHING;
  const [value, low, high] = of;
  if (metric.people) return [people(value), el("span", { class: "ci" }, ` [${people(low)}, ${people(high)}${high === null ? ")" : "]"}`)];
  const show = (x) => fixed(x === null ? null : x * metric.scale, metric.digits);
  const named = of[3] ? ` ${of[3]}` : "";
  const unit = metric.unit.replace(" ", "\u00a0");
  const ends = low === null && high === null ? null : el("span", { class: "ci" }, ` [${show(low)}, ${show(high)}]`);
  return [el("span", { class: "whole" }, show(value), unit, ends), named];
}

const pValue = (p) => (p === null || p === undefined ? NOTHING : p < 0.001 ? "< 0.001" : `${p.toFixed(3)}`);

// mulberry32: the same draws in every browser.
function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// Mean of sums over counts with a 95 % interval that redraws whole clusters. Of very many the mean
// is as good as normal, and its standard error is that of a ratio.
const MANY = 300;
function interval(sums, counts, draws = 2000) {
  const n = sums.length, total = (list) => list.reduce((a, b) => a + b, 0);
  const value = total(sums) / total(counts);
  if (n < 2) return [value, null, null];
  if (n > MANY) {
    const error = Math.sqrt(sums.reduce((sum, x, i) => sum + (x - value * counts[i]) ** 2, 0) * (n / (n - 1))) / total(counts);
    return [value, value - 1.96 * error, value + 1.96 * error];
  }
  const next = random(1), found = new Float64Array(draws);
  for (let d = 0; d < draws; d++) {
    let s = 0, c = 0;
    for (let i = 0; i < n; i++) {
      const k = Math.floor(next() * n);
      s += sums[k];
      c += counts[k];
    }
    found[d] = s / c;
  }
  found.sort();
  const at = (q) => found[Math.min(draws - 1, Math.max(0, Math.round(q * (draws - 1))))];
  return [value, at(0.025), at(0.975)];
}

// Two-sided p of a sign-flip test of sums by question; exact for up to 13 questions.
function signFlips(sums, flips = 10000) {
  const n = sums.length, observed = Math.abs(sums.reduce((a, b) => a + b, 0)) - 1e-9;
  const exact = n > 0 && 2 ** (n - 1) <= flips, rounds = exact ? 2 ** (n - 1) : flips, next = random(3);
  let large = 0;
  for (let r = 0; r < rounds; r++) {
    let s = 0;
    for (let i = 0; i < n; i++) s += (exact ? (r >> i) & 1 : next() < 0.5) ? -sums[i] : sums[i];
    if (Math.abs(s) >= observed) large++;
  }
  return exact ? large / rounds : (large + 1) / (rounds + 1);
}
