"""Pictures, as SVG, by gnuplot."""

import subprocess

WIDTH, PANEL = 760, 190  # of the picture, and the height of one panel, in pixels
OURS, OTHERS = 0x0A5EA8, 0x9AA4AE
HEAD = """set encoding utf8
set grid back lc rgb '#dddddd'
set border 3 lc rgb '#666666'
set tics nomirror textcolor rgb 'black'
set lmargin 10
set bmargin 3
set yrange [0:*]
"""


def curves(path, across, panels, title, log=False):
    """One panel under the other. `panels`: title -> lines; a line's name -> its values, one or None for each of `across`."""
    longest = max((len(name) for lines in panels.values() if len(lines) > 1 for name in lines), default=-4)
    script = ["set key outside right top maxcols 1 spacing 0.8 font ',8'", f"set rmargin {longest + 7}",
              f"set xrange [{across[0] * 0.999}:{across[-1] * 1.001}]"]
    if log:
        tics = ", ".join(quoted(f"{at:,}") + f" {at}" for at in across)
        script += ["set logscale x", f"set xtics ({tics})"]
    for number, (name, lines) in enumerate(panels.items()):
        rows = [" ".join("NaN" if value is None else f"{value:g}" for value in row) for row in zip(across, *lines.values())]
        look = "linespoints pt 7 ps 0.5" if log else "lines"
        shown = [f"$panel{number} using 1:{column} with {look} " + (f"title {quoted(line)}" if len(lines) > 1 else "notitle")
                 for column, line in enumerate(lines, 2)]
        script += [f"$panel{number} << END", *rows, "END", f"set title {quoted(name)}", "plot " + ", ".join(shown)]
    draw(path, title, len(panels), script)


def bars(path, panels, title):
    """One panel under the other. `panels`: title -> one (name, middle, least, most) a bar, of which the first is ours; and where
    longer bars are cut, or "*"."""
    script = ["set style fill solid 0.7 noborder", "set lmargin 30", "unset grid", "set grid x back"]
    for number, (name, (entries, cut)) in enumerate(panels.items()):
        places = range(len(entries), 0, -1)
        rows = [f"{at} {middle:g} {least:g} {most:g} {OTHERS if at < len(entries) else OURS}"
                for at, (_, middle, least, most) in zip(places, entries)]
        names = ", ".join(quoted(f"{entry[0]}  {entry[1]:.3g}") + f" {at}" for at, entry in zip(places, entries))
        script += [f"$panel{number} << END", *rows, "END", f"set title {quoted(name)}", f"set ytics ({names})",
                   f"set yrange [0.4:{len(entries) + 0.6}]", f"set xrange [0:{cut}]",
                   f"plot $panel{number} using (0):1:(0):2:($1-0.35):($1+0.35):5 with boxxyerror lc rgb variable notitle, "
                   f"$panel{number} using 3:1:($4-$3):(0) with vectors nohead lw 1.5 lc rgb 'black' notitle"]
    draw(path, title, len(panels), script)


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def draw(path, title, panels, script):
    height = PANEL * panels + 40
    head = [f"set terminal svg noenhanced size {WIDTH},{height} font 'sans-serif,10' background 'white'", HEAD,
            f"set multiplot layout {panels},1 title {quoted(title)}"]
    drawn = subprocess.run(["gnuplot"], input="\n".join([*head, *script, "unset multiplot", ""]), text=True, stdout=subprocess.PIPE,
                           check=True)
    path.write_text(drawn.stdout)
