// Conversations, stored only in this browser's IndexedDB, with one database per user.

import { user } from "./status.js";

const NAME = "citedesk";
const STORE = "conversations";

let opened;

function open() {
  opened ??= user.then((name) => openOf(name ? `${NAME}:${name}` : NAME));
  return opened;
}

function openOf(name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function run(mode, act) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const request = act(database.transaction(STORE, mode).objectStore(STORE));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// Return all conversations, those that are pinned first, then the most recently used.
export async function all() {
  const found = await run("readonly", (store) => store.getAll());
  return found.sort((one, other) => Number(Boolean(other.pinned)) - Number(Boolean(one.pinned)) || other.at - one.at);
}

export const put = (conversation) => run("readwrite", (store) => store.put(conversation));
export const remove = (id) => run("readwrite", (store) => store.delete(id));
export const clear = () => run("readwrite", (store) => store.clear());
