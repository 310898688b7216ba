// The page of a phone: take a picture, and see what the shared model says of it. The key stands
// behind the # of the link, which no browser sends by itself.
import { percent, plain, t } from "./words.js";

const MOST = 5; // labels that are shown
const key = location.hash.slice(1);

/** An element with texts and elements in it; what is a text stays one. */
function element(name, values = {}, ...inside) {
  const made = Object.assign(document.createElement(name), values);
  made.append(...inside);
  return made;
}

function chooser(words, className, direct) {
  const input = element("input", { type: "file", accept: "image/*", className: "unseen" });
  if (direct) input.setAttribute("capture", "environment");
  input.addEventListener("change", () => {
    if (input.files[0]) ask(input.files[0]);
    input.value = "";
  });
  return element("label", { className }, words, input);
}

const picture = element("img", { alt: t("phone.picture"), hidden: true });
const answer = element("section", { className: "answer" });
answer.setAttribute("aria-live", "polite");
document.getElementById("phone").append(
  element("h1", {}, t("phone.title")),
  picture,
  answer,
  element(
    "div",
    { className: "choose" },
    chooser(t("phone.take"), "button main", true),
    chooser(t("phone.choose"), "button", false),
  ),
  element("p", { className: "soft small" }, t("phone.private")),
);

let asking = null;

async function ask(file) {
  if (asking) asking.abort();
  const mine = (asking = new AbortController());
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(file);
  picture.hidden = false;
  answer.replaceChildren(element("p", { className: "soft" }, t("phone.asking")));
  try {
    const said = await fetch("/guess", {
      method: "POST",
      body: file,
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/octet-stream" },
      signal: mine.signal,
    });
    const found = await said.json();
    if (said.ok) show(found);
    else complain(said.status === 401 ? t("phone.over") : `${found.detail} ${found.hint}`);
  } catch (error) {
    if (error.name !== "AbortError") complain(t("phone.over"));
  }
}

const complain = (words) => answer.replaceChildren(element("p", { className: "bad", role: "alert" }, words));

function show({ label, unknown, scores }) {
  const best = Object.entries(scores).slice(0, MOST);
  const bars = best.map(([name, score]) => {
    const bar = element("span", { className: "bar" });
    bar.style.setProperty("--share", score);
    return element("li", {}, element("span", {}, plain(name)), element("span", {}, percent(score)), bar);
  });
  answer.replaceChildren(
    element("h2", {}, unknown ? t("phone.unknown") : plain(label)),
    unknown ? element("p", {}, t("phone.closest", { label: plain(label) })) : "",
    element("ul", { className: unknown ? "bars faint" : "bars" }, ...bars),
  );
}
