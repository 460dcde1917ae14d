#!/usr/bin/env python3
"""Draws what `tmux capture-pane -e -p` printed as SVG: ansi_to_svg.py COLUMNS LINES [light] < CAPTURE > PICTURE"""
import html
import re
import sys

CELL, LINE, SIZE = 8.4, 17, 14
LIGHT = sys.argv[3:] == ["light"]
GROUND, TEXT = ("#fcfcfa", "#24272d") if LIGHT else ("#14161a", "#d0d3d8")
SIXTEEN = [
    "#22252b", "#e05561", "#8cc265", "#d8a657", "#5f9fe0", "#c162de", "#42b3c2", "#d0d3d8",
    "#6b7280", "#ff7a85", "#a5e075", "#f0c674", "#7ab8ff", "#de8cf5", "#56d0df", "#ffffff",
]


def indexed(n):
    """A colour of the 256."""
    if n < 16:
        return SIXTEEN[n]
    if n >= 232:
        return "#{0:02x}{0:02x}{0:02x}".format(8 + 10 * (n - 232))
    level = lambda k: 0 if k == 0 else 55 + 40 * k
    n -= 16
    return "#%02x%02x%02x" % (level(n // 36), level(n // 6 % 6), level(n % 6))


# Lines and blocks are drawn, not written: those of a font leave gaps between rows and cells.
LINES = {
    "─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu", "├": "udr", "┤": "udl", "┬": "lrd", "┴": "lru", "┼": "udlr",
}
LOWER, LEFT = "▁▂▃▄▅▆▇█", "▏▎▍▌▋▊▉"
DRAWN = re.compile(rf"([{''.join(LINES)}{LOWER}{LEFT}])\1*")


def shape(glyph, n, x, top, fg, rest):
    """`n` cells of a line or a block."""
    if glyph in LOWER:
        height = LINE * (LOWER.index(glyph) + 1) / 8
        box = (x, top + LINE - height, n * CELL, height)
        return ['<rect x="{:g}" y="{:g}" width="{:g}" height="{:g}" fill="{}"{}/>'.format(*box, fg, rest)]
    if glyph in LEFT:
        wide = CELL * (LEFT.index(glyph) + 1) / 8
        box = '<rect x="{:g}" y="{}" width="{:g}" height="{}" fill="{}"{}/>'
        return [box.format(x + k * CELL, top, wide, LINE, fg, rest) for k in range(n)]
    if glyph == "─":
        ways = f"M{x:g} {top + LINE / 2:g}h{n * CELL:g}"
    else:
        steps = {"u": f"v{-LINE / 2:g}", "d": f"v{LINE / 2:g}", "l": f"h{-CELL / 2:g}", "r": f"h{CELL / 2:g}"}
        middles = [f"M{x + (k + 0.5) * CELL:g} {top + LINE / 2:g}" for k in range(n)]
        ways = "".join(middle + steps[way] for middle in middles for way in LINES[glyph])
    return [f'<path d="{ways}" stroke="{fg}"{rest}/>']


class Style:
    def __init__(self):
        self.fg = self.bg = None
        self.bold = self.dim = self.italic = self.under = self.reverse = False

    def take(self, codes):
        codes = [int(c or 0) for c in codes.replace(":", ";").split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.__init__()
            elif code in (38, 48):
                if codes.pop(0) == 5:
                    colour = indexed(codes.pop(0))
                else:
                    colour = "#%02x%02x%02x" % tuple(codes.pop(0) for _ in range(3))
                setattr(self, "fg" if code == 38 else "bg", colour)
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.fg = SIXTEEN[code - 30 if code < 90 else code - 82]
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.bg = SIXTEEN[code - 40 if code < 100 else code - 92]
            elif code in (39, 49):
                setattr(self, "fg" if code == 39 else "bg", None)
            elif code in (1, 2, 3, 4, 7):
                setattr(self, {1: "bold", 2: "dim", 3: "italic", 4: "under", 7: "reverse"}[code], True)
            elif code == 22:
                self.bold = self.dim = False
            elif code in (23, 24, 27):
                setattr(self, {23: "italic", 24: "under", 27: "reverse"}[code], False)

    def drawn(self):
        """Foreground, background and the rest of a text's attributes."""
        fg, bg = self.fg or TEXT, self.bg
        if self.reverse:
            fg, bg = bg or GROUND, fg
        rest = ""
        if self.bold:
            rest += ' font-weight="bold"'
        if self.dim:
            rest += ' opacity="0.65"'
        if self.italic:
            rest += ' font-style="italic"'
        if self.under:
            rest += ' text-decoration="underline"'
        return fg, bg, rest


def main():
    columns, lines = int(sys.argv[1]), int(sys.argv[2])
    width, height = columns * CELL + 16, lines * LINE + 16
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{SIZE}">',
        f'<rect width="100%" height="100%" rx="8" fill="{GROUND}"/>',
    ]
    style = Style()
    for row, line in enumerate(sys.stdin.read().split("\n")[:lines]):
        column, top = 0, 8 + row * LINE
        for part in re.split(r"(\x1b\[[0-9;:]*m)", line.replace("\x0e", "").replace("\x0f", "")):
            if part.startswith("\x1b["):
                style.take(part[2:-1])
                continue
            if not part:
                continue
            fg, bg, rest = style.drawn()
            x, wide = 8 + column * CELL, len(part) * CELL
            if bg:
                out.append(f'<rect x="{x:g}" y="{top}" width="{wide:g}" height="{LINE}" fill="{bg}"/>')
            for run in DRAWN.finditer(part):
                out += shape(run[1], len(run[0]), 8 + (column + run.start()) * CELL, top, fg, rest)
            # Each group of words has a place of its own: not every viewer keeps several spaces.
            for words in re.finditer(r"\S+(?: \S+)*", DRAWN.sub(lambda run: " " * len(run[0]), part)):
                start, wide = 8 + (column + words.start()) * CELL, len(words[0]) * CELL
                out.append(
                    f'<text x="{start:g}" y="{top + 13}" textLength="{wide:g}" fill="{fg}"{rest}>'
                    f"{html.escape(words[0])}</text>"
                )
            column += len(part)
    out.append("</svg>")
    print("\n".join(out))


main()
