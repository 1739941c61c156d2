// Runs before the first paint, so that a chosen theme never flashes; everything else about it is in src/app/theme.svelte.ts.
try {
  const chosen = localStorage.getItem('steadfast:theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // No storage: the system's theme.
}
