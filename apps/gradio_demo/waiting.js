/** Who has to wait is told for how long, and who finds all places taken tries again. Runs before anything is asked. */
(() => {
  const ask = window.fetch, pause = 2000, tries = 300;
  const sentences = () => [...document.querySelectorAll('.said')].filter(element => element.checkVisibility());
  const later = () => new Promise(done => setTimeout(done, pause * (0.5 + Math.random())));
  window.fetch = async (...request) => {
    let answer = await ask(...request);
    if (!String(request[0]?.url ?? request[0]).includes('/queue/join')) return answer;
    for (let i = 0; answer.status === 503 && i < tries; i++) {
      for (const said of sentences()) said.textContent = 'All places to wait in are taken; this page asks again by itself.';
      await later();
      answer = await ask(...request);
    }
    return answer;
  };
  const places = ['next', 'second in line', 'third in line', 'fourth in line', 'fifth in line'];
  const former = new Map();
  /** Gradio shows "queue: 2/3 | 1.6/9.0s" above a status: 2nd of 3, after 1.6 of about 9 seconds. */
  const tell = () => {
    const waiting = new Set();
    for (const tracker of document.querySelectorAll('.progress-text')) {
      const found = /queue:\s*(\d+)\/\d+\s*\|\s*([\d.]+)(?:\/([\d.]+))?/.exec(tracker.textContent);
      const said = found && tracker.closest('.block')?.querySelector('.said');
      if (!said || found[2] < 0.5) continue;
      const left = found[3] ? Math.round(found[3] - found[2]) : 0;
      if (!former.has(said)) former.set(said, said.textContent);
      waiting.add(said);
      const text = `You are ${places[found[1] - 1] ?? `number ${found[1]} in line`}${left > 0 ? `; about ${left} s` : ''}.`;
      if (said.textContent !== text) said.textContent = text;
      said.classList.add('busy');
    }
    for (const [said, text] of former)
      if (!waiting.has(said)) {
        if (said.textContent.startsWith('You are ')) {  // stopped before its turn
          said.textContent = text;
          said.classList.remove('busy');
        }
        former.delete(said);
      }
  };
  setInterval(tell, 300);
})();
