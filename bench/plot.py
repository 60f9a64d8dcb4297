"""Pictures, as SVG, by gnuplot."""

import subprocess

WIDTH, PANEL = 760, 190  # of the picture, and the height of one panel, in pixels
OURS, OTHERS = 0x0A5EA8, 0x9AA4AE
HEAD = """set encoding utf8
set grid back lc rgb '#dddddd'
set border 3 lc rgb '#666666'
set tics nomirror textcolor rgb 'black'
set lmargin 10
set pointintervalbox 0
set bmargin 3
set yrange [0:*]
"""


def curves(path, across, panels, title, log=False):
    """One panel under the other. `panels`: title -> lines; a line's name -> its values, one or None for each of `across`."""
    longest = max((len(name) for lines in panels.values() if len(lines) > 1 for name in lines), default=-4)
    script = ["set key outside right top", f"set rmargin {longest + 7}", f"set xrange [{across[0]:g}:{across[-1]:g}]"]
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
    """One panel under the other. `panels`: title -> one (name, middle, least, most) a bar; the first is ours."""
    script = ["set style fill solid 0.7 noborder", "set boxwidth 0.6"]
    for number, (name, entries) in enumerate(panels.items()):
        rows = [f"{at} {middle:g} {least:g} {most:g} {OTHERS if at else OURS}" for at, (_, middle, least, most) in enumerate(entries)]
        names = ", ".join(f"{quoted(entry[0])} {at}" for at, entry in enumerate(entries))
        script += [f"$panel{number} << END", *rows, "END", f"set title {quoted(name)}", f"set xtics ({names})",
                   f"set xrange [-0.6:{len(entries) - 0.4}]",
                   f"plot $panel{number} using 1:2:5 with boxes lc rgb variable notitle, "
                   f"$panel{number} using 1:2:3:4 with yerrorbars pt -1 lc rgb 'black' notitle"]
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
