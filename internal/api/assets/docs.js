// Renders /openapi.json. No library, no network but this server. Text from the
// specification is always set as text, never as markup.
"use strict";

const $ = (id) => document.getElementById(id);

function el(tag, attrs, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attrs || {})) e.setAttribute(k, v);
  for (const c of children.flat()) if (c !== null && c !== undefined) e.append(c);
  return e;
}

let spec;

function resolve(s) {
  while (s && s.$ref) s = spec.components.schemas[s.$ref.split("/").pop()];
  return s || {};
}

function typeOf(s) {
  if (!s) return "";
  const name = s.$ref ? s.$ref.split("/").pop() : "";
  const r = resolve(s);
  let t = Array.isArray(r.type) ? r.type.join(" | ") : r.type || "any";
  if (t.includes("array")) t = "array of " + typeOf(r.items);
  if (name) t = name;
  if (r.format) t += " (" + r.format + ")";
  return t;
}

function notes(s) {
  const r = resolve(s), out = [];
  if (r.description) out.push(r.description);
  if (r.enum) out.push("one of: " + r.enum.join(", "));
  for (const [k, label] of [["minimum", "≥"], ["maximum", "≤"], ["exclusiveMinimum", ">"], ["exclusiveMaximum", "<"], ["minLength", "length ≥"], ["maxLength", "length ≤"], ["minItems", "items ≥"], ["maxItems", "items ≤"], ["pattern", "pattern"], ["default", "default"]])
    if (r[k] !== undefined) out.push(label + " " + r[k]);
  if (r.examples && r.examples.length) out.push("e.g. " + JSON.stringify(r.examples[0]));
  return out.join(" · ");
}

function schemaTable(s, depth, seen) {
  const r = resolve(s);
  const props = r.properties || (r.items && resolve(r.items).properties);
  const owner = r.properties ? r : resolve(r.items);
  if (!props) return el("p", { class: "dim" }, typeOf(s) + " " + notes(s));
  const body = el("tbody");
  for (const [name, p] of Object.entries(props)) {
    const cell = el("td", {}, notes(p));
    const inner = resolve(p), item = inner.items ? resolve(inner.items) : inner;
    const key = (p.$ref || (inner.items && inner.items.$ref) || "");
    if (item.properties && depth < 6 && !seen.includes(key)) {
      const d = el("details", {}, el("summary", {}, "fields"));
      d.addEventListener("toggle", () => {
        if (d.open && d.children.length === 1) d.append(schemaTable(p, depth + 1, key ? seen.concat(key) : seen));
      });
      cell.append(d);
    }
    body.append(el("tr", {},
      el("td", {}, el("code", {}, name), (owner.required || []).includes(name) ? " *" : ""),
      el("td", {}, typeOf(p)), cell));
  }
  return el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "field (* required)"), el("th", {}, "type"), el("th", {}, "notes"))), body);
}

function operation(method, path, op) {
  const box = el("div");
  if (op.description) box.append(el("p", {}, op.description));
  const params = (op.parameters || []);
  if (params.length) {
    const body = el("tbody");
    for (const p of params) body.append(el("tr", {}, el("td", {}, el("code", {}, p.name), p.required ? " *" : ""), el("td", {}, p.in), el("td", {}, typeOf(p.schema)), el("td", {}, p.description || "", " ", notes({ ...resolve(p.schema), description: "" }))));
    box.append(el("h4", {}, "参数 Parameters"), el("table", {}, el("thead", {}, el("tr", {}, ...["name", "in", "type", "notes"].map((h) => el("th", {}, h)))), body));
  }
  if (op.requestBody)
    for (const [type, m] of Object.entries(op.requestBody.content || {}))
      box.append(el("h4", {}, "请求 Request ", el("code", {}, type)), m.schema ? schemaTable(m.schema, 0, []) : "");
  for (const [code, r] of Object.entries(op.responses || {})) {
    const d = el("details", {}, el("summary", {}, code + " " + (r.description || "")));
    d.addEventListener("toggle", () => {
      if (!d.open || d.children.length > 1) return;
      for (const [type, m] of Object.entries(r.content || {}))
        d.append(el("p", { class: "dim" }, type), m.schema ? schemaTable(m.schema, 0, []) : "");
    });
    box.append(d);
  }
  return el("section", { id: op.operationId }, el("h3", {}, el("span", { class: "method" }, method.toUpperCase()), " ", el("code", {}, path), " ", el("span", { class: "dim" }, op.summary || "")), box);
}

function render(filter) {
  const groups = new Map();
  for (const [path, item] of Object.entries(spec.paths))
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      const op = item[method];
      if (!op) continue;
      const text = (method + " " + path + " " + (op.summary || "")).toLowerCase();
      if (filter && !text.includes(filter)) continue;
      const tag = (op.tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push([method, path, op]);
    }
  const nav = [], main = [];
  for (const [tag, ops] of [...groups].sort()) {
    nav.push(el("h2", {}, tag));
    main.push(el("h2", {}, tag));
    for (const [method, path, op] of ops) {
      nav.push(el("a", { href: "#" + op.operationId }, method.toUpperCase() + " " + path));
      main.push(operation(method, path, op));
    }
  }
  $("nav").replaceChildren(...nav);
  $("main").replaceChildren(...main);
}

fetch("/openapi.json").then((r) => r.json()).then((s) => {
  spec = s;
  $("about").textContent = s.info.version + " · " + (s.info.description || "");
  render("");
  $("find").addEventListener("input", (e) => render(e.target.value.trim().toLowerCase()));
}).catch((e) => { $("about").textContent = "无法读取 /openapi.json: " + e; });
