// Runs before the first paint, so that a remembered theme never flashes the other one. A file of its own, because the
// content security policy allows no inline script.
(function () {
  try {
    var theme = localStorage.getItem("slipstream.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is denied: the system's theme applies.
  }
})();
