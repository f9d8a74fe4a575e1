/** What a visitor can do something about: the message says what. */
export class PageError extends Error {}
