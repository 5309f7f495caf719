// Keeps the list of people up to date: by the server's events, or by asking where there are none.
// Without scripts: the link Refresh.
const people = document.getElementById("people");
if (people) {
  const token = people.dataset.xsrf || "";

  const show = (page) => {
    const fresh = document.createElement("div");
    fresh.innerHTML = page;
    if (fresh.innerHTML.trim() === people.innerHTML.trim()) return;
    const id = people.contains(document.activeElement) && document.activeElement.id;
    people.replaceChildren(...fresh.childNodes);
    if (id) document.getElementById(id)?.focus();
  };

  const ask = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(people.dataset.url, { headers: { "X-XSRFToken": token } });
      if (answer.ok) show(await answer.text());
    } catch {
      // A weak connection: the next round tries again.
    }
  };

  let asking;
  const listen = () => {
    const address = new URL(people.dataset.events, location.href);
    address.searchParams.set("_xsrf", token);
    const events = new EventSource(address);
    events.addEventListener("board", (event) => show(JSON.parse(event.data)));
    events.addEventListener("end", () => {
      events.close();
      location.reload(); // which says why
    });
    events.onerror = () => {
      // While it says that it connects again, it does.
      if (events.readyState === EventSource.CLOSED) asking ||= setInterval(ask, 10000);
    };
  };
  if (window.EventSource) listen();
  else asking = setInterval(ask, 10000);
}
