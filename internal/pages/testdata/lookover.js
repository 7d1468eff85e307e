((width) => { // of the window as asked for: what is too wide widens window.innerWidth of a phone
  const wrong = [];
  const say = (what, e) => wrong.push(what + ": " + (e.outerHTML || "").replace(/\s+/g, " ").slice(0, 140));
  const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0 && !e.closest(".unseen, .skip");
  if (document.documentElement.scrollWidth > width + 1) {
    let widest = document.body, right = 0;
    for (const e of document.body.querySelectorAll("*")) { const r = e.getBoundingClientRect(); if (shown(e) && r.right > right + 1) { right = r.right; widest = e; } }
    say("the page scrolls sideways (" + document.documentElement.scrollWidth + " px)", widest);
  }
  if (!document.documentElement.lang) wrong.push("the page has no language");
  if (!document.title) wrong.push("the page has no title");
  if (document.querySelectorAll("h1").length < 1) wrong.push("the page has no heading");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((x, i) => ids.indexOf(x) !== i))) wrong.push("two elements have the id " + id);
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (!shown(e)) continue;
    const label = e.closest("label") || (e.id && document.querySelector("label[for='" + e.id + "']"));
    const name = e.getAttribute("aria-label") || (label && label.textContent.replace(e.textContent, "").trim());
    if (!name) say("a field without a label", e);
  }
  for (const e of document.querySelectorAll("a, button, summary")) {
    if (shown(e) && !(e.innerText.trim() || e.getAttribute("aria-label"))) say("nothing says what it does", e);
  }
  for (const e of document.querySelectorAll("svg[role=img], img")) {
    if (shown(e) && !(e.getAttribute("aria-label") || e.getAttribute("alt") || e.querySelector("title"))) say("a picture without words", e);
  }
  for (const e of document.querySelectorAll("[tabindex]")) if (e.tabIndex > 0) say("the order of focus is changed", e);
  for (const e of document.querySelectorAll("[aria-hidden=true]")) if (shown(e) && e.matches("a, button, input, select") && e.tabIndex >= 0) say("hidden and in the order of focus", e);
  const rgb = (s) => { const m = s.match(/[\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
  const light = (c) => { const f = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * f[0] + 0.7152 * f[1] + 0.0722 * f[2]; };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const ground = (e) => { const stack = []; for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 0) { stack.push(c); if (c[3] === 1) break; } } return stack.reverse().reduce((b, c) => over(c, b), [255, 255, 255, 1]); };
  const done = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const e = n.parentElement;
    if (!n.textContent.trim() || done.has(e) || !shown(e) || e.closest("svg, option, script, style")) continue;
    done.add(e);
    const s = getComputedStyle(e), b = ground(e), f = over(rgb(s.color), b);
    const [hi, lo] = [light(f), light(b)].sort((x, y) => y - x);
    const size = parseFloat(s.fontSize), large = size >= 24 || (size >= 18.66 && Number(s.fontWeight) >= 700);
    const ratio = (hi + 0.05) / (lo + 0.05);
    if (ratio < (large ? 3 : 4.5)) say("contrast " + ratio.toFixed(2), e);
  }
  return [...new Set(wrong)].slice(0, 12);
})
