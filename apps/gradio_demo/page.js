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
  /** The tab of the address is shown; Back and Forward come here too. */
  const follow = () => {
    const wanted = location.hash.slice(1) || name(tabs()[0]);
    tabs().find(tab => name(tab) === wanted && tab !== chosen())?.click();
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
  document.addEventListener('keydown', event => {
    const all = [...(event.target.closest('[role=tablist]')?.querySelectorAll('[role=tab]') ?? [])].filter(seen);
    const here = all.indexOf(event.target);
    const there = {ArrowRight: here + 1, ArrowLeft: here - 1 + all.length, Home: 0, End: all.length - 1}[event.key];
    if (here < 0 || there === undefined) return;
    event.preventDefault();
    all[there % all.length].click();
    all[there % all.length].focus();
  });
  setTimeout(follow, 300);
  document.addEventListener('click', event => {
    if (event.target.closest('button.primary, .examples tr')) setTimeout(show, 100);
  });
}
