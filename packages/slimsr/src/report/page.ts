import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { asset as embedded } from "../assets.js";
import { type Content, Html, html } from "./html.js";

const asset = (name: string): string => readFileSync(embedded(`report/${name}`), "utf8").trim();

const STYLE = `${asset("page.css")}\n${asset("figures.css")}`;
const SCRIPT = asset("slider.js");

const digest = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Nothing is fetched, and nothing runs but the page's own script, whatever got into it. */
const POLICY = [
  "default-src 'none'",
  "img-src data:",
  `style-src ${digest(STYLE)}`,
  `script-src ${digest(SCRIPT)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

export interface Heading {
  readonly title: string;
  /** ISO 8601. */
  readonly created: string;
  /** Sentences on what was done and what came out. */
  readonly summary: readonly string[];
  /** What a reader must know, in whole sentences. */
  readonly notes: readonly string[];
}

export interface Section {
  readonly id: string;
  readonly title: string;
  /** Sections without any are left out. */
  readonly content: Content;
}

/** The frame that all reports share: heading, summary, notes, sections in order and links to them. */
export function renderPage({ title, created, summary, notes }: Heading, sections: readonly Section[]): string {
  const filled = sections.filter(({ content }) => html`${content}`.text.trim() !== "");
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Html(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<header>
<p class="brand">SlimSR</p>
<h1>${title}</h1>
<p class="muted"><time datetime="${created}">${day(created)}</time></p>
${summary.map((sentence) => html`<p class="lead">${sentence}</p>`)}
<nav aria-label="Sections">${filled.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
</header>
<main>
${
  notes.length > 0 &&
  html`<aside class="notes" aria-label="Notes"><h2>Please note</h2><ul>${notes.map((note) => html`<li>${note}</li>`)}</ul></aside>`
}
${filled.map(({ id, title, content }) => html`<section id="${id}"><h2>${title}</h2>${content}</section>`)}
</main>
<script>${new Html(SCRIPT)}</script>
</body>
</html>
`.text;
}

/** "2026-11-25 09:45 UTC", or the text as it is where it is no date. */
function day(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
