// Looks again by itself, and shows what is new. Without scripts the page loads itself again.
const main = document.querySelector("main");
main.ariaLive = "polite";
let before = main.textContent;
// The service answers a script only with the page's token, the Hub also without.
const headers = main.dataset.xsrf ? { "X-XSRFToken": main.dataset.xsrf } : {};
const timer = setInterval(async () => {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers }).catch(() => null);
  if (!answer || answer.status >= 500) return; // a weak connection, a busy hub: the next round
  if (answer.status === 204) return; // nothing is told now: what is shown stays
  if (answer.redirected) {
    location.href = answer.url;
    return;
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const news = fresh.querySelector("main");
  if (news.textContent === before) return;
  before = news.textContent;
  document.title = fresh.title;
  main.replaceChildren(...news.childNodes);
  document.dispatchEvent(new Event("again"));
  if (!news.dataset.again) clearInterval(timer);
}, 1000 * main.dataset.again);
