// What the library found, in the page's own words: from the figures of an answer, in any language.
import { language, percent, plain, t } from "../words.js";

const SAME = 1e-4; // how far from a training picture is that picture itself

const either = (key, values) => {
  const said = t(key, values);
  return said === key ? "" : said; // no words of ours for this
};

/** Why a card is there; the library's own sentence where the page has none. {text, lang}. */
export function reasonOf(card) {
  const { kind, label, suggested, score, sure, pictures } = card;
  const values = { label: label || "", suggested: suggested || "", percent: percent(score), n: pictures };
  const which = sure ? "sure" : kind === "conflict" ? (suggested ? "likely" : "open") : score >= 0.5 ? "likely" : "open";
  const text = either(`mend.reason.${kind}_${which}`, values) || either(`mend.reason.${kind}`, values);
  return text ? { text, lang: null } : { text: card.words, lang: language === "en" ? null : "en" };
}

/** The library's words as this page writes them: a label as its folder is called, and no space before "%". */
const inOurWay = (words, labels) =>
  labels
    .toSorted((one, other) => other.length - one.length)
    .reduce((said, label) => said.replaceAll(plain(label), () => label), words)
    .replaceAll(/(\d) %/g, "$1%");

/** Why a picture gets its answer. English has the library's sentences, which say more of the places; but
 * not the first, the answer, which stands above. */
export function whyOf(told) {
  const { label, compared_with: other, own, where } = told;
  if (language === "en") {
    const really = own && own !== label ? [t("why.is_really", { own })] : [];
    const rest = told.sentences.slice(1).join(" ").replace(/\bfor it\b/g, () => `for ${label}`);
    return [...really, inOurWay(rest, Object.keys(told.scores))].join(" ");
  }
  const nearest = told.nearest.filter((one) => one.distance >= SAME);
  const place = (at) => t(`why.place.${at || "all over"}`);
  const same = nearest.filter((one) => one.label === label).length;
  const how = where.for === null ? "nowhere" : where.against === null ? "one_side" : "two_sides";
  return [
    own && own !== label ? t("why.is_really", { own }) : "",
    told.by_fold ? t("why.by_fold") : "",
    t(`why.${how}`, { label, other, place: place(where.for), other_place: place(where.against) }),
    nearest.length ? t("why.nearest_are", { n: nearest.length, same, label }) : "",
  ].filter(Boolean).join(" ");
}

/** What the answer hangs on, where the parts are outlined on the picture. */
export function hangsOn({ flips, flip, keep, all_grey: grey }, label) {
  const values = (of) => ({ label: of.label, score: percent(of.score) });
  const first = t(flips ? "why.flips" : "why.never_flips", values(flip));
  if (grey.label === label) return `${first} ${t("why.kept_by_nothing", values(grey))}`;
  return `${first} ${keep ? t("why.kept_by", values(keep)) : t("why.kept_by_no_part")}`;
}
