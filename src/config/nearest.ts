/** Edits (insert, delete, replace, swap of neighbours) that turn one word into the other: Damerau's distance. */
const distance = (a: string, b: string): number => {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i += 1) {
    rows.push([i]);
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, at(i - 2, j - 2) + 1);
      rows[i]?.push(best);
    }
  }
  return at(a.length, b.length);
};

const normalize = (word: string): string => word.toLowerCase().replaceAll(/[-_\s]/g, '');

/**
 * The known word that was probably meant, or null when none is near: at most a third of its letters differ, or one is
 * the beginning of the other. Case, hyphens and underscores don't count.
 */
export const nearest = (word: string, known: readonly string[]): string | null => {
  const typed = normalize(word);
  const ranked = known
    .map((candidate) => ({ candidate, steps: distance(typed, normalize(candidate)) }))
    .sort((a, b) => a.steps - b.steps);
  const [first] = ranked;
  if (first && first.steps <= Math.max(1, Math.floor(normalize(first.candidate).length / 3))) return first.candidate;
  if (typed.length < 3) return null;
  return known.find((each) => normalize(each).startsWith(typed) || typed.startsWith(normalize(each))) ?? null;
};
