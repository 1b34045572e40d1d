"use strict";
(() => {
  const list = document.getElementById("cases");
  if (!list) return;
  const at = (id) => document.getElementById(id);
  const cases = JSON.parse(at("data").textContent);
  const cards = [...list.children];
  const { digest, save } = document.body.dataset;
  const store = `tripletmine ${digest}`;
  const step = 48; // cases that are drawn at once: a page of hundreds is hard to scroll past
  let most = step;
  let decisions = {};
  try { decisions = JSON.parse(localStorage.getItem(store)) || {}; } catch { /* a browser that keeps nothing */ }

  // A spreadsheet must not take a cell for a formula: reading takes the apostrophe away again.
  const safe = (text) => (/^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text);
  const quoted = (text) => (/[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text);
  const line = (which) => {
    const { choice, label } = decisions[which];
    const { kind, key, other } = cases[which];
    const pair = kind !== "mislabelled";
    if (choice === "relabel") return ["relabel", key, "", label.trim()];
    if (choice === "exclude_other") return ["exclude", other, "", ""];
    if (choice === "exclude") return ["exclude", key, "", ""];
    return [choice, key, pair ? other : "", ""];
  };
  const decided = () => Object.keys(decisions).filter((which) => decisions[which].choice !== "relabel" || decisions[which].label.trim());
  const csv = () => ["decision,key,other_key,label", ...decided().map((which) => line(which).map(safe).map(quoted).join(","))].join("\n") + "\n";

  const tell = () => {
    const shown = cards.filter((card) => !card.hidden).length;
    at("none").hidden = shown > 0;
    at("told").textContent = `${shown} of ${cards.length} shown, ${decided().length} decided`;
  };
  const filter = () => {
    const wanted = at("find").value.trim().toLowerCase();
    const kind = at("kind").value, state = at("state").value;
    let shown = 0;
    for (const card of list.children) {
      const { key, other } = cases[card.dataset.at];
      const found = !wanted || `${card.textContent} ${key} ${other}`.toLowerCase().includes(wanted);
      const fits = (!kind || card.dataset.kind === kind) && (!state || (state === "done") === (card.dataset.at in decisions));
      shown += found && fits;
      card.hidden = !(found && fits && shown <= most);
    }
    at("more").hidden = shown <= most;
    at("more").textContent = `Show ${Math.min(step, shown - most)} more of ${shown - most}`;
    tell();
  };
  const sort = () => {
    const by = at("order").value;
    const value = (card) => (by === "distance" ? +card.dataset.distance : by === "label" ? cases[card.dataset.at].label : +card.dataset.at);
    const compare = (a, b) => (by === "label" ? value(a).localeCompare(value(b)) : value(a) - value(b)) || a.dataset.at - b.dataset.at;
    list.append(...[...cards].sort(compare));
    filter();
  };

  let waiting;
  const keep = () => {
    try { localStorage.setItem(store, JSON.stringify(decisions)); } catch { /* the download is still there */ }
    if (!save) return;
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      try {
        const answer = await fetch(save, { method: "POST", headers: { "Content-Type": "text/csv" }, body: csv() });
        if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
        at("told").textContent += ", saved";
      } catch (error) {
        at("told").textContent += `, not saved (${error.message}): download them`;
      }
    }, 300);
  };
  const mark = (card) => card.classList.toggle("done", card.dataset.at in decisions);
  for (const card of cards) {
    const which = card.dataset.at;
    const typed = card.querySelector(".new-label input");
    const { suggested } = cases[which];
    if (typed) typed.value = suggested;
    const shown = typed && typed.value; // without what an input cannot hold, as line breaks
    const before = decisions[which];
    if (before) {
      const radio = [...card.querySelectorAll("[type=radio]")].find((each) => each.value === before.choice);
      if (radio) radio.checked = true; else delete decisions[which];
      if (typed && before.label && before.label !== suggested) typed.value = before.label;
      if (typed) typed.parentElement.hidden = before.choice !== "relabel";
    }
    mark(card);
    card.addEventListener("input", (event) => {
      const choice = card.querySelector("[type=radio]:checked").value;
      if (choice) decisions[which] = { choice, label: !typed ? "" : typed.value === shown ? suggested : typed.value }; else delete decisions[which];
      if (typed) {
        typed.parentElement.hidden = choice !== "relabel";
        typed.toggleAttribute("aria-invalid", choice === "relabel" && !typed.value.trim());
        if (event.target.value === "relabel" && event.target.type === "radio") typed.select();
      }
      mark(card);
      tell(); // and no filter: a case must not vanish under the hand that decides it
      keep();
    });
  }
  at("download").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv;charset=utf-8" }));
    link.download = "review.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  at("tools").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["find", "kind", "state"]) at(id).addEventListener("input", () => { most = step; filter(); });
  at("more").addEventListener("click", () => {
    const next = [...list.children].filter((card) => !card.hidden).length;
    most += step;
    filter();
    [...list.children].filter((card) => !card.hidden)[next]?.querySelector("[type=radio]:checked").focus();
  });
  at("order").addEventListener("input", sort);
  filter();
})();
