// How good the model is now, and whether there are pictures enough: always in sight.
import { html } from "../vendor/preact.js";
import { useStore } from "../store.js";
import { percent, t } from "../words.js";
import { enoughWords, missingWords } from "./enough.js";

export function Score() {
  const training = useStore((all) => all.training);
  const known = typeof training.value === "number";
  const said = known ? t("shell.score", { percent: percent(training.value) }) : t("shell.not_trained");
  const found = training.missing && !known ? missingWords(training.missing) : training.enough && enoughWords(training.enough);
  const busy = Boolean(training.doing || training.waiting);
  return html`
    <a class="score" href="#/train" title=${found ? found.answer : null}>
      <span class=${busy ? "ring turns" : known ? "ring" : "ring hollow"} aria-hidden="true"></span>
      <span role="status">
        <span>${said}</span>
        ${known ? html`${" "}<span class="soft between">${t("train.between", { low: percent(training.interval[0], 0), high: percent(training.interval[1], 0) })}</span>` : null}
      </span>
      ${found && known ? html`<span class=${`answer ${found.kind}`}>${found.short}</span>` : null}
      ${busy ? html`<span class="unseen">${t("shell.training")}</span>` : null}
    </a>
  `;
}
