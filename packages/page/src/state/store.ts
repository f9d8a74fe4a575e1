/** A value that views follow. */
export class Store<State extends object> {
  #state: State;
  readonly #followers: ((state: State, before: State | undefined) => void)[] = [];

  constructor(state: State) {
    this.#state = state;
  }

  get state(): State {
    return this.#state;
  }

  update(change: Partial<State>): void {
    const before = this.#state;
    this.#state = { ...before, ...change };
    for (const follow of this.#followers) follow(this.#state, before);
  }

  /** Calls it now and whenever the state has changed. */
  follow(follow: (state: State, before: State | undefined) => void): void {
    this.#followers.push(follow);
    follow(this.#state, undefined);
  }
}
