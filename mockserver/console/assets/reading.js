/** Readings of the control plane that follow the world. */

import { useEffect, useRef, useState } from "./preact.js";
import { call, worldPath } from "./api.js";
import { usePage } from "./elements.js";

/** What `GET path` gives; null at first. When `version` changes it is read again, `pause` ms after the last time. */
export function useReading(path, version, pause = 1000) {
  const { attempt } = usePage();
  const [found, setFound] = useState({ path, value: null });
  const at = useRef(-Infinity);
  const current = useRef(path);
  current.current = path;
  useEffect(() => {
    const read = async () => {
      at.current = performance.now();
      const value = await call("GET", path);
      if (current.current === path) setFound({ path, value });
    };
    const timer = setTimeout(() => attempt(read), found.path === path ? at.current + pause - performance.now() : 0);
    return () => clearTimeout(timer);
  }, [path, version]);
  return found.path === path ? found.value : null;
}

/** The operations of the contract with their rows and how often each answered; null at first. */
export function useOperations() {
  const { live } = usePage();
  return useReading(`${worldPath(live.name)}/operations`, live.turn);
}
