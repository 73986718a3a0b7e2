// Elements and texts. Every text from outside becomes a text node, with what would turn or hide
// its neighbours made visible; nothing is ever read as markup.
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{d800}-\u{dfff}\u{e0000}-\u{e007f}]/gu;
const visible = (text) =>
  String(text).replace(OBEYED, (sign) => `\\u${sign.codePointAt(0).toString(16).padStart(4, "0")}`);

function fill(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  }
  return node;
}

function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "place") Object.assign(node.style, value);
    else node.setAttribute(key, value === true ? "" : key === "value" ? value : visible(value));
  }
  return fill(node, children);
}

function svg(name, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return fill(node, children);
}

const pieces = (runs) =>
  runs.map(([style, text]) => (style ? el(style === "code" ? "code" : "strong", {}, text) : text));

let made = 0;
const fresh = (name) => `${name}-${++made}`;

function section(id, title, ...children) {
  return el("section", { id, "aria-labelledby": `${id}-head` },
    el("h2", { id: `${id}-head` }, title), children);
}

function select(label, options, chosen, changed) {
  const id = fresh("select");
  const list = el("select", { id, onchange: () => changed(list.value) },
    options.map(([value, text]) => el("option", { value, selected: String(value) === String(chosen) }, text)));
  return el("span", { class: "field" }, el("label", { for: id }, label), list);
}

function search(label, changed) {
  const id = fresh("search");
  const input = el("input", { id, type: "search", autocomplete: "off", oninput: () => changed(input.value) });
  return el("span", { class: "field" }, el("label", { for: id }, label), input);
}

// A folder's own page, whatever its name: a path below this page, never an address.
const below = (path) => `./${path.split("/").map(encodeURIComponent).join("/")}`;

async function unpacked(value) {
  if (!value || !value.packed) return value;
  const bytes = Uint8Array.from(atob(value.packed), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function data(id) {
  const node = document.getElementById(id);
  return node ? unpacked(JSON.parse(node.textContent)) : Promise.resolve(null);
}
