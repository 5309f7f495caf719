// Keeps the list of people up to date while the page is looked at. Without scripts: the link Refresh.
const people = document.getElementById("people");
if (people) {
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(people.dataset.url, {
        headers: { "X-XSRFToken": people.dataset.xsrf || "" },
      });
      if (answer.ok) people.innerHTML = await answer.text();
    } catch {
      // A weak connection: the next round tries again.
    }
  }, 4000);
}
