// Which browser the tests use, and how it is kept from calling anybody.

export const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const browserFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
