import { useEffect, useRef, useState } from "react";

/** After the pointer's last move over the list. */
const pointerRestMs = 1_200;

/** Whether the pointer is at work over an element, or the keyboard inside it. */
export function useAttention() {
  const [pointing, setPointing] = useState(false);
  const [typing, setTyping] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const point = () => {
    setPointing(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setPointing(false), pointerRestMs);
  };
  const handlers = {
    onPointerMove: point,
    onPointerDown: point,
    onFocus: (event: React.FocusEvent<HTMLElement>) => setTyping(event.target.matches("[data-row]:focus-visible")),
    onBlur: () => setTyping(false),
  };
  return { pointing, typing, handlers };
}
