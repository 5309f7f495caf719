// Adds the reader's own time where it is another than the workshop's. Only the browser knows the zone.
const language = document.documentElement.lang;

const shown = (start, end, timeZone) =>
  new Intl.DateTimeFormat(`${language}-u-nu-latn`, { dateStyle: "medium", timeStyle: "short", timeZone })
    .formatRange(new Date(start), new Date(end));

const addTimes = () => {
  for (const times of document.querySelectorAll(".times")) {
    if (times.querySelector(".here")) continue;
    const { start, end, zone, here } = times.dataset;
    const own = shown(start, end);
    if (own === shown(start, end, zone)) continue;
    const added = document.createElement("span");
    added.className = "here form-text";
    added.textContent = here.replace("{}", own);
    times.append(" ", added);
  }
};

addTimes();
document.addEventListener("again", addTimes);
