// Rates films without leaving the page, and keeps the status page fresh. Everything works without it: forms post and
// come back. The decision: no state in here; the server's page is fetched again and its live parts are swapped in.
"use strict";

const said = document.getElementById("said");
let silence = 0;

/** Says something for some seconds, to screen readers too. */
function say(text) {
  clearTimeout(silence);
  said.textContent = text;
  silence = setTimeout(() => { said.textContent = ""; }, 8000);
}

/** Ids of the recommended films, best first. */
function order(root) {
  return [...root.querySelectorAll("#picks > [data-film]")].map((pick) => pick.dataset.film);
}

/** Fetches this page again as the server sees it now. */
async function fresh() {
  const address = new URL(location.href);
  address.searchParams.delete("rated");
  const answer = await fetch(address, { headers: { accept: "text/html" } });
  if (!answer.ok) throw new Error(`the page answered ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** Replaces the live parts by those of a fetched page. */
function replace(page) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = page.getElementById(part.id);
    if (now) part.replaceWith(document.adoptNode(now));
  }
}

/** Lets covers glide to their new places where the browser can. */
function name(root) {
  for (const pick of root.querySelectorAll("#picks > [data-film]")) {
    pick.style.viewTransitionName = `film-${pick.dataset.film}`;
  }
}

async function swap(page) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (!document.startViewTransition || still || document.hidden) return replace(page);
  name(document);
  name(page);
  const change = document.startViewTransition(() => replace(page));
  change.finished.catch(() => {});
  await change.updateCallbackDone;
}

/** Marks what is new in the list; answers how many films are, and how many moved. */
function compare(before, page) {
  const places = new Map(before.map((film, place) => [film, place]));
  let [added, moved] = [0, 0];
  order(page).forEach((film, place) => {
    if (!places.has(film)) {
      added += 1;
      page.querySelector(`#picks > [data-film="${CSS.escape(film)}"]`).classList.add("new");
    } else if (places.get(film) !== place) moved += 1;
  });
  return before.length ? ` ${added} new in the list, ${moved} in another place.` : "";
}

async function rate(form, value) {
  const field = (name) => Number(form.elements.namedItem(name).value);
  const id = `page-${Date.now()}-${Math.random().toString(36).slice(2)}`;
  const event = { user: field("user"), item: field("item"), kind: "rating", value, event_id: id };
  const answer = await fetch("/events", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(event),
  });
  if (!answer.ok) throw new Error((await answer.json()).error.message);
  const [before, page] = [order(document), await fresh()];
  const changed = compare(before, page);
  await swap(page);
  say(`Rated ${form.dataset.title} ${value}.${changed}`);
  document.documentElement.dataset.rated = String(event.item);
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.matches("form.rate") || !event.submitter) return;
  event.preventDefault();
  if (form.hasAttribute("aria-busy")) return;
  form.setAttribute("aria-busy", "true");
  rate(form, Number(event.submitter.value))
    .catch((fault) => say(`That did not work: ${fault.message}.`))
    .finally(() => form.removeAttribute("aria-busy"));
});

const seconds = Number(document.body.dataset.refresh);
if (seconds > 0) {
  setInterval(() => {
    if (!document.hidden) fresh().then(replace).catch(() => {});
  }, seconds * 1000);
}
