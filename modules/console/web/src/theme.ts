// The theme follows the system, or is the one that a person chose on this browser.

export type Theme = "auto" | "light" | "dark";
const NAME = "elves-theme";

export function theme(): Theme {
  try {
    const chosen = localStorage.getItem(NAME);
    return chosen === "light" || chosen === "dark" ? chosen : "auto";
  } catch {
    return "auto"; // storage is switched off
  }
}

export function applyTheme(): void {
  document.documentElement.dataset.theme = theme();
}

export function chooseTheme(chosen: Theme): void {
  try {
    localStorage.setItem(NAME, chosen);
  } catch {
    // It holds until the page is left.
  }
  document.documentElement.dataset.theme = chosen;
  window.dispatchEvent(new Event(NAME));
}
