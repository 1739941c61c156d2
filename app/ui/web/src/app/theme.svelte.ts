// The choice between day, night and what the system says. `public/theme.js` applies it before the first paint.
import { keep, kept } from './kept';

export type Theme = 'system' | 'light' | 'dark';

export const themes: readonly Theme[] = ['system', 'light', 'dark'];

class ThemeChoice {
  #chosen = $state<Theme>(themes.find((theme) => theme === kept('theme')) ?? 'system');

  get chosen(): Theme {
    return this.#chosen;
  }

  set chosen(theme: Theme) {
    this.#chosen = theme;
    keep('theme', theme === 'system' ? null : theme);
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }
}

export const theme = new ThemeChoice();
