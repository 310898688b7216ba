// Share: the model as a folder or a zip, its report, exports with their proof, the commands that do
// the same, and a link for phones.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { get, post, Problem } from "../api.js";
import { useFresh } from "../fresh.js";
import { attempt, say, useStore } from "../store.js";
import { number, t } from "../words.js";

/** What `t` says, or something else where the words have nothing of that key. */
const either = (key, otherwise) => (t(key) === key ? otherwise : t(key));

/** The "33 MB" in the library's words on what is fetched. */
const sizeIn = (words) => /\d+ MB/.exec(words)?.[0] ?? "";

export function Share() {
  const [found, change] = useFresh("/api/share", ["share", "open", "training"]);
  const [targets, list] = useState([]);
  const [name, call] = useState("");
  const [isPrivate, leaveOut] = useState(false);
  const value = useStore((all) => (all.training.doing ? null : all.training.value));
  useEffect(() => void attempt(() => get("/api/share/targets")).then((all) => all && list(all)), []);
  if (!found) return html`<p class="empty">${t("share.loading")}</p>`;
  if (!found.model) return html`<p class="empty">${t("share.no_model")} <a href="#/collect">${t("collect.tab")}</a></p>`;
  const folder = name || found.name;
  return html`
    <div class="share">
      <${Model} ...${{ found, folder, call, isPrivate, leaveOut }} />
      <${Phone} phone=${found.phone} change=${change} />
      <${Exports} targets=${targets} jobs=${found.exports} change=${change} />
      <${Commands} folder=${folder} isPrivate=${isPrivate} jobs=${found.exports} value=${value} />
    </div>
  `;
}

function Model({ found, folder, call, isPrivate, leaveOut }) {
  const [said, tell] = useState(null);
  const [busy, work] = useState(false);
  const query = isPrivate ? "?private=1" : "";
  const save = async (replace) => {
    work(true);
    try {
      const done = await post("/api/share/save", { name: folder, private: isPrivate, replace });
      tell({ text: t("share.saved", done), more: done.kept ? t("share.kept", done) : "" });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      tell({ text: error.message, more: error.hint, bad: true, replace: error.status === 409 && !replace });
    }
    work(false);
  };
  const submit = (event) => {
    event.preventDefault();
    save(false);
  };
  return html`
    <section aria-labelledby="share-model">
      <h2 id="share-model">${t("share.model")}</h2>
      <p class="soft">${t("share.model_words")}</p>
      <form class="row" onSubmit=${submit}>
        <label>${t("share.name")} <input value=${folder} onInput=${(event) => call(event.target.value)} spellcheck="false" /></label>
        <button class="main" disabled=${busy}>${t("share.save")}</button>
        <a class="button" href=${`/api/share/model.zip${query}`} download>${t("share.zip")}</a>
        <a class="button" href=${`/api/share/report${query}`} target="_blank" rel="noopener">${t("share.report")}</a>
      </form>
      <p class="soft small">${t("share.beside", { folder: found.beside })}</p>
      <label class="check">
        <input type="checkbox" checked=${isPrivate} onChange=${(event) => leaveOut(event.target.checked)} />
        <span>${t("share.private")}<br /><small class="soft">${t("share.private_words")}</small></span>
      </label>
      <div role="status">
        ${said && html`<p class=${said.bad ? "bad" : "good"}>${said.text}<br /><small>${said.more}</small></p>`}
        ${said && said.replace && html`<button onClick=${() => save(true)}>${t("share.replace")}</button>`}
      </div>
    </section>
  `;
}

