/** The mark: three lines of a stream. */
export function Mark({ size = 24 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="7" fill="#0b5f7d" />
      <g fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round">
        <path d="M6 11.5c5 0 6-3 11-3 4.5 0 5.5 3 9 3" />
        <path d="M6 17.5c5 0 6-3 11-3 4.5 0 5.5 3 9 3" opacity=".8" />
        <path d="M6 23.5c5 0 6-3 11-3 4.5 0 5.5 3 9 3" opacity=".55" />
      </g>
    </svg>
  );
}
