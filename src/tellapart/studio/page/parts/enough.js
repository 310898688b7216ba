// "Have I done enough?": the answer of a training, in words.
import { number, percent, t } from "../words.js";

/** {answer, reason, short, kind, to}: a sentence, why, two words, "good", "more" or "open", and where to go. */
export function enoughWords(found) {
  const values = {
    ...found,
    points: found.gain ? number(100 * found.gain[0], 1) : "",
    gain_low: found.gain ? number(100 * found.gain[1], 1) : "",
    gain_high: found.gain ? number(100 * found.gain[2], 1) : "",
    low: percent(found.low),
    high: percent(found.high),
    wrong: found.n - found.correct,
    right: found.value === null ? "" : percent(found.value),
  };
  const needy = found.answer === "more" && found.label ? "more_of" : found.answer;
  const known = found.answer === "more" && found.occasions ? "more_occasions" : needy;
  const kind = found.enough === true ? "good" : found.enough === false ? "more" : "open";
  return {
    answer: t(`train.enough.${known}`, values),
    reason: t(`train.reason.${known}`, values),
    short: t(`train.short.${kind}`),
    kind,
    to: found.answer === "mistakes" || (found.answer === "little" && found.value < 0.95) ? "mend" : found.enough ? "" : "collect",
  };
}

/** What a training lacks before it can begin: {answer, reason}. */
export const missingWords = (labels) => ({
  answer: t(labels.length ? "train.enough.one_label" : "train.enough.no_label"),
  reason: t(labels.length ? "train.reason.one_label" : "train.reason.no_label", { label: labels.join(", ") }),
  short: t("train.short.open"),
  kind: "open",
  to: "collect",
});

/** What is being done, in words; empty where nothing is. */
export function doingWords(training) {
  if (training.doing === "pictures") return t("train.pictures", { done: training.done, total: training.total });
  if (!training.doing) return training.waiting ? t("train.waiting") : "";
  const key = `train.stage.${training.doing}`;
  const said = t(key);
  return said === key ? training.doing : said;
}
