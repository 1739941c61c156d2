// Addresses and pages: `/` is a new conversation, `/c/ID` an old one, `/models` the models. Links are ordinary links;
// a click on one that stays inside is taken over here.
import { pages, type Page } from './pages';

class Router {
  path = $state(location.pathname);

  get page(): Page | undefined {
    return pages.find((page) => page.pattern.test(this.path));
  }

  /** What the address names, `ID` in `/c/ID`. */
  get parameter(): string | undefined {
    return this.page?.pattern.exec(this.path)?.[1];
  }

  go(path: string): void {
    if (path !== this.path) history.pushState(null, '', path);
    this.path = path;
  }

  start(): void {
    addEventListener('popstate', () => (this.path = location.pathname));
    addEventListener('click', (event) => {
      const link = event.target instanceof Element ? event.target.closest('a') : null;
      const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
      if (!link || !isPlain || link.target || link.origin !== location.origin || event.defaultPrevented) return;
      if (!pages.some((page) => page.pattern.test(link.pathname))) return;
      event.preventDefault();
      this.go(link.pathname);
    });
  }
}

export const router = new Router();
