"use strict";

const TEXTS = {
  en: {
    inbox: "Inbox", mails: "Mail", samples: "Samples", search: "Search by address or subject", back: "All mail",
    html: "HTML", text: "Text", headers: "Headers", other: "日本語", otherCode: "ja",
    none: "No mail was sent yet. This page shows it as soon as there is some.", nothing: "Nothing matches.",
    away: "The embedded cloud does not answer. Trying again …", to: "To", code: "Code",
    kinds: {
      cognito: "Sign-in", account_deletion_scheduled: "Deletion scheduled", account_deleted: "Deletion receipt",
      export_ready: "Export", device_alert: "Device alert", strike: "Strike", announcement: "Announcement",
    },
    outcomes: { Send: "sent", Delivery: "delivered", Bounce: "bounced", Complaint: "complained" },
  },
  ja: {
    inbox: "受信箱", mails: "メール", samples: "見本", search: "アドレスまたは件名で検索", back: "一覧へ",
    html: "HTML", text: "テキスト", headers: "ヘッダー", other: "English", otherCode: "en",
    none: "まだメールはありません。届くと、ここに表示されます。", nothing: "該当するメールはありません。",
    away: "クラウドが応答しません。再試行しています…", to: "宛先", code: "コード",
    kinds: {
      cognito: "サインイン", account_deletion_scheduled: "削除の予告", account_deleted: "削除の控え",
      export_ready: "データの書き出し", device_alert: "端末の警告", strike: "警告", announcement: "お知らせ",
    },
    outcomes: { Send: "送信済み", Delivery: "配達済み", Bounce: "不達", Complaint: "迷惑メール報告" },
  },
};

const $ = (id) => document.getElementById(id);
const state = { language: "en", box: "mails", mails: [], samples: [], shown: null, tab: "html" };
let stored = null;
try { stored = localStorage.getItem("language"); } catch { /* private windows keep nothing */ }
state.language = stored in TEXTS ? stored : navigator.language.startsWith("ja") ? "ja" : "en";

const words = () => TEXTS[state.language];

function element(tag, className, text, attributes = {}) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function moment(seconds, long) {
  if (!seconds) return "";
  const at = new Date(seconds * 1000);
  const today = new Date().toDateString() === at.toDateString();
  const format = long ? { dateStyle: "long", timeStyle: "medium" }
    : today ? { timeStyle: "short" } : { month: "short", day: "numeric" };
  return new Intl.DateTimeFormat(state.language, format).format(at);
}

// Words that the page has no name for are shown as they are: a new kind of mail needs no new page.
const kindOf = (mail) => words().kinds[mail.kind] ?? mail.kind.replaceAll("_", " ");

function outcome(mail) {
  const last = mail.outcomes.at(-1);
  if (!last) return null;
  const bad = last === "Bounce" || last === "Complaint";
  return element("span", bad ? "bad" : "good", `${bad ? "✗" : "✓"} ${words().outcomes[last] ?? last}`);
}

function drawList() {
  const asked = $("search").value.trim().toLowerCase();
  const all = state[state.box].toReversed();
  const found = all.filter((mail) => `${mail.to} ${mail.subject}`.toLowerCase().includes(asked));
  const focused = document.activeElement?.dataset?.number;
  $("list").replaceChildren(...found.map((mail) => {
    const button = element("button", "", undefined, { type: "button" });
    button.dataset.number = mail.number;
    button.setAttribute("aria-current", String(state.shown === mail.number));
    button.append(
      element("span", "to", mail.to),
      element("time", "", moment(mail.at)),
      element("span", "about", mail.subject),
    );
    const line = element("span", "line");
    if (mail.code) line.append(element("span", "code", mail.code, { "aria-label": `${words().code} ${mail.code}` }));
    if (mail.kind) line.append(element("span", "", kindOf(mail)));
    const became = mail.sample ? null : outcome(mail);
    if (became) line.append(became);
    button.append(line);
    button.addEventListener("click", () => show(mail.number));
    const item = element("li");
    item.append(button);
    return item;
  }));
  if (focused !== undefined) document.querySelector(`[data-number="${focused}"]`)?.focus();
  $("empty").hidden = found.length > 0;
  $("empty").textContent = all.length ? words().nothing : words().none;
}

