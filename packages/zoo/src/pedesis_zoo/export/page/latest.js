// One call at a time; of those that arrive meanwhile only the last is made. So a slider may be dragged at any speed.

/** `work(...arguments, stale)`, where stale() says whether a newer call waits; longer work asks it and leaves early. */
export function latest(work) {
  let next = null, running = false;
  return async (...given) => {
    next = given;
    if (running) return;
    running = true;
    try {
      while (next) {
        const now = next;
        next = null;
        await work(...now, () => next !== null);
      }
    } finally {
      running = false;
    }
  };
}
