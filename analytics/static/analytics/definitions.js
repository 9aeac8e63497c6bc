// What a figure means, shown when it is pointed at, tapped or focused. Fixed to the window, so that no table cuts it off.
(() => {
  let tip = null;
  const hide = () => { tip?.remove(); tip = null; };
  const show = (target) => {
    hide();
    tip = document.createElement("div");
    tip.className = "an-tip";
    tip.setAttribute("role", "tooltip");
    tip.textContent = target.dataset.definition;
    document.body.append(tip);
    const at = target.getBoundingClientRect();
    const size = tip.getBoundingClientRect();
    const left = Math.max(12, Math.min(at.left, innerWidth - size.width - 12));
    const below = at.bottom + 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${below + size.height > innerHeight ? at.top - size.height - 8 : below}px`;
  };
  const find = (event) => (event.target instanceof Element ? event.target.closest("[data-definition]") : null);
  document.addEventListener("mouseover", (event) => { const target = find(event); if (target) show(target); });
  document.addEventListener("mouseout", (event) => { if (find(event)) hide(); });
  document.addEventListener("focusin", (event) => { const target = find(event); if (target) show(target); });
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  addEventListener("scroll", hide, true);
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.an-menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
})();
