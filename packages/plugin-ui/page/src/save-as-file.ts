// Saves a text of the page as a file.

/** Lets the browser save a text as a file. @param type Its media type. */
export function saveAsFile(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own reference to the text.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
