// How good the model is now, always in sight.
import { html } from "../vendor/preact.js";
import { useStore } from "../store.js";
import { percent, t } from "../words.js";

export function Score() {
  const training = useStore((all) => all.training);
  const said =
    training.value === null || training.value === undefined
      ? t("shell.not_trained")
      : t("shell.score", { percent: percent(training.value) });
  return html`
    <a class="score" href="#/train" role="status">
      ${training.doing ? html`<span class="busy">${t("shell.training")}</span>` : null}
      <span>${said}</span>
    </a>
  `;
}
