/* The bell: connects to /ws/alerts/, counts what is new, shows warnings as toasts. No dependencies.
   <script src="…/alerts.js" defer data-list="/admin/alerts/event/"></script>
   It goes into the element [data-alerts-bell] if the page has one, in the admin site into the page's head, else into the
   lower right corner. */
(function () {
  "use strict";
  const script = document.currentScript;
  const ADMIN_HEAD = "#header-inner > div"; // the admin site's, also around pages of other addresses
  const SOCKET_URL = (location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/ws/alerts/";
  const NOT_LOGGED_IN = 4401; // the server's word that trying again is useless
  const RETRY_MS_MIN = 500;
  const RETRY_MS_MAX = 30000;
  const TOAST_MS = 12000; // long enough to read; a critical one stays until it is closed
  const TOASTS_MAX = 4; // more would cover the page
  const LISTED_MAX = 20;
  const SEEN_KEY = "alerts.seen"; // id of the newest event the user has looked at, on this machine
  const TOLD_KEY = "alerts.told"; // id of the newest event this tab has shown, over page changes

  let retryMs = RETRY_MS_MIN;
  let events = [];
  let ui = null;

  function stored(storage, key) {
    try { return Number(storage.getItem(key)) || 0; } catch (error) { return 0; }
  }
  function store(storage, key, value) {
    try { storage.setItem(key, String(value)); } catch (error) { /* private mode: counts start anew on each page */ }
  }

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "class") made.className = value;
      else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value);
    }
    made.append(...children); // text stays text: nothing of an event is ever read as HTML
    return made;
  }

  function bellIcon() {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", "M6 16V11a6 6 0 1 1 12 0v5l1.5 2h-15zM10 20.5a2.2 2.2 0 0 0 4 0");
    svg.append(path);
    return svg;
  }

  function build() {
    const count = element("span", { class: "tl-bell-count", hidden: "" });
    const button = element(
      "button",
      { type: "button", class: "tl-bell", "aria-expanded": "false", "aria-controls": "tl-alerts-panel", onclick: togglePanel },
      bellIcon(), count
    );
    const list = element("ul", { class: "tl-list" });
    const head = document.querySelector(ADMIN_HEAD);
    const listUrl = (script && script.dataset.list) || (head ? "/admin/alerts/event/" : "");
    const foot = listUrl ? [element("a", { class: "tl-all", href: listUrl }, "All events")] : [];
    const state = element("span", { class: "tl-state" });
    const panel = element(
      "section", { id: "tl-alerts-panel", class: "tl-panel", hidden: "", "aria-label": "Alerts" },
      element("header", {}, element("strong", {}, "Alerts"), state), list, ...foot
    );
    const polite = element("div", { class: "tl-toasts", role: "region", "aria-label": "New alerts", "aria-live": "polite" });
    const place = document.querySelector("[data-alerts-bell]") || head;
    const root = element("div", { class: place ? "tl-alerts" : "tl-alerts tl-floating" }, button, panel);
    (place || document.body).append(root);
    document.body.append(polite);
    document.addEventListener("keydown", (key) => { if (key.key === "Escape" && !panel.hidden) { closePanel(); button.focus(); } });
    document.addEventListener("click", (click) => { if (!panel.hidden && !root.contains(click.target)) closePanel(); });
    return { root, button, count, panel, list, state, toasts: polite };
  }

  function togglePanel() {
    if (!ui.panel.hidden) { closePanel(); return; }
    ui.panel.hidden = false;
    ui.button.setAttribute("aria-expanded", "true");
    keepInView();
    if (events.length) store(localStorage, SEEN_KEY, events[0].id);
    renderCount();
  }
  function closePanel() {
    ui.panel.hidden = true;
    ui.button.setAttribute("aria-expanded", "false");
    renderList();
  }
  // The bell may stand anywhere in a page's head: open to the side, and up or down, where there is room.
  function keepInView() {
    const bell = ui.button.getBoundingClientRect();
    const width = Math.min(380, document.documentElement.clientWidth - 24);
    const left = Math.min(Math.max(12, bell.right - width), document.documentElement.clientWidth - width - 12);
    ui.panel.style.width = width + "px";
    ui.panel.style.left = left + "px";
    const below = bell.top < window.innerHeight / 2;
    ui.panel.style.top = below ? bell.bottom + 8 + "px" : "auto";
    ui.panel.style.bottom = below ? "auto" : window.innerHeight - bell.top + 8 + "px";
  }

  function renderCount() {
    const seen = stored(localStorage, SEEN_KEY);
    const unread = events.filter((event) => event.id > seen).length;
    ui.count.hidden = unread === 0;
    ui.count.textContent = unread >= LISTED_MAX ? LISTED_MAX + "+" : String(unread);
    ui.count.classList.toggle("tl-critical", events.some((event) => event.id > seen && event.severity === "critical"));
    ui.button.setAttribute("aria-label", unread ? "Alerts, " + unread + " new" : "Alerts");
  }
  function renderList() {
    const seen = stored(localStorage, SEEN_KEY);
    const rows = events.map((event) => element("li", { class: event.id > seen ? "tl-new" : "" }, ...row(event)));
    ui.list.replaceChildren(...(rows.length ? rows : [element("li", { class: "tl-empty" }, "Nothing has happened yet.")]));
  }
  function row(event) {
    const title = event.url ? element("a", { href: event.url }, event.subject) : element("span", {}, event.subject);
    const at = new Date(event.created_at);
    const time = element("time", { datetime: event.created_at }, at.toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" }));
    return [
      element("span", { class: "tl-dot tl-" + event.severity, role: "img", "aria-label": event.severity, title: event.severity }),
      element("div", {}, title, element("p", {}, event.tenant, " · ", time)),
    ];
  }

  function toast(event) {
    while (ui.toasts.children.length >= TOASTS_MAX) ui.toasts.firstChild.remove();
    const close = element("button", { type: "button", class: "tl-close", "aria-label": "Dismiss" }, "×");
    const box = element("div", { class: "tl-toast tl-" + event.severity, role: event.severity === "critical" ? "alert" : "status" }, ...row(event), close);
    close.addEventListener("click", () => box.remove());
    ui.toasts.append(box);
    if (event.severity !== "critical") {
      let timer = setTimeout(() => box.remove(), TOAST_MS);
      box.addEventListener("mouseenter", () => clearTimeout(timer));
      box.addEventListener("mouseleave", () => { timer = setTimeout(() => box.remove(), TOAST_MS); });
    }
  }

  function take(incoming, isPast) {
    const known = new Set(events.map((event) => event.id));
    const fresh = incoming.filter((event) => !known.has(event.id));
    const told = stored(sessionStorage, TOLD_KEY);
    events = fresh.concat(events).sort((one, other) => other.id - one.id).slice(0, LISTED_MAX);
    // What happened between two pages is shown; what happened before the first one only counts.
    for (const event of fresh.slice().reverse()) {
      if (event.severity !== "info" && (isPast ? told && event.id > told : true)) toast(event);
    }
    if (events.length) store(sessionStorage, TOLD_KEY, Math.max(told, events[0].id));
    else store(sessionStorage, TOLD_KEY, Math.max(told, 1));
    if (!ui.panel.hidden && events.length) store(localStorage, SEEN_KEY, events[0].id);
    renderCount();
    renderList();
    for (const event of fresh) document.dispatchEvent(new CustomEvent("alerts:event", { detail: { event, isPast } }));
  }

  function connect() {
    const socket = new WebSocket(SOCKET_URL);
    socket.addEventListener("open", () => { retryMs = RETRY_MS_MIN; ui.state.textContent = ""; });
    socket.addEventListener("message", (message) => {
      const data = JSON.parse(message.data);
      if (data.type === "hello") take(data.events, true);
      else if (data.type === "event") take([data.event], false);
    });
    socket.addEventListener("close", (end) => {
      if (end.code === NOT_LOGGED_IN) { ui.root.remove(); ui.toasts.remove(); return; }
      ui.state.textContent = "Connecting…";
      // Spread out, so that a thousand browsers do not come back in the same moment.
      setTimeout(connect, retryMs * (0.5 + Math.random()));
      retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
    });
  }

  function start() {
    ui = build();
    renderCount();
    renderList();
    window.addEventListener("storage", (change) => { if (change.key === SEEN_KEY) { renderCount(); renderList(); } });
    window.addEventListener("resize", () => { if (!ui.panel.hidden) keepInView(); });
    connect();
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
