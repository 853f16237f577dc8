// Shows the numbers of live.json, every five seconds while the page is visible.
// The server judges them; this file only shows its judgement.
"use strict";

(() => {
  const LIVE_MS = 5000;
  const CHARTS_MS = 60000;
  const PATIENCE_MS = 15000;
  const root = document.getElementById("dashboard");
  const byId = (id) => document.getElementById(id);
  let lastUpdate = null;

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function linkTo(text, address) {
    const link = element("a", "", text);
    link.href = address;
    return link;
  }

  // Changes a text only if it differs: a selection or a screen reader's place stays.
  function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  async function ask(address) {
    const answer = await fetch(address, {
      credentials: "same-origin",
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status === 403) throw new Error("you are logged out, or lack the permission: reload the page");
    if (!answer.ok) throw new Error(`the web process answered ${answer.status}`);
    return answer.json();
  }

  // A command, with a button that copies it.
  function commandOf(text) {
    const line = element("p", "command");
    const button = element("button", "", "Copy");
    button.type = "button";
    button.setAttribute("aria-label", `Copy the command: ${text}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text);
      setText(button, "Copied");
    });
    line.append(element("code", "", text), button);
    return line;
  }

  // A cause that is alone is what the first line says already.
  function causeOf(cause, isAlone) {
    const item = element("li");
    item.dataset.level = cause.level;
    item.append(isAlone ? "" : `${cause.sentence} `, linkTo("What to do", cause.runbook), commandOf(cause.command));
    return item;
  }

  function symptomOf(symptom) {
    const item = element("li", "symptom");
    item.dataset.level = symptom.level;
    item.append(`Follows from it: ${symptom.sentence} `, linkTo("What to do", symptom.runbook));
    return item;
  }

  // Built anew only when the causes change: a focus or a selection stays.
  function showCauses(causes, symptoms) {
    const key = [...causes, ...symptoms].map((one) => one.cause).join();
    const list = byId("causes");
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    list.replaceChildren(...causes.map((one) => causeOf(one, causes.length === 1)), ...symptoms.map(symptomOf));
  }

  function showOverall({ level, sign, text, causes = [], symptoms = [], look = "" }) {
    showCauses(causes, symptoms);
    setText(byId("look"), look);
    byId("overall").dataset.level = level;
    setText(byId("overall-sign"), sign);
    setText(byId("overall-text"), text);
    document.title = `${sign} ${level} – Dashboard`;
  }

  function makeStage(stage) {
    const item = element("li");
    item.id = `stage-${stage.name}`;
    item.append(element("h3", "", stage.name), element("ul"));
    byId("flow").append(item);
    return item;
  }

  function makeNumber(list, number) {
    const item = element("li", number.kind);
    const link = element("a");
    link.href = number.link;
    link.append(element("span", "sign"), element("span", "value"), ` ${number.words}`);
    item.append(link);
    list.append(item);
    return item;
  }

  // A number that wants a look has a sign before it; links and texts stay where they are.
  function showStage(stage) {
    const item = byId(`stage-${stage.name}`) || makeStage(stage);
    const list = item.querySelector("ul");
    stage.numbers.forEach((number, index) => {
      const shown = list.children[index] || makeNumber(list, number);
      shown.dataset.level = number.level;
      setText(shown.querySelector(".sign"), number.sign && `${number.sign} `);
      setText(shown.querySelector(".value"), number.value);
    });
  }

  function makeTile(tile) {
    const item = element("li");
    item.id = `tile-${tile.name}`;
    item.append(
      element("span", "title", tile.title),
      element("span", "value"),
      element("span", "level"),
      element("p", "advice"),
    );
    byId("tiles").append(item);
    return item;
  }

  function showTile(tile) {
    const item = byId(`tile-${tile.name}`) || makeTile(tile);
    item.dataset.level = tile.level;
    item.classList.toggle("wants", tile.advice !== "");
    setText(item.querySelector(".value"), tile.value);
    setText(item.querySelector(".level"), `${tile.sign} ${tile.level}`);
    const advice = item.querySelector(".advice");
    advice.hidden = tile.advice === "";
    if (advice.dataset.text === tile.advice) return;
    advice.dataset.text = tile.advice;
    advice.replaceChildren(`${tile.advice} `, linkTo("What to do", tile.runbook));
  }

  function cell(text, isNumber) {
    const classes = isNumber ? (text === "0" ? "n zero" : "n") : "";
    return element("td", classes, text);
  }

  function showRows(id, rows, empty) {
    const body = byId(id).tBodies[0];
    if (rows.length > 0) return body.replaceChildren(...rows);
    const row = element("tr");
    const only = element("td", "quiet", empty);
    only.colSpan = 9;
    row.append(only);
    return body.replaceChildren(row);
  }

  function processRow(process) {
    const row = element("tr");
    const state = element("td");
    row.dataset.level = process.level;
    state.append(element("span", "state", process.state));
    row.append(cell(process.role), state);
    row.append(...[process.last, process.started, process.where, process.did].map((text) => cell(text)));
    return row;
  }

  function queueRow(queue) {
    const row = element("tr");
    const numbers = [queue.waiting, queue.oldest, queue.delayed, queue.dead];
    row.append(cell(queue.queue), ...numbers.map((text) => cell(text, true)));
    return row;
  }

  function ageRow(age) {
    const row = element("tr");
    row.append(cell(age.name), cell(age.age, true));
    return row;
  }

  function linkCell(text, address) {
    const made = element("td");
    made.append(linkTo(text, address));
    return made;
  }

  function reasonRow(reason) {
    const row = element("tr");
    row.append(linkCell(reason.reason, reason.link), cell(reason.what), cell(reason.count, true));
    row.append(linkCell("What to do", reason.runbook));
    return row;
  }

  function showOutcomes(outcomes) {
    const head = element("tr");
    const titles = outcomes ? ["10 min", ...outcomes.minutes] : [];
    head.append(element("th", "", "outcome"), ...titles.map((text) => element("th", "n", text)));
    byId("outcomes").tHead.replaceChildren(head);
    const rows = (outcomes ? outcomes.rows : []).map((outcome) => {
      const row = element("tr");
      row.id = `outcome-${outcome.name}`;
      row.append(cell(outcome.name), ...[outcome.sum, ...outcome.counts].map((text) => cell(text, true)));
      return row;
    });
    showRows("outcomes", rows, "can't be read");
  }

  async function showLive() {
    try {
      const data = await ask(root.dataset.live);
      showOverall(data.overall);
      data.flow.forEach(showStage);
      data.tiles.forEach(showTile);
      showRows("processes", data.processes.map(processRow), "no heartbeat at all");
      showRows("queues", data.queues.map(queueRow), "can't be read");
      showRows("ages", data.ages.map(ageRow), "can't be read");
      showOutcomes(data.outcomes);
      showRows("reasons", data.reasons.map(reasonRow), "nothing failed");
      lastUpdate = data.time;
      setText(byId("fresh"), `as of ${data.time}, refreshed every 5 s`);
    } catch (error) {
      const since = lastUpdate ? `The numbers below are from ${lastUpdate}.` : "";
      showOverall({ level: "bad", sign: "✖", text: `No update: ${error.message}. ${since}` });
    }
  }

  async function showCharts() {
    try {
      window.drawCharts(byId("charts"), await ask(root.dataset.charts + window.chartsQuery()));
    } catch (error) {
      byId("charts").replaceChildren(element("p", "quiet", `No charts: ${error.message}.`));
    }
  }

  // The next request starts only after the last one has ended.
  async function repeat(show, ms) {
    if (!document.hidden) await show();
    setTimeout(repeat, ms, show, ms);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) showLive();
  });
  window.showCharts = showCharts;
  repeat(showLive, LIVE_MS);
  repeat(showCharts, CHARTS_MS);
})();
