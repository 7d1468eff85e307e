// What the pages do without, done sooner: a form is checked and kept while it is
// typed, a text is read from a file, a list is walked by the keyboard.
"use strict";

for (const form of document.querySelectorAll("form[data-check]")) {
  let timer, last = "";
  const look = async () => {
    const body = new URLSearchParams(new FormData(form));
    if (body.toString() === last) return;
    last = body.toString();
    let answer;
    try {
      const reply = await fetch(form.dataset.check, { method: "POST", body });
      if (!reply.ok) return;
      answer = await reply.json();
    } catch { return; }
    form.elements.draft.value = answer.draft;
    for (const old of form.querySelectorAll("small.live")) old.remove();
    for (const r of answer.remarks) {
      const field = form.elements[r.field];
      const label = field && field.closest && field.closest("label");
      if (!label) continue;
      const note = document.createElement("small");
      note.className = "live " + r.kind;
      note.textContent = r.text;
      label.append(note);
      field.setAttribute("aria-invalid", r.kind === "fault" ? "true" : "false");
    }
    document.getElementById("kept").textContent = "已存为草稿";
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 700); });
  form.addEventListener("submit", () => clearTimeout(timer));
}

for (const area of document.querySelectorAll("textarea[data-file]")) {
  const pick = document.createElement("input");
  pick.type = "file";
  pick.accept = ".txt,text/plain";
  pick.setAttribute("aria-label", "从文本文件读入");
  pick.addEventListener("change", async () => {
    if (!pick.files[0]) return;
    area.value = await pick.files[0].text();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });
  area.after(pick);
}

// A file is checked as soon as it is chosen, and stays chosen while the page
// shows what it holds: chosen, looked at, stored.
document.addEventListener("submit", (e) => {
  const form = e.target;
  if (!form.matches("form[data-keeps-file]") || !window.fetch || !window.DOMParser) return;
  e.preventDefault();
  const act = e.submitter ? e.submitter.value : "check";
  const body = new FormData(form);
  body.set("act", act);
  for (const b of form.querySelectorAll("button")) b.disabled = true;
  const main = form.closest("main");
  main.setAttribute("aria-busy", "true");
  fetch(form.action, { method: "POST", body }).then(async (reply) => {
    const shown = new DOMParser().parseFromString(await reply.text(), "text/html").querySelector("main");
    if (!shown) throw new Error("no page");
    const picked = form.querySelector("input[type=file]");
    const fresh = shown.querySelector("form[data-keeps-file] input[type=file]");
    main.replaceChildren(...shown.childNodes);
    if (fresh && act === "check") fresh.replaceWith(picked);
  }).catch(() => { for (const b of form.querySelectorAll("button")) b.disabled = false; }).finally(() => main.removeAttribute("aria-busy"));
});
document.addEventListener("change", (e) => {
  const form = e.target.closest("form[data-keeps-file]");
  if (form && e.target.matches("input[type=file]") && e.target.files.length) form.requestSubmit(form.querySelector("button[value=check]"));
});

document.addEventListener("keydown", (e) => {
  if (e.key !== "ArrowDown" && e.key !== "ArrowUp" || !document.activeElement.closest("table.rows tbody")) return;
  if (document.activeElement.matches("input, select, textarea")) return;
  const links = [...document.querySelectorAll("table.rows tbody tr > td > a, table.rows tbody tr > td:first-child a")];
  const at = links.indexOf(document.activeElement);
  const next = links[at + (e.key === "ArrowDown" ? 1 : -1)];
  if (at >= 0 && next) { e.preventDefault(); next.focus(); }
});

// A slider shows the points that the service reckoned; it reckons nothing.
for (const card of document.querySelectorAll("[data-steps]")) {
  const slide = card.querySelector(".slide"), range = slide.querySelector("input"), told = card.querySelector(".told");
  const rows = [...card.querySelectorAll("tbody tr")].map((r) => [...r.cells].map((c) => c.textContent));
  const show = () => {
    const i = Number(range.value), [input, figure, between] = rows[i];
    told.textContent = input + (document.documentElement.lang === "en" ? ": " : "：") + figure + (between === "—" ? "" : " (" + between + ")");
    range.setAttribute("aria-valuetext", told.textContent);
    for (const svg of card.querySelectorAll("svg")) svg.querySelectorAll(".step").forEach((l, k) => l.setAttribute("visibility", k === i ? "visible" : "hidden"));
  };
  slide.hidden = false;
  range.addEventListener("input", show);
  show();
}

// What takes a while says for how long it has, and where its end is known how long is left.
for (const form of document.querySelectorAll("form[data-wait]")) {
  form.addEventListener("submit", () => {
    const note = form.querySelector(".waiting"), began = Date.now();
    if (!note) return;
    const tell = () => { note.textContent = note.dataset.said + " " + Math.round((Date.now() - began) / 1000) + " s"; };
    tell();
    setInterval(tell, 1000);
  });
}
