// Text storage of the tab and of the browser. If the browser refuses storage, values last as long as the page.

function over(name) {
  const lasting = new Map();
  const attempt = (act, otherwise) => {
    try {
      return act(window[name]);
    } catch {
      return otherwise();
    }
  };
  return {
    get: (key) => attempt((store) => store.getItem(key), () => lasting.get(key) ?? null),
    // Return whether the value outlasts the page.
    set: (key, text) => attempt((store) => (store.setItem(key, text), true), () => (lasting.set(key, text), false)),
    remove: (key) => attempt((store) => store.removeItem(key), () => lasting.delete(key)),
    clear: () => attempt((store) => store.clear(), () => lasting.clear()),
  };
}

export const tab = over("sessionStorage");
export const browser = over("localStorage");
