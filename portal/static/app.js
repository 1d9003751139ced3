/* Vestibule's few manners in the browser. Everything works without this file. */
(() => {
  "use strict";
  const root = document.documentElement;
  const find = (selector, from = document) => from.querySelector(selector);
  const region = (id) => document.getElementById(id);
  root.classList.add("js");

  /* The two live regions: #status (politely) and #alert (at once). */

  const unseen = "visually-hidden";
  let fading;
  function addDismiss(box) {
    if (!box.textContent.trim() || box.classList.contains(unseen) || find(".live-close", box)) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "live-close";
    button.textContent = "×";
    button.setAttribute("aria-label", box.dataset.dismiss || find("#status").dataset.dismiss);
    box.append(button);
  }
  function say(text, id = "status") {
    const box = region(id);
    const line = document.createElement("p");
    line.textContent = text;
    box.replaceChildren(line);
  }
  for (const id of ["status", "alert"]) {
    const box = region(id);
    if (!box) continue;
    new MutationObserver(() => {
      addDismiss(box);
      clearTimeout(fading);
      // What offers a choice (Undo) stays until it is dismissed or replaced: nobody is hurried (WCAG 2.2.1).
      if (id === "status" && !find("form, a", box)) fading = setTimeout(() => box.replaceChildren(), 12000);
    }).observe(box, { childList: true });
  }
  function clearUnseen() {
    region("status").classList.remove(unseen);
    region("status").replaceChildren();
  }
  // A flashed message is on the page from its first load, which no screen reader announces: say it once, unseen.
  const flashed = find("[data-say]");
  if (flashed) {
    region("status").classList.add(unseen);
    document.addEventListener("htmx:before:request", clearUnseen, { once: true });
    setTimeout(() => say(flashed.textContent), 150);
  }
  document.addEventListener("say", (event) => {
    clearUnseen();
    say(event.detail.value);
  });
  // What happened elsewhere never takes an offer (Undo) away.
  document.addEventListener("news", (event) => {
    if (!find("form", region("status"))) say(event.detail.value);
  });

  /* Dialogs: what arrives with data-modal opens as a modal and gives the focus back to its opener. */

  let opener = "";
  let openerRow = "";
  // Where a button was whose row came anew without it: the row's first one.
  const firstIn = (row) => row && region(row) && find("button, a", region(row));
  // A modal makes the rest of the page inert, live regions too: they move in with it, and home before anything is swapped.
  function placeRegions(box) {
    const main = region("main");
    if (box) box.prepend(region("alert"), region("status"));
    else if (find("dialog #alert")) {
      main.before(region("alert"));
      main.after(region("status"));
    }
  }
  // One dialog may stand above another (what is missing, above an appointment): the last one is on top.
  const topDialog = () => [...document.querySelectorAll("dialog[open]")].pop();
  function openModals() {
    for (const box of document.querySelectorAll("dialog[data-modal]:not([open])")) {
      const before = document.activeElement;
      const beneath = [opener, openerRow];
      if (before !== document.body) {
        opener = before.id;
        openerRow = (before.closest("tr[id]") || {}).id;
      }
      const [from, fromRow] = [opener, openerRow];
      box.showModal();
      box.addEventListener("close", () => {
        placeRegions();
        box.remove();
        placeRegions(topDialog());
        markTitle();
        [opener, openerRow] = beneath;
        const stands = before !== document.body && before.isConnected && before;
        const back = (from && region(from)) || stands || firstIn(fromRow);
        (back || region("main")).focus();
      }, { once: true });
    }
    placeRegions(topDialog());
  }
  function closeDialog(inside) {
    const box = (inside && inside.closest && inside.closest("dialog")) || topDialog();
    if (box) box.close();
  }
  document.addEventListener("close-dialog", (event) => closeDialog(event.target));

  /* A request that does not come through: the page stays, a banner says so. */

  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx) say(region("alert").dataset.offline, "alert");
  });
  document.addEventListener("htmx:response:error", (event) => {
    if (event.detail.ctx.response.status >= 500) say(region("alert").dataset.failed, "alert");
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { response, sourceElement } = event.detail.ctx;
    if (response.status >= 400) return;
    // What a person's act was told stays until their next act; a page that asks by itself only ends the outage's banner.
    const box = region("alert");
    const told = find("p", box);
    const outage = told && [box.dataset.offline, box.dataset.failed].includes(told.textContent);
    if (outage || !sourceElement.matches("[data-poll]")) box.replaceChildren();
  });

  /* A page that asks for news by itself keeps quiet while nobody looks at it; news from before an act is no news. */

  let acts = 0;
  document.addEventListener("htmx:before:request", (event) => {
    const { ctx } = event.detail;
    if (!ctx.sourceElement.matches("[data-poll]")) acts += 1;
    else if (document.hidden) event.preventDefault();
    ctx.acts = acts;
  });

  /* Logged out meanwhile: the page stays as it is, and a banner says where to log in. */

  document.addEventListener("htmx:before:response", (event) => {
    const { ctx } = event.detail;
    const { status, headers } = ctx.response;
    if (status === 401) {
      event.preventDefault();
      const box = region("alert");
      if (find("a", box)) return;
      say(box.dataset.out, "alert");
      const link = document.createElement("a");
      link.href = `${headers.get("HX-Redirect")}?next=${encodeURIComponent(location.pathname + location.search)}`;
      link.textContent = box.dataset.logIn;
      find("p", box).append(" ", link);
    } else if (ctx.acts !== acts && ctx.sourceElement.matches("[data-poll]")) event.preventDefault();
  });

  /* A button in flight: kept in place and focused, but a second press does nothing. */

  const busy = "data-busy";
  function setBusy(form, submitter) {
    form.setAttribute(busy, "");
    const button = submitter || find("[type=submit]", form);
    if (button) button.setAttribute("aria-disabled", "true");
  }
  function setIdle(form) {
    form.removeAttribute(busy);
    for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
  }
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.hasAttribute(busy)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else if (form.method === "post") setBusy(form, event.submitter);
  }, true);
  document.addEventListener("htmx:finally:request", (event) => {
    const form = event.detail.ctx.sourceElement.closest("form");
    if (form && !event.detail.ctx.keepIndicators) setIdle(form);
  });
  addEventListener("pageshow", (event) => {
    // Back, from the browser's memory: health records are shown as they are now.
    if (event.persisted) location.reload();
    document.querySelectorAll(`[${busy}]`).forEach(setIdle);
  });

  /* The box that ticks its whole column: before anybody hears of the change. */

  const boxes = (all) => [...all.closest("table").querySelectorAll("tbody [type=checkbox]")];
  function markAll() {
    for (const all of document.querySelectorAll("[data-pick-all]")) all.checked = boxes(all).every((box) => box.checked);
  }
  addEventListener("change", ({ target }) => {
    if (target.matches("[data-pick-all]")) for (const box of boxes(target)) box.checked = target.checked;
    else markAll();
  }, true);

  /* Show and hide a password or an SSN. */

  function wireReveals() {
    for (const control of document.querySelectorAll(":is([data-reveal], [data-print], [data-pick-all])[hidden]")) control.hidden = false;
  }
  function reveal(button) {
    const input = region(button.dataset.reveal);
    const masked = input.classList.contains("masked");
    const shown = masked ? input.classList.toggle("shown") : input.type === "password";
    if (!masked) input.type = shown ? "text" : "password";
    find("[data-word]", button).textContent = shown ? button.dataset.hide : button.dataset.show;
  }

  /* A username suggested from what is typed, only into a field that is empty or still holds a suggestion. */

  function suggest(input) {
    if (input.value && input.value !== input.dataset.suggested) return;
    const words = input.dataset.suggestFrom.split(/\s+/).map((id) => (region(id) || {}).value || "");
    const email = words.find((word) => word.includes("@")) || "";
    const clean = (text) => text.normalize("NFD").toLowerCase().replace(/[^a-z0-9._-]/g, "").slice(0, 64);
    const name = [email.split("@")[0], ...words.filter((word) => !word.includes("@"))].map(clean).find((word) => word.length > 2);
    if (name) input.value = input.dataset.suggested = name;
  }

  /* One listener for each kind of event; elements may come and go. */

  document.addEventListener("click", (event) => {
    const target = event.target.closest("button, a, summary");
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    if (!target) return;
    if (target.matches("[data-close]")) closeDialog(target);
    else if (target.matches("[data-reveal]")) reveal(target);
    else if (target.matches("[data-print]")) print();
    else if (target.matches(".live-close")) target.parentElement.replaceChildren();
  });
  // While typing, and not on leaving the field: a suggestion that came as the next field takes the focus would mix with
  // what is typed there.
  document.addEventListener("input", (event) => {
    for (const input of document.querySelectorAll("[data-suggest-from]")) {
      if (input.dataset.suggestFrom.split(/\s+/).includes(event.target.id)) suggest(input);
    }
  });
  // A colour that is typed, and the same in the browser's box: one follows the other.
  document.addEventListener("input", ({ target }) => {
    const twin = region(target.dataset.twin);
    if (twin && /^#[\da-f]{6}$/i.test(target.value)) twin.value = target.value;
  });
  document.addEventListener("focusin", (event) => {
    const { value, dataset } = event.target;
    if (value && value === dataset.suggested) event.target.select();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = find("details[data-menu][open]");
      if (menu) {
        menu.open = false;
        find("summary", menu).focus();
      }
    }
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || find("dialog[open]")) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    const search = find("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });

  // "Error: " before the title while a summary of errors is on the page.
  let prefix = "";
  function markTitle() {
    const wrong = find("#error-summary");
    if (wrong) {
      prefix = wrong.dataset.title;
      if (!document.title.startsWith(prefix)) document.title = prefix + document.title;
    } else if (prefix && document.title.startsWith(prefix)) document.title = document.title.slice(prefix.length);
  }
  function settle() {
    openModals();
    wireReveals();
    markAll();
    markTitle();
  }
  // What had the focus may be gone with the old content: go to what came in its place, not to the top of the page.
  let focused;
  document.addEventListener("htmx:before:swap", () => {
    focused = document.activeElement;
    placeRegions();
  });
  document.addEventListener("htmx:after:swap", (event) => {
    settle();
    if (!focused || focused.isConnected || document.activeElement !== document.body) return;
    const sibling = firstIn((focused.closest("tr[id]") || {}).id);
    if (sibling) {
      sibling.focus({ preventScroll: true });
      return;
    }
    const target = event.detail.ctx.target;
    const place = (target && target.id && region(target.id)) || region("main");
    place.tabIndex = -1;
    place.focus({ preventScroll: true });
  });
  settle();
  const here = find(".side [aria-current]");
  if (here) here.parentElement.parentElement.scrollLeft = here.offsetLeft - 24;
})();