async function show(number) {
  const mail = state[state.box][number];
  const box = state.box;
  state.shown = number;
  drawList();
  const found = await (await fetch(`/${box}/${number}`)).json();
  if (state.shown !== number || state.box !== box) return;
  $("subject").textContent = mail.subject;
  $("to").textContent = `${words().to}: ${mail.to}`;
  $("at").textContent = moment(mail.at, true);
  $("outcomes").replaceChildren(...(outcome(mail) ? [outcome(mail)] : []));
  $("view-text").textContent = found.text;
  $("headers").replaceChildren(...found.headers.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]));
  if (mail.html) $("view-html").src = `/${box}/${number}/html`;
  $("tab-html").hidden = !mail.html;
  choose(mail.html ? state.tab : state.tab === "html" ? "text" : state.tab);
  const opened = $("reader").hidden;
  $("reader").hidden = false;
  $("rooms").classList.add("reading");
  if (opened || innerWidth <= 720) $("reader").focus();
}

function choose(tab) {
  for (const name of ["html", "text", "headers"]) {
    $(`tab-${name}`).setAttribute("aria-selected", String(name === tab));
    $(`tab-${name}`).tabIndex = name === tab ? 0 : -1;
    $(`view-${name}`).hidden = name !== tab;
  }
}

function close() {
  const number = state.shown;
  state.shown = null;
  $("reader").hidden = true;
  $("rooms").classList.remove("reading");
  drawList();
  if (number !== null) document.querySelector(`[data-number="${number}"]`)?.focus();
}

function speak() {
  document.documentElement.lang = state.language;
  document.title = `${words().inbox} · Tatemono`;
  for (const part of document.querySelectorAll("[data-text]")) part.textContent = words()[part.dataset.text];
  $("search").placeholder = words().search;
  $("language").textContent = words().other;
  $("language").lang = words().otherCode;
  drawList();
  if (state.shown !== null) show(state.shown);
}

async function open(box) {
  if (state.shown !== null) close();
  state.box = box;
  for (const name of ["mails", "samples"]) $(`box-${name}`).setAttribute("aria-pressed", String(name === box));
  if (box === "samples") state.samples = (await (await fetch("/samples")).json()).mails;
  drawList();
}

async function follow() {
  let known = "";
  for (;;) {
    try {
      const answer = await fetch(`/mails?known=${known}`);
      if (!answer.ok) throw new Error(answer.statusText);
      state.mails = (await answer.json()).mails;
      known = state.mails.length;
      $("notice").hidden = true;
      if (state.box === "mails") drawList();
    } catch {
      $("notice").textContent = words().away;
      $("notice").hidden = false;
      await new Promise((done) => setTimeout(done, 2000));
    }
  }
}

$("search").addEventListener("input", drawList);
$("back").addEventListener("click", close);
$("box-mails").addEventListener("click", () => open("mails"));
$("box-samples").addEventListener("click", () => open("samples"));
$("language").addEventListener("click", () => {
  state.language = words().otherCode;
  try { localStorage.setItem("language", state.language); } catch { /* as above */ }
  speak();
});
const TABS = ["html", "text", "headers"];
for (const name of TABS) {
  $(`tab-${name}`).addEventListener("click", () => { state.tab = name; choose(name); });
  $(`tab-${name}`).addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const open = TABS.filter((each) => !$(`tab-${each}`).hidden);
    const next = open.at((open.indexOf(name) + step) % open.length);
    state.tab = next;
    choose(next);
    $(`tab-${next}`).focus();
  });
}
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && state.shown !== null) close(); });
speak();
follow();
