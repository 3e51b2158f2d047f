package main

import (
	"bytes"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// darkStyle replaces black with a light gray if the reader's system is dark. The
// library writes colors into style attributes, which an important rule overrides. It
// omits black, the default, for text.
const darkStyle = `<style>
@media (prefers-color-scheme: dark) {
	text { fill: #e6edf3 !important }
	[style*="stroke:#000000"] { stroke: #e6edf3 !important }
}
</style>
<g `

// writeSVG draws p for light and dark backgrounds.
func writeSVG(path string, p *plot.Plot) error {
	canvas := vgsvg.New(20*vg.Centimeter, 10*vg.Centimeter)
	// The margins allow for a typeface wider than the library's.
	p.Draw(draw.Crop(draw.New(canvas), 4*vg.Millimeter, -6*vg.Millimeter, 2*vg.Millimeter, -2*vg.Millimeter))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return err
	}
	// These typefaces have the same widths as the library's own.
	out := bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif"))
	return os.WriteFile(path, bytes.Replace(out, []byte("<g "), []byte(darkStyle), 1), 0o644)
}
