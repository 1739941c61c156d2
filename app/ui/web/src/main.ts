// Starts the page: styles, the ring for tests, the link to the house, the outbox, and then what is seen.
import { mount } from 'svelte';
import './styles/tokens.css';
import './styles/type.css';
import './styles/base.css';
import './styles/keel.css';
import './styles/prose.css';
import App from './app/App.svelte';
import { house } from './app/house.svelte';
import { exposeRing } from './app/ring';
import { router } from './app/router.svelte';
import { desk } from './features/chat/desk.svelte';

exposeRing();
router.start();
desk.start();
house.open();

const target = document.getElementById('page');
if (target) mount(App, { target });
