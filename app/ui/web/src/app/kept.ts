// Small things that this browser keeps: drafts, the chosen model, the chosen colours. Written at once, because a page
// may vanish at any time; a browser that keeps nothing is no error.

export function keep(name: string, value: string | null): boolean {
  try {
    if (value === null || value === '') localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
    return true;
  } catch {
    return false;
  }
}

export function kept(name: string): string {
  try {
    return localStorage.getItem(PREFIX + name) ?? '';
  } catch {
    return '';
  }
}

const PREFIX = 'steadfast:';
