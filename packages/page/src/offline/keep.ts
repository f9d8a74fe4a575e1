import { SAMPLE, type State } from "../state/state.js";
import type { Store } from "../state/store.js";

const RELOADED = "slimsr-isolated";

/** Keeps the page, and the engine that it turned out to run, for when there is no network. Hosts that can't isolate the page are helped out. */
export async function keepForOffline(store: Store<State>): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  const { serviceWorker } = navigator;
  await serviceWorker.register("service-worker.js", { type: "module" });
  const { active } = await serviceWorker.ready;
  isolate(store);
  let kept: string | undefined;
  store.follow(({ engine, isWhole }) => {
    if (!engine || !isWhole || engine.build === kept) return;
    kept = engine.build;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      document.documentElement.dataset.offline = "ready";
    };
    active?.postMessage({ build: engine.build }, [port2]);
  });
}

/** The service worker's headers hold from the next load on, which comes at once while there is nothing to lose, once. */
function isolate({ state }: Store<State>): void {
  if (crossOriginIsolated || sessionStorage.getItem(RELOADED) !== null) return;
  sessionStorage.setItem(RELOADED, "yes");
  const isTouched = state.live !== undefined || (state.image !== undefined && state.image.name !== SAMPLE);
  if (!isTouched) location.reload();
}
