// Looks again by itself, and shows what is new. Without scripts the page loads itself again.
const main = document.querySelector("main");
main.ariaLive = "polite";
let before = main.textContent;
// The service answers a script only with the page's token, the Hub also without.
const headers = main.dataset.xsrf ? { "X-XSRFToken": main.dataset.xsrf } : {};
const look = async (signal) => {
  if (document.hidden && !main.dataset.whileHidden) return;
  const answer = await fetch(location.href, { headers, redirect: "manual", signal }).catch(() => null);
  if (answer?.type === "opaqueredirect") {
    location.replace(location.pathname + location.search); // a script may not follow to another host
    return;
  }
  if (!answer || answer.status >= 500) return; // a weak connection, a busy hub: the next round
  // In line: a proxy that has just been started does not know the hub yet.
  if (answer.status === 404 && main.dataset.whileHidden) return;
  if (answer.status === 204) return; // nothing is told now: what is shown stays
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const news = fresh.querySelector("main");
  main.dataset.again = news.dataset.again ?? "";
  if (news.textContent === before) return;
  before = news.textContent;
  document.title = fresh.title;
  main.replaceChildren(...news.childNodes);
  document.dispatchEvent(new Event("again"));
};
// Not by `setInterval`: browsers slow that down to once a minute where a page is hidden.
const later = () => {
  setTimeout(async () => {
    const patience = new AbortController(); // a weak connection may hang for minutes
    const over = setTimeout(() => patience.abort(), 20_000);
    await look(patience.signal).catch(() => null);
    clearTimeout(over);
    if (main.dataset.again) later();
  }, 1000 * main.dataset.again);
};
later();
