// The texts of a figure that are smaller than `least` pixels on the screen.
(least) =>
  [...document.querySelectorAll(".tx-widget *")]
    .filter((node) => {
      const own = [...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim());
      if (
        !own ||
        !node.checkVisibility({ visibilityProperty: true }) ||
        node.closest("option, title, defs")
      )
        return false;
      const zoom = node.ownerSVGElement
        ? Math.abs(node.getScreenCTM().d || node.getScreenCTM().b)
        : 1;
      const size =
        parseFloat(getComputedStyle(node).fontSize) *
        (node.hasAttribute("transform")
          ? Math.hypot(node.ownerSVGElement.getScreenCTM().a, 0)
          : zoom);
      return size < least - 0.05;
    })
    .map((node) => `${node.textContent.trim().slice(0, 20)}: ${getComputedStyle(node).fontSize}`);
