() => {
  const seen = element => element.checkVisibility();
  /** Results come into sight when they are asked for, by button, by key or by an example. */
  const show = () => {
    const status = [...document.querySelectorAll('.results .said')].find(seen);
    const place = status?.getBoundingClientRect();
    if (place && (place.top < 0 || place.top > innerHeight * 0.6))
      status.scrollIntoView({block: 'start', behavior: 'smooth'});
  };
  const tabs = () => [...document.querySelectorAll('.rooms > .tab-wrapper [role=tab]')];
  const name = tab => tab.textContent.trim().toLowerCase().replaceAll(' ', '-');
  const chosen = () => tabs().find(tab => tab.getAttribute('aria-selected') === 'true');
  const all = () => [...tabs(), ...document.querySelectorAll('.rooms > .tab-wrapper .overflow-dropdown button')];
  /** The tab of the address is shown, also one that a phone hides in a menu; Back and Forward come here too. */
  const follow = () => {
    const query = new URLSearchParams(location.search);
    const linked = query.has('by') ? 'compare' : query.has('edit') ? 'edit' : name(tabs()[0]);
    all().find(tab => name(tab) === (location.hash.slice(1) || linked) && tab !== chosen())?.click();
  };
  addEventListener('popstate', follow);
  document.addEventListener('click', event => {
    const tab = event.target.closest('.rooms > .tab-wrapper [role=tab], .rooms > .tab-wrapper .overflow-dropdown button');
    if (tab && name(tab) !== (location.hash.slice(1) || name(tabs()[0])))
      history.pushState(history.state, '', `${location.pathname}${location.search}#${name(tab)}`);
    const word = event.target.closest('.word');
    if (word) {
      const prompt = word.closest('.controls').querySelector('.prompt textarea, .prompt input');
      prompt.value = `${prompt.value.trimEnd()} ${word.textContent}`.trim();
      prompt.dispatchEvent(new Event('input', {bubbles: true}));
    }
  });
  /** A list that is left by Tab closes: Gradio would open it again, over what comes next, and focus goes through it. */
  document.addEventListener('keydown', event => {
    if (event.key !== 'Tab' || !event.target.matches?.('input[role=combobox]')) return;
    event.stopImmediatePropagation();
    event.target.blur();
  }, true);
  /** Films: one frame is seen, by the slider or one after the other. */
  const frame = (film, at) => {
    const frames = film.querySelectorAll('img');
    frames.forEach((image, i) => { image.hidden = i !== at; });
    film.querySelector('input').value = at;
    film.querySelector('output').textContent = frames[at].dataset.said;
  };
  const play = film => {
    const last = film.querySelectorAll('img').length - 1, button = film.querySelector('button');
    let at = Number(film.querySelector('input').value);
    if (at === last) frame(film, at = 0);
    button.textContent = 'Pause';
    const timer = setInterval(() => {
      const stopped = !film.isConnected || button.textContent !== 'Pause';
      if (!stopped && at < last) return frame(film, ++at);
      clearInterval(timer);
      button.textContent = 'Play';
    }, Math.min(500, 6000 / (last + 1)));
  };
  document.addEventListener('input', event => {
    const film = event.target.closest('.film');
    if (!film) return;
    film.querySelector('button').textContent = 'Play';
    frame(film, Number(event.target.value));
  });
  document.addEventListener('click', event => {
    const button = event.target.closest('.film button'), film = button?.closest('.film');
    if (!film) return;
    if (button.textContent === 'Pause') button.textContent = 'Play';
    else play(film);
  });
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  setInterval(() => document.querySelectorAll('.film.plays').forEach(film => {
    film.classList.remove('plays');
    if (!still) play(film);
  }), 300);
  document.addEventListener('keydown', event => {
    const all = [...(event.target.closest('[role=tablist]')?.querySelectorAll('[role=tab]') ?? [])].filter(seen);
    const here = all.indexOf(event.target);
    const there = {ArrowRight: here + 1, ArrowLeft: here - 1 + all.length, Home: 0, End: all.length - 1}[event.key];
    if (here < 0 || there === undefined) return;
    event.preventDefault();
    all[there % all.length].click();
    all[there % all.length].focus();
  });
  setTimeout(() => {
    const words = [...(document.querySelector('footer .show-api')?.childNodes ?? [])].find(node => node.nodeType === 3);
    if (words) words.textContent = 'Draw from your own program ';
  }, 1000);
  setTimeout(follow, 300);
  document.addEventListener('click', event => {
    if (event.target.closest('button.primary, .examples tr')) setTimeout(show, 100);
  });
}
