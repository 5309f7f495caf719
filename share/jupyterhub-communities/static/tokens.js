// Makes and revokes tokens. The Hub's own script does it in English only.
const { base_url: hub, xsrf_token: xsrf } = window.jhdata;
const user = encodeURIComponent(document.getElementById("tokens").dataset.user);
const part = (id) => document.getElementById(id);

async function ask(method, path, body) {
  const address = `${hub}api/users/${user}/tokens${path}?_xsrf=${encodeURIComponent(xsrf)}`;
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(address, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer;
}

// While it works, a button cannot be pressed again; if it fails, the button says so.
async function press(button, work) {
  button.disabled = true;
  try {
    await work();
  } catch {
    button.textContent = button.dataset.failed;
  }
  button.disabled = false;
}

const form = part("new-token");
form.hidden = false;
form.addEventListener("submit", (event) => {
  event.preventDefault();
  press(form.querySelector("[type=submit]"), async () => {
    const wanted = {
      note: part("token-note").value || form.dataset.note,
      expires_in: parseInt(part("token-expires").value, 10) || null,
    };
    const scopes = part("token-scopes").value.split(/[\s,]+/).filter(Boolean);
    if (scopes.length) wanted.scopes = scopes;
    part("token-result").textContent = (await (await ask("POST", "", wanted)).json()).token;
    part("token-made").hidden = false;
  });
});

for (const button of document.querySelectorAll("[data-revoke]")) {
  const row = button.closest("[data-token]");
  button.hidden = false;
  button.addEventListener("click", () =>
    press(button, async () => {
      await ask("DELETE", `/${encodeURIComponent(row.dataset.token)}`);
      row.remove();
    }),
  );
}

window._jupyterhub_page_loaded = true; // the Hub's own pages tell tests so
