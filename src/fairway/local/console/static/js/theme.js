// Sets the colours before anything is drawn, so that nothing flashes. Not a module: modules wait.
(function () {
  const chosen = localStorage.getItem("fairway-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
