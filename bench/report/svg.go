package main

import (
	"bytes"
	"regexp"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// darkStyle turns what is drawn in black into a light grey where the reader's
// system is dark. The library writes colours into style attributes, which an
// important rule overrides; for a text it leaves black, the default, out.
const darkStyle = `<style>
@media (prefers-color-scheme: dark) {
	text { fill: #e6edf3 !important }
	[style*="stroke:#000000"] { stroke: #e6edf3 !important }
}
</style>
`

// svg draws p for light and dark backgrounds.
func svg(p *plot.Plot) ([]byte, error) {
	canvas := vgsvg.New(chartWidth, chartHeight)
	// The margins are for readers whose typeface is wider than the library's.
	p.Draw(draw.Crop(draw.New(canvas), 6*vg.Millimeter, -6*vg.Millimeter, 2*vg.Millimeter, -2*vg.Millimeter))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return nil, err
	}
	out := b.Bytes()
	// Typefaces of the same widths, for readers without the library's own.
	out = regexp.MustCompile(`font-family:Liberation Sans`).ReplaceAll(out, []byte(`font-family:'Liberation Sans',Arial,Helvetica,sans-serif`))
	end := regexp.MustCompile(`<svg[^>]*>\n?`).FindIndex(out)[1]
	return append(out[:end:end], append([]byte(darkStyle), out[end:]...)...), nil
}
