// Says while the form is filled in whether the servers can be kept. Without scripts: when it is sent.
const reserved = document.getElementById("reserved");
const told = document.getElementById("reserved_check");
const form = reserved.form;
let timer;
let last = 0;

const tell = ({ says, fits }) => {
  told.textContent = says;
  told.className = fits ? "form-text" : "invalid-feedback";
};

const check = async () => {
  const number = ++last;
  if (!reserved.checked) return tell({ says: "", fits: true });
  const body = new URLSearchParams(new FormData(form));
  body.set("action", "check");
  const answer = await fetch(location.href, { method: "POST", body }).catch(() => null);
  const isTold = answer?.headers.get("Content-Type")?.startsWith("application/json");
  // Another one is on its way; or the form is too old, which it says when it is sent.
  if (number !== last || !answer?.ok || !isTold) return;
  tell(await answer.json());
};

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(check, 500);
});
check();
