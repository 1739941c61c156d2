// Every page, with the addresses that it answers to.
import type { Component } from 'svelte';
import ChatPage from '../features/chat/ChatPage.svelte';
import ModelsPage from '../features/models/ModelsPage.svelte';

export interface Page {
  pattern: RegExp;
  component: Component;
}

export const pages: readonly Page[] = [
  { pattern: /^\/(?:c\/([\w-]{1,64}))?$/, component: ChatPage },
  { pattern: /^\/models$/, component: ModelsPage },
];
