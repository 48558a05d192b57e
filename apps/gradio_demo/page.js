() => {
  const seen = element => element.checkVisibility();
  /** Results come into sight when they are asked for, by button, by key or by an example. */
  const show = () => {
    const status = [...document.querySelectorAll('.results .said')].find(seen);
    const place = status?.getBoundingClientRect();
    if (place && (place.top < 0 || place.top > innerHeight * 0.6))
      status.scrollIntoView({block: 'start', behavior: 'smooth'});
  };
  document.addEventListener('click', event => {
    if (event.target.closest('button.primary, .examples tr')) setTimeout(show, 100);
  });
}