function Phone({ phone, change }) {
  const [address, choose] = useState("");
  const at = address || (phone.addresses && phone.addresses[0]?.address);
  if (!phone.on) {
    return html`
      <section aria-labelledby="share-phone">
        <h2 id="share-phone">${t("share.phone")}</h2>
        <p class="soft">${t("share.phone_words")}</p>
        <ul class="soft small"><li>${t("share.phone_shares")}</li><li>${t("share.phone_not")}</li><li>${t("share.phone_ends")}</li></ul>
        ${at
          ? html`
              <div class="row">
                ${phone.addresses.length > 1 &&
                html`
                  <label>
                    ${t("share.address")}
                    <select value=${at} onChange=${(event) => choose(event.target.value)}>
                      ${phone.addresses.map((one) => html`<option value=${one.address}>${one.address} ${one.by}</option>`)}
                    </select>
                  </label>
                `}
                <button onClick=${() => change("/api/share/phone", { address: at })}>${t("share.start")}</button>
              </div>
            `
          : html`<p>${t("share.no_network")}</p>`}
      </section>
    `;
  }
  const until = new Date(1000 * phone.until).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return html`
    <section aria-labelledby="share-phone">
      <h2 id="share-phone">${t("share.phone")}</h2>
      <div class="phone">
        <svg viewBox=${`0 0 ${phone.side} ${phone.side}`} role="img" aria-label=${t("share.code")}>
          <path d=${`M0 0h${phone.side}v${phone.side}H0z`} fill="#fff" /><path d=${phone.path} fill="#000" />
        </svg>
        <div>
          <p>${t("share.scan")}</p>
          <${Line} text=${phone.link} />
          <p class="soft small">${t("share.unreached")}</p>
          <p role="status">${phone.pictures ? t("share.asked", phone) : t("share.nobody")}</p>
          <p class="soft">${t("share.until", { until })}</p>
          <button class="main" onClick=${() => change("/api/share/phone/stop")}>${t("share.stop")}</button>
        </div>
      </div>
    </section>
  `;
}

function Exports({ targets, jobs, change }) {
  const busy = Object.values(jobs).some((job) => job.state === "working");
  const begin = (to) => change("/api/share/exports", { to });
  return html`
    <section aria-labelledby="share-exports">
      <h2 id="share-exports">${t("share.exports")}</h2>
      <p class="soft">${t("share.exports_words")}</p>
      <ul class="targets">
        ${targets.map(
          (one) => html`
            <li key=${one.name}>
              <h3>${one.name}</h3>
              <p>${either(`share.targets.${one.name}`, one.writes)}</p>
              ${one.missing && html`<p class="small soft">${t(one.extra ? "share.missing_extra" : "share.missing_npm", one)}</p>`}
              ${one.fetches && html`<p class="small">${t("share.fetches", { size: sizeIn(one.fetches) })}</p>`}
              <${Job} job=${jobs[one.name]} name=${one.name} />
              <button disabled=${busy || !!one.missing} aria-label=${t("share.export_to", one)} onClick=${() => begin(one.name)}>
                ${one.fetches ? t("share.fetch_and_export") : t("share.export")}
              </button>
            </li>
          `,
        )}
      </ul>
    </section>
  `;
}

function Job({ job, name }) {
  if (!job) return null;
  if (job.state === "working") {
    const far = job.size ? { value: job.fetched, max: job.size } : {};
    return html`<p role="status">${t("share.working")} <progress aria-label=${t("share.working")} ...${far} /></p>`;
  }
  if (job.state === "failed") return html`<p class="bad" role="alert">${job.error}<br /><small>${job.hint}</small></p>`;
  const apart = number(Number(job.largest_difference.toPrecision(2)), 9, 0);
  return html`
    <div role="status">
      ${job.pictures > 0 && html`<p class="good">${t("share.proved", { ...job, apart })}</p>`}
      ${job.note && html`<p class="small">${job.note}</p>`}
      ${job.older && html`<p class="small">${t("share.older")}</p>`}
      <p><a class="button main" href=${`/api/share/exports/${name}.zip`} download>${t("share.download", { size: number(job.size / 1e6, 1) })}</a></p>
    </div>
  `;
}

function Commands({ folder, isPrivate, jobs, value }) {
  const [lines, show] = useState(null);
  const exported = Object.entries(jobs).map(([name, job]) => name + job.state).join();
  const asked = `/api/share/commands?name=${encodeURIComponent(folder)}${isPrivate ? "&private=1" : ""}`;
  useEffect(() => {
    const stop = new AbortController();
    get(asked, stop.signal).then(show, () => {}); // a name that cannot be is told where it is saved
    return () => stop.abort();
  }, [asked, value, exported]);
  if (!lines) return null;
  return html`
    <section aria-labelledby="share-commands">
      <h2 id="share-commands">${t("share.commands")}</h2>
      <p class="soft">${t("share.commands_words")}</p>
      ${["train", "export", "serve"].map((one) => html`<h3>${t(`share.command_${one}`)}</h3><${Line} key=${one} text=${lines[one]} />`)}
    </section>
  `;
}

/** A line to be copied. */
function Line({ text }) {
  const line = useRef(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say(t("share.copied"));
    } catch {
      getSelection().selectAllChildren(line.current); // to be copied by hand
    }
  };
  return html`<p class="line"><code ref=${line} tabindex="0">${text}</code><button aria-label=${t("share.copy_what", { text })} onClick=${copy}>${t("share.copy")}</button></p>`;
}
