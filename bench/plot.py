"""A few curves over one axis as an SVG picture, one panel each."""

WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 760, 120, 70, 16, 34, 42


def panel(times, values, title, top):
    """`values` may have None where nothing was measured."""
    most = max((value for value in values if value is not None), default=0) * 1.1 or 1
    span = times[-1] - times[0] or 1
    def x(time):
        return LEFT + (WIDTH - LEFT - RIGHT) * (time - times[0]) / span
    def y(value):
        return top + PANEL - PANEL * value / most
    points = " ".join(f"{x(time):.1f},{y(value):.1f}" for time, value in zip(times, values) if value is not None)
    lines = [f'<text x="{LEFT}" y="{top - 8}" class="t">{title}</text>',
             f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{PANEL}" class="b"/>']
    for part in (0, 0.5, 1):
        value = most * part
        lines.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:,.{0 if most > 20 else 1}f}</text>')
    lines.append(f'<polyline points="{points}" class="c"/>')
    for part in range(0, 11, 2):
        time = times[0] + span * part / 10
        lines.append(f'<text x="{x(time):.1f}" y="{top + PANEL + 14}" text-anchor="middle">{time:.0f}</text>')
    return lines


def svg(times, curves, title, unit):
    """`curves`: title -> values, one a time."""
    height = TOP + len(curves) * (PANEL + GAP)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="11">',
             "<style>.t{font-weight:bold}.b{fill:#fafafa;stroke:#bbb}.c{fill:none;stroke:#0a5ea8;stroke-width:1.5}</style>",
             f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
             f'<text x="{WIDTH / 2}" y="14" text-anchor="middle">{title} ({unit})</text>']
    for number, (name, values) in enumerate(curves.items()):
        lines += panel(times, values, name, TOP + 10 + number * (PANEL + GAP))
    return "\n".join([*lines, "</svg>", ""])
