/** What a program of this folder says to its caller. Resolves when all of it is on its way: what is not is lost when the channel closes. */
export function say(word: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!process.connected) reject(new Error("Nobody hears what this program says."));
    process.send?.(word, undefined, {}, (error) => (error ? reject(error) : resolve()));
  });
}
